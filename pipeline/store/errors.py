"""What goes wrong between the engine and its store."""

from pipeline.base.errors import BugError


class IllegalMoveError(BugError):
    """A move that the table of states does not hold; nothing was changed, an event tells of it."""


class StaleStateError(BugError):
    """What was to be changed is not in the state that the caller saw; nothing was changed.

    ``actual`` is the stored state as text, empty where there is no such thing.
    """

    def __init__(self, what: str, *, actual: str) -> None:
        super().__init__(what)
        self.actual = actual
