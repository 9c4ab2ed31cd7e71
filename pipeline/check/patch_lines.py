"""A patch as lines that are read once from top to bottom."""

from pipeline.model.patch import Reason


class MalformedPatchError(Exception):
    """A line is not what the grammar wants; caught by `read_patch`, never seen by people.

    ``number`` counts from 1; ``what`` is a sentence without a full stop.
    """

    def __init__(self, number: int, what: str, reason: Reason = Reason.FORMAT) -> None:
        super().__init__(f"line {number}: {what}")
        self.number = number
        self.what = what
        self.reason = reason


class PatchLines:
    """The lines of a patch without their line feeds, and how far they have been read."""

    def __init__(self, data: bytes) -> None:
        self._lines = data.split(b"\n")
        self._lines.pop()  # what stands behind the last line feed: nothing
        self._at = 0

    @property
    def is_done(self) -> bool:
        """Whether every line has been read."""
        return self._at == len(self._lines)

    @property
    def number(self) -> int:
        """The number of the next line, from 1."""
        return self._at + 1

    def peek(self) -> bytes | None:
        """The next line, or None at the end."""
        return None if self.is_done else self._lines[self._at]

    def take(self) -> bytes:
        """The next line, which is then read; raises MalformedPatchError at the end."""
        if self.is_done:
            raise self.wrong("the patch is cut short")
        self._at += 1
        return self._lines[self._at - 1]

    def take_if(self, start: bytes) -> bytes | None:
        """What follows ``start`` in the next line, which is then read; None if it does not."""
        if self.is_done or not self._lines[self._at].startswith(start):
            return None
        return self.take()[len(start) :]

    def wrong(
        self, what: str, *, back: int = 0, reason: Reason = Reason.FORMAT
    ) -> MalformedPatchError:
        """An error at the next line, or ``back`` lines before it."""
        return MalformedPatchError(self.number - back, what, reason)
