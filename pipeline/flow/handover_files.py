"""The files of a handover, read as what they are: something that a stranger has put there.

Each is opened without following links, has to be an ordinary file of the size and hash that the
document names, and is read once; what was checked is what is used.
"""

import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.base.console import safe
from pipeline.base.errors import InputError
from pipeline.base.files import sha256
from pipeline.base.git import is_ref_name
from pipeline.base.schema import fast_check, violations
from pipeline.flow.handover import BUNDLE, DOCUMENT, FORMAT, MAX_BUNDLE, SCHEMA
from pipeline.flow.sync_refs import RunRefs, look_at
from pipeline.store.layout import REF_ROOT

_MAX_DOCUMENT = 4 << 20
_MAX_HEADER = 4 << 20
_OID = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_PREREQUISITE = re.compile(rf"-({_OID})(?: .*)?")
_REF = re.compile(rf"({_OID}) (\S+)")
_FORMAT = re.compile(r"@object-format=(sha1|sha256)")


class HandoverError(InputError):
    """A handover that is not accepted; nothing of it was taken over."""

    def __init__(self, why: str, *, remedy: str = "") -> None:
        super().__init__(
            f"The handover is refused: {why}.",
            remedy=remedy or "Have it packed again with `pipeline handover pack`.",
        )


@dataclass(frozen=True, slots=True)
class Handover:
    """What is in the files, as far as files alone can tell; ``pack`` is that of the bundle."""

    run_id: str
    base_commit: str
    refs: Mapping[str, str]
    pack: bytes

    @property
    def run_refs(self) -> RunRefs:
        """The refs, sorted."""
        return look_at(self.refs, REF_ROOT).run(self.run_id)


def read_handover(folder: Path) -> Handover:
    """Read and check the files; raises HandoverError."""
    if folder.is_symlink() or not folder.is_dir():
        raise HandoverError(f"{folder} is not a directory", remedy="Name the one that was packed.")
    entries = os.listdir(folder)  # noqa: PTH208 - names are all that is looked at
    odd = sorted(set(entries) - {DOCUMENT, BUNDLE})
    if odd:
        raise HandoverError(f"it holds {safe(odd[0], 80)!r}, which is no part of one")
    document = _document(_read(folder / DOCUMENT, _MAX_DOCUMENT))
    told = document["bundle"]
    data = _read(folder / BUNDLE, min(told["size"], MAX_BUNDLE))
    if len(data) != told["size"] or sha256(data) != told["sha256"]:
        raise HandoverError(f"{BUNDLE} is not of the size and hash that {DOCUMENT} names")
    refs = _refs(document)
    return Handover(
        document["run_id"],
        document["base_commit"],
        refs,
        _pack(data, refs, document["base_commit"]),
    )


def _read(path: Path, limit: int) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise HandoverError(f"{path.name} cannot be read: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise HandoverError(f"{path.name} is not an ordinary file")
        if found.st_size > limit:
            raise HandoverError(f"{path.name} is larger than it may be: {found.st_size} bytes")
        return file.read(limit + 1)


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise HandoverError(f"{DOCUMENT} is no JSON: {str(error)[:80]}") from None
    number = document.get("format") if isinstance(document, dict) else None
    if number != FORMAT:
        raise HandoverError(
            f"{DOCUMENT} has the format {safe(str(number), 20)}, and this git-pipeline knows "
            f"{FORMAT}",
            remedy="Use the same version of git-pipeline in both jobs.",
        )
    if not fast_check(SCHEMA)(document):
        wrong = next(violations(SCHEMA, document), None)
        where = ".".join(map(str, wrong.path)) if wrong else "?"
        raise HandoverError(f"{DOCUMENT} is not as {SCHEMA} wants it, at {safe(where, 80)}")
    found: Mapping[str, Any] = document
    return found


def _refs(document: Mapping[str, Any]) -> Mapping[str, str]:
    refs: Mapping[str, str] = document["refs"]
    place = look_at(refs, REF_ROOT)
    foreign = [name for name in refs if not is_ref_name(name)]
    foreign += [name for name in refs if not name.startswith(f"{REF_ROOT}/")]
    foreign += place.odd
    foreign += [n for run in place.runs.values() if run.run_id != document["run_id"]
                for n in map(run.name, run.refs)]  # fmt: skip  # one condition in rows
    if foreign:
        raise HandoverError(f"it holds {safe(foreign[0], 120)!r}, which is no ref of its run")
    if not place.run(document["run_id"]).head:
        raise HandoverError("it holds no journal")
    return refs


def _pack(data: bytes, refs: Mapping[str, str], base: str) -> bytes:
    """The pack in a bundle whose header says just what the document says."""
    end = data.find(b"\n\n", 0, _MAX_HEADER)
    lines = data[: max(end, 0)].decode("utf-8", "backslashreplace").split("\n")
    if end < 0 or lines[0] not in ("# v2 git bundle", "# v3 git bundle"):
        raise HandoverError(f"{BUNDLE} is no bundle of git's")
    found: dict[str, str] = {}
    for line in lines[1:]:
        needed = _PREREQUISITE.fullmatch(line)
        ref = _REF.fullmatch(line)
        if needed and needed[1] == base:
            continue
        if needed:
            raise HandoverError(f"{BUNDLE} is not based on {base[:12]} but on {needed[1][:12]}")
        if ref and ref[2] not in found:
            found[ref[2]] = ref[1]
        elif not _FORMAT.fullmatch(line):
            raise HandoverError(f"{BUNDLE} has a header with {safe(line, 80)!r} in it")
    if found != refs:
        raise HandoverError(f"{BUNDLE} holds other refs than {DOCUMENT} names")
    return data[end + 2 :]
