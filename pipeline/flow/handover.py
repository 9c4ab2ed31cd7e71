"""Handing a run over as files: a document that says what is there, and a bundle of the run's refs.

For jobs that share nothing but an artifact: one with no rights runs tools, another one with rights
believes nothing of it (see ``handover_accept``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import InputError
from pipeline.base.files import make_directory, sha256, write_atomic
from pipeline.base.git import Repository
from pipeline.flow.journaling import settle_behind
from pipeline.flow.sync import run_lock
from pipeline.flow.sync_refs import RunRefs, look_here
from pipeline.flow.sync_send import pack as parcel_of
from pipeline.model.config import Config
from pipeline.model.record import RunRecord
from pipeline.store.layout import REF_ROOT, Layout
from pipeline.store.records import Records

FORMAT = 1
DOCUMENT, BUNDLE = "handover.json", "run.bundle"
SCHEMA = "handover.v1.json"
MAX_BUNDLE = 512 << 20
_PACK_TIMEOUT_S = 600.0
_SIGNATURES: Mapping[str, bytes] = {
    "sha1": b"# v2 git bundle\n",
    "sha256": b"# v3 git bundle\n@object-format=sha256\n",
}


@dataclass(frozen=True, slots=True)
class Packed:
    """What was written, for whoever carries it."""

    run_id: str
    status: str
    base_commit: str
    refs: Mapping[str, str]
    size: int
    sha256: str
    directory: Path


def pack(repo: Repository, layout: Layout, config: Config, run: RunRecord, folder: Path) -> Packed:
    """Write a run to ``folder``, which may not hold anything else.

    Raises InputError where it does, or there is nothing to hand over, UnfitError where an engine
    works here or the disk refuses.
    """
    _require_free(folder)
    with run_lock(repo, layout, "pipeline handover"), Records(layout) as records:
        settle_behind(repo, layout, records, run, config.journal.log_bytes)
        ours = look_here(repo).run(run.run_id)
        parcel = parcel_of(repo, ours, RunRefs(run.run_id, REF_ROOT))
        refs = {update.ref: update.new for update in parcel.updates}
        if not refs:
            raise InputError(
                f"There is no journal of run {run.run_id} to hand over.",
                remedy="Set `journal: {enabled: true}` in pipeline.yaml.",
            )
        run = records.run(run.run_id)
        data = bundle_bytes(repo, refs, run.base_commit)
    if len(data) > MAX_BUNDLE:
        raise InputError(
            f"Run {run.run_id} is too large to be handed over as a file: {len(data)} bytes.",
            remedy="Hand it over with `pipeline sync`.",
        )
    packed = Packed(
        run.run_id, run.state.value, run.base_commit, refs, len(data), sha256(data), folder
    )
    make_directory(folder)
    write_atomic(folder / BUNDLE, data)
    # The document comes last: a folder without it is one that was not finished.
    write_atomic(folder / DOCUMENT, json.dumps(_document(packed), indent=2).encode() + b"\n")
    return packed


def bundle_bytes(repo: Repository, refs: Mapping[str, str], base: str) -> bytes:
    """A git bundle (gitformat-bundle) of these refs for whoever has the base commit."""
    header = [_SIGNATURES[repo.object_format], f"-{base} \n".encode()]
    header += [f"{oid} {name}\n".encode() for name, oid in sorted(refs.items())]
    wanted = "".join(f"{oid}\n" for oid in sorted(set(refs.values()))) + f"^{base}\n"
    flags = ("--stdout", "--revs", "--quiet", "--delta-base-offset")
    done = repo.git("pack-objects", *flags, stdin=wanted.encode(), timeout_s=_PACK_TIMEOUT_S)
    return b"".join([*header, b"\n", done.out])


def _document(packed: Packed) -> Mapping[str, object]:
    return {
        "format": FORMAT,
        "run_id": packed.run_id,
        "status": packed.status,
        "base_commit": packed.base_commit,
        "refs": dict(sorted(packed.refs.items())),
        "bundle": {"name": BUNDLE, "size": packed.size, "sha256": packed.sha256},
    }


def _require_free(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is not a directory.", remedy="Name another one.")
    others = [p.name for p in folder.iterdir()] if folder.exists() else []
    foreign = sorted(set(others) - {DOCUMENT, BUNDLE})
    if foreign:
        raise InputError(
            f"{folder} holds other files ({foreign[0]}), which would be handed over as well.",
            remedy="Name an empty directory, or one that does not exist yet.",
        )
