"""What a journal looks like in git: its files, their limits, and the manifest that chains them.

A run's journal is a chain of commits, each a batch. A batch's tree holds the whole record of the
run so far, as lines of JSON: files that grow are cut into slices that never change, the others are
replaced. Its ``manifest.json`` names what is new or changed with its SHA-256, and the SHA-256 of
the manifest before it, so that no earlier batch can be exchanged behind a later one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.base.errors import InputError
from pipeline.base.files import sha256
from pipeline.model.codec import DecodeError, canonical, decode
from pipeline.store.journal.lines import CorruptLineError, loads

FORMAT = 1
MANIFEST = b"manifest.json"
RUN = b"run.jsonl"
PLAN = b"plan.json"
ERRORS = b"errors.jsonl"
PUBLICATIONS = b"publications.jsonl"
EVENTS = b"events"
VERDICTS = b"verdicts"
WORKSTREAMS = b"ws"
TEXTS = b"patch_texts"
LOGS = b"logs"

MAX_BATCHES = 200_000
MAX_FILES = 100_000
MAX_MANIFEST = 16 << 20
MAX_FILE = 256 << 20
MAX_TOTAL = 2 << 30

_SLICE = rb"(?P<first>[0-9]{8})-(?P<last>[0-9]{8})[.]jsonl"
_WS_ID = rb"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_LOG_PART = rb"[A-Za-z0-9_][A-Za-z0-9._+=@,~-]{0,199}"
_KINDS: Mapping[bytes, re.Pattern[bytes]] = {
    EVENTS: re.compile(rb"events/" + _SLICE),
    VERDICTS: re.compile(rb"verdicts/" + _SLICE),
    WORKSTREAMS: re.compile(rb"ws/(?P<ws>" + _WS_ID + rb")[.]jsonl"),
    TEXTS: re.compile(rb"patch_texts/(?P<id>[0-9a-f]{64})"),
    LOGS: re.compile(rb"logs(?:/" + _LOG_PART + rb"){1,4}"),
}
_SINGLE = frozenset({MANIFEST, RUN, PLAN, ERRORS, PUBLICATIONS})
_UNCHANGING = frozenset({EVENTS, VERDICTS, TEXTS, LOGS, PLAN})


class JournalError(InputError):
    """A journal that cannot be taken: of an unknown format, incomplete, or tampered with."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The numbers of the first and last line of a file that is one part of a sequence."""

    first: int
    last: int

    def name(self, kind: bytes) -> bytes:
        """The path of this slice of ``kind``."""
        return b"%s/%08d-%08d.jsonl" % (kind, self.first, self.last)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A batch: its number, what came before it, how far it goes, and what it brings.

    ``previous`` is the SHA-256 of the manifest before, empty for the first; ``last_event`` the
    number of the last event up to here; ``files`` maps new or changed paths to their SHA-256.
    """

    format: int
    run: str
    batch: int
    previous: str
    last_event: int
    files: Mapping[str, str]

    def data(self) -> bytes:
        """As it is stored."""
        return canonical(self) + b"\n"


def read_manifest(data: bytes) -> Manifest:
    """The manifest in these bytes; raises ``JournalError`` without saying which it was."""
    try:
        value = loads(data)
    except CorruptLineError as error:
        raise JournalError(f"its manifest cannot be read: {error}") from None
    number = value.get("format") if isinstance(value, dict) else None
    if number != FORMAT:
        raise JournalError(
            f"it has the format {number!r}, and this git-pipeline knows {FORMAT}",
            remedy="Upgrade git-pipeline.",
        )
    try:
        found = decode(Manifest, value)
    except DecodeError as error:
        raise JournalError(f"its manifest is not one of ours: {error}") from None
    if found.data() != data:
        raise JournalError("its manifest is not written the way ours are")
    return found


def digest_of(manifest: Manifest) -> str:
    """What the next manifest names as ``previous``."""
    return sha256(manifest.data())


def kind_of(path: bytes) -> bytes | None:
    """The directory or file that a path of a journal belongs to; ``None`` for a foreign one."""
    if path in _SINGLE:
        return path
    kind = path.partition(b"/")[0]
    pattern = _KINDS.get(kind)
    return kind if pattern is not None and pattern.fullmatch(path) else None


def never_changes(path: bytes) -> bool:
    """Whether a file stays as it was first written."""
    return kind_of(path) in _UNCHANGING


def slice_of(path: bytes) -> Slice:
    """The numbers in the name of a slice."""
    found = _KINDS[path.partition(b"/")[0]].fullmatch(path)
    if found is None:
        raise JournalError(f"{path!r} is no slice")
    return Slice(int(found["first"]), int(found["last"]))


def ws_of(path: bytes) -> str:
    """The workstream whose file this is."""
    return path.removeprefix(WORKSTREAMS + b"/").removesuffix(b".jsonl").decode("ascii")


def is_log_name(path: bytes) -> bool:
    """Whether a path below ``tool_outputs/`` may be in a journal."""
    return _KINDS[LOGS].fullmatch(LOGS + b"/" + path) is not None
