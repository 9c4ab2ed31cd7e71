"""What all findings readers share: their shape, their error, paths, text and limits."""

import functools
import json
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from pipeline.model.finding import Finding, Severity

MAX_FINDINGS = 5_000
MAX_MESSAGE = 2_000  # characters

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]")
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_DRIVE = re.compile(rb"/?([A-Za-z]:)[\\/]")


class UnreadableOutputError(ValueError):
    """A tool's output does not have the form that was promised; the text says why."""


class Reader(Protocol):
    """Turns a tool's output into findings.

    ``report`` is the content of the check's ``output_file``, ``None`` where it has none. ``tool``
    names the check, ``root`` is the absolute path of the checkout that was checked; it still
    exists. Paths in the findings are relative to it. Signatures are set later, by the caller.
    Raises ``UnreadableOutputError``.
    """

    def __call__(
        self, stdout: bytes, stderr: bytes, report: bytes | None, *, tool: str, root: bytes
    ) -> tuple[Finding, ...]:
        """Return the findings in the order of the output."""


def repository_path(raw: bytes, root: bytes) -> bytes | None:
    """Return a path as a tool wrote it relative to ``root``; ``None`` where it lies outside.

    Windows paths (a drive letter, or any path when ``root`` has one) come back with slashes.
    """
    raw_is_windows = _DRIVE.match(raw) is not None
    if raw_is_windows or _DRIVE.match(root):
        raw, root = _with_slashes(raw), _with_slashes(root)
    if not raw or b"\0" in raw:
        return None
    if raw.startswith(b"/") or raw_is_windows:
        relative = _below(raw, root)
        if relative is None:
            return None
        raw = relative
    path = posixpath.normpath(raw)
    is_inside = path not in (b".", b"..") and not path.startswith((b"../", b"/"))
    return path if is_inside else None


def plain_text(raw: str) -> str:
    """Return text for people: no terminal sequences, control or direction characters, cut."""
    text = _UNSHOWABLE.sub("", _ANSI.sub("", raw)).strip()
    if len(text) > MAX_MESSAGE:
        text = text[: MAX_MESSAGE - 1] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def strip_ansi(raw: bytes) -> bytes:
    """Return bytes without terminal sequences; all other bytes stay as they are."""
    if b"\x1b" not in raw:
        return raw
    return _ANSI.sub("", raw.decode("latin-1")).encode("latin-1")


def bounded(findings: Iterable[Finding], *, tool: str) -> tuple[Finding, ...]:
    """Return at most ``MAX_FINDINGS`` findings, and one more that tells how many were cut."""
    source: Iterator[Finding] = iter(findings)
    kept = tuple(islice(source, MAX_FINDINGS))
    cut = sum(1 for _ in source)
    if not cut:
        return kept
    message = f"{cut} more findings are not shown; the first {MAX_FINDINGS} are."
    return (*kept, Finding(tool, "too-many-findings", message, severity=Severity.INFO))


def load_json(data: bytes) -> Any:
    """Return a JSON document; raises ``UnreadableOutputError``."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableOutputError(f"the output is not JSON: {error}") from error


def as_object(value: Any, what: str) -> dict[str, Any]:
    """Return a JSON object (absent counts as empty); raises ``UnreadableOutputError``."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableOutputError(f"{what} is not an object")
    return value


def as_list(value: Any, what: str) -> list[Any]:
    """Return a JSON list (absent counts as empty); raises ``UnreadableOutputError``."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableOutputError(f"{what} is not a list")
    return value


def as_text(value: Any) -> str:
    """Return a JSON string, or nothing for any other value."""
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int:
    """Return a line or column number, 0 where there is none."""
    return value if isinstance(value, int) and 0 < value < 2**31 else 0


def path_bytes(text: str) -> bytes:
    """Return the bytes of a path that came as text."""
    return text.encode("utf-8", "replace")


def _with_slashes(path: bytes) -> bytes:
    path = path.replace(b"\\", b"/")
    return path[1:] if _DRIVE.match(path) and path.startswith(b"/") else path


def _below(path: bytes, root: bytes) -> bytes | None:
    """Return the part below the root, which a tool may have printed with links resolved."""
    for top in (root, _real(root)):
        prefix = top.rstrip(b"/") + b"/"
        if path.startswith(prefix):
            return path[len(prefix) :].lstrip(b"/")
    return None


@functools.lru_cache(maxsize=64)
def _real(root: bytes) -> bytes:
    return os.path.realpath(root)
