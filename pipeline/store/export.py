"""``events.jsonl``: the events of a run as lines of JSON, kept equal to the database."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.files import as_unfit, make_directory
from pipeline.model.codec import encode
from pipeline.model.event import Event
from pipeline.store.layout import Layout
from pipeline.store.records import Records

_encode = json.JSONEncoder(ensure_ascii=False, default=encode).encode


def event_line(event: Event) -> bytes:
    """An event as one line, its fields in the order of the model; lone surrogates are escaped."""
    text = _encode(
        {
            "id": event.id,
            "seq": event.seq,
            "ts": event.ts,
            "level": event.level,
            "run_id": event.run_id,
            "type": event.type,
            "message": event.message,
            "ws_id": event.ws_id,
            "step": event.step,
            "attempt_id": event.attempt_id,
            "payload": event.payload,
        }
    )
    return text.encode("utf-8", "backslashreplace") + b"\n"


class EventExport:
    """A subscriber of the bus that appends to each run's ``events.jsonl``.

    The database is the authority. The first event of a run that this object sees, a gap, and a
    failed write make it compare the whole file with the database and mend what differs: a torn
    last line, lines that are missing, anything that somebody changed.
    """

    def __init__(self, layout: Layout, records: Records) -> None:
        self._layout = layout
        self._records = records
        self._last: dict[str, int] = {}

    def __call__(self, events: Sequence[Event]) -> None:
        """Append the events of one commit; raises ``UnfitError`` where the file cannot grow."""
        by_run: dict[str, list[Event]] = {}
        for event in events:
            by_run.setdefault(event.run_id, []).append(event)
        for run_id, new in by_run.items():
            if self._last.get(run_id) == new[0].seq - 1:
                self._append(run_id, new)
            else:
                self.catch_up(run_id)

    def catch_up(self, run_id: str) -> int:
        """Make the file equal to the database; return how many lines were written."""
        path = self._layout.events_file(run_id)
        make_directory(path.parent)
        self._last.pop(run_id, None)
        events = self._records.events(run_id)
        try:
            written = _mend(path, [event_line(event) for event in events])
        except OSError as error:
            raise as_unfit(error, path) from error
        self._last[run_id] = events[-1].seq if events else 0
        return written

    def _append(self, run_id: str, events: Sequence[Event]) -> None:
        path = self._layout.events_file(run_id)
        last = self._last.pop(run_id)  # until the write is through, nothing is known of the file
        try:
            with path.open("ab", buffering=0) as stream:
                data = b"".join(map(event_line, events))
                if stream.write(data) != len(data):
                    raise UnfitError(f"{path} was written in part.", remedy="Free some space.")
        except FileNotFoundError:  # somebody removed the directory: begin again
            self.catch_up(run_id)
            return
        except OSError as error:
            raise as_unfit(error, path) from error
        self._last[run_id] = last + len(events)


def _mend(path: Path, lines: Sequence[bytes]) -> int:
    """Make a file consist of these lines, keeping what agrees; return how many were written."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    with open(descriptor, "r+b") as stream:  # noqa: PTH123 - opens a descriptor, not a path
        good = 0
        for line in lines:
            if stream.read(len(line)) != line:
                break
            good += 1
        stream.seek(sum(map(len, lines[:good])))
        stream.truncate()
        stream.write(b"".join(lines[good:]))
    return len(lines) - good
