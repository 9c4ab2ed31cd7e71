"""Requests to whoever holds the repository: whole files in a directory, taken once, in order."""

import contextlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.base.clock import now
from pipeline.base.files import make_directory, write_atomic
from pipeline.base.ids import is_id, new_id
from pipeline.model.codec import DecodeError, decode, dumps
from pipeline.store.layout import Layout

_KIND = re.compile(r"[a-z][a-z_]{0,31}")
_MAX_BYTES = 64 * 1024
_CLAIMED = ".claimed"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for (``cancel``, …), of which run; the receiver knows the kinds."""

    kind: str
    run_id: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    posted_at: str = field(default_factory=now)


def post(layout: Layout, request: Request) -> Path:
    """Leave a request, whole and durable; raises ``UnfitError`` where it cannot be written."""
    make_directory(layout.inbox)
    path = layout.inbox / f"{request.id}.json"
    write_atomic(path, dumps(request).encode("utf-8", "backslashreplace"))
    return path


def take(layout: Layout) -> tuple[Request, ...]:
    """Take every request, the oldest first; each is given to one caller only.

    What is not a sound request is moved to ``inbox/rejected`` with the reason beside it. An empty
    inbox costs one look at a directory.
    """
    taken = []
    for name in _waiting(layout.inbox):
        path = layout.inbox / name
        claimed = path.with_name(name + _CLAIMED)
        try:
            path.rename(claimed)
        except FileNotFoundError:  # somebody else was faster
            continue
        try:
            taken.append(_read(claimed, path.stem))
        except (OSError, ValueError, RecursionError) as error:
            _reject(layout.inbox, claimed, name, str(error))
        else:
            claimed.unlink()
    return tuple(taken)


def discard_claimed(layout: Layout) -> int:
    """Remove requests that a holder took and died over; return how many.

    They were for that holder: to cancel a run that is dead already asks for nothing.
    """
    removed = 0
    for path in layout.inbox.glob(f"*.json{_CLAIMED}"):
        path.unlink(missing_ok=True)
        removed += 1
    return removed


def _waiting(inbox: Path) -> list[str]:
    try:
        with os.scandir(inbox) as entries:
            return sorted(e.name for e in entries if e.name.endswith(".json"))
    except FileNotFoundError:
        return []


def _read(path: Path, request_id: str) -> Request:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("it is not a regular file")
    with path.open("rb") as stream:
        data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError(f"it is larger than {_MAX_BYTES} bytes")
    try:
        request = decode(Request, json.loads(data))
    except DecodeError as error:
        raise ValueError(f"it is not a request: {error}") from error
    if not _KIND.fullmatch(request.kind):
        raise ValueError("its kind is not a lower-case word")
    if not is_id(request.id) or request.id != request_id:
        raise ValueError("its id is not that of its file")
    return request


def _reject(inbox: Path, claimed: Path, name: str, reason: str) -> None:
    rejected = make_directory(inbox / "rejected")
    # Another reader may have moved the file; what matters is that it is out of the way.
    with contextlib.suppress(FileNotFoundError):
        claimed.rename(rejected / name)
    write_atomic(rejected / f"{name}.reason", f"{reason}\n".encode("utf-8", "backslashreplace"))
