"""What a gate's checks do beside judging: they run a workstream's code, and are watched."""

from types import TracebackType
from typing import Self

from pipeline.flow.context import RunContext
from pipeline.model.event import EventDraft, EventType, Level
from pipeline.model.patch import Objection, Reason
from pipeline.model.verdict import CheckResult
from pipeline.work.guard import Mark
from pipeline.work.setup import SetupDirs, is_sealed


class GateWatch:
    """Looks around before the first check of a gate starts and after the last one has ended.

    It stands before the verdict cache: what is to be kept waits there until it is known that the
    checks left alone what is not theirs. A gate whose answers were all known costs nothing.
    """

    def __init__(self, context: RunContext, ws_id: str, setup: SetupDirs) -> None:
        self._context = context
        self._ws_id = ws_id
        self._setup = setup
        self._mark: Mark | None = None
        self._waiting: list[tuple[str, bytes, CheckResult]] = []
        self.objections: tuple[Objection, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        mark, self._mark = self._mark, None
        if mark is None:
            return
        found = list(self._context.control_plane.after(mark))
        if not is_sealed(self._setup):
            found.append(Objection(Reason.CONTROL_PLANE, "a set-up directory was changed"))
        self.objections = tuple(o for o in found if o.is_blocking)
        if kind is not None or self.objections:
            self._waiting.clear()
        for objection in self.objections:
            self._tell(objection)
        for key, full_key, result in self._waiting:
            self._context.verdicts.save(key, full_key, result)

    def begin(self) -> None:
        """Look around; called when the first check is about to run."""
        if self._mark is None:
            self._mark = self._context.control_plane.before()

    def lookup(self, key: str, full_key: bytes) -> CheckResult | None:
        """The answer that is known for a key."""
        return self._context.verdicts.lookup(key, full_key)

    def save(self, key: str, full_key: bytes, result: CheckResult) -> None:
        """Keep an answer until the gate has ended well."""
        self._waiting.append((key, full_key, result))

    def _tell(self, objection: Objection) -> None:
        self._context.ledger.record_soon(
            EventDraft(
                EventType.CONTROL_PLANE_CHANGED,
                f"{self._ws_id}: while its gate ran: {objection.message}",
                level=Level.WARNING,
                run_id=self._context.run_id,
                ws_id=self._ws_id,
                payload={"path": objection.path},
            )
        )
