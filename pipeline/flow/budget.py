"""What agents may use in a run, asked before each of them starts."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from pipeline.base.errors import InterruptedRunError
from pipeline.base.process import CancelToken
from pipeline.flow.bell import Bell, Clock, RealClock
from pipeline.flow.budget_limits import Answer, Reserved, Window, ask
from pipeline.flow.budget_words import exceeded, near_limit, reached
from pipeline.model.agent import Prompt, Usage
from pipeline.model.caps import Cap, caps_of
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.config import BudgetConfig
from pipeline.model.event import EventDraft
from pipeline.model.money import nusd
from pipeline.model.record import Step, WorkstreamRecord
from pipeline.model.workstream import Workstream
from pipeline.store.spending import Spent
from pipeline.work.pricing import expected, expected_tokens, tokens_of

WARN_PERCENT = 80
NO_LIMITS = BudgetConfig()
_PATIENT = frozenset({"reduce_parallelism", "priority"})


class NotAdmittedError(InterruptedRunError):
    """An attempt of an agent was not started, because the run ends before it may."""


class BudgetReachedError(NotAdmittedError):
    """A limit would be passed and waiting does not help; ``pipeline run`` carries on.

    ``action`` is the configured one, ``cap`` the limit and ``ws_id`` whose attempt it was;
    ``spent`` and ``wanted`` (what the attempt was foreseen to cost) are in billionths of a dollar.
    """

    def __init__(self, cap: Cap, ws_id: str, action: str, *, spent: int, wanted: int) -> None:
        what, remedy = reached(cap, spent=spent, wanted=wanted)
        super().__init__(what, remedy=remedy)
        self.cap, self.ws_id, self.action = cap, ws_id, action
        self.spent, self.wanted = spent, wanted


@dataclass(slots=True, eq=False)
class Bill:
    """What one attempt in flight has set aside, and what it used once it is settled.

    ``reserved`` is the most that it is expected to cost, ``foreseen`` what it will cost as far as
    that can be said: its flat price, what is configured where nobody knows its price, or what the
    dearest attempt of its tool has cost in this run.
    """

    tool: str = ""
    caps: tuple[Cap, ...] = ()
    reserved: Reserved = 0
    foreseen: int = 0
    tokens: int = 0
    requests: int = 0
    used: Usage | None = None

    @property
    def assumed(self) -> int:
        """What is counted where nobody knows the cost."""
        return self.reserved or 0

    def settle(self, usage: Usage) -> None:
        """Say what the attempt really used; it is counted when the attempt has ended."""
        self.used = usage


@dataclass(slots=True, eq=False)
class _Ticket:
    """An attempt that waits to be admitted; the least ``rank`` is next."""

    rank: tuple[int, ...]
    ws_id: str
    bill: Bill
    bell: Bell


@dataclass(slots=True)
class _Account:
    spent: int = 0
    is_warned: bool = False


@dataclass(slots=True)
class _State:
    """What changes; only touched with the lock held."""

    accounts: dict[tuple[str, str], _Account] = field(default_factory=dict)
    in_flight: list[Bill] = field(default_factory=list)
    waiting: list[_Ticket] = field(default_factory=list)
    dearest: dict[str, int] = field(default_factory=dict)
    stop: BudgetReachedError | None = None
    tickets: int = 0

    def account(self, cap: Cap) -> _Account:
        return self.accounts.setdefault((cap.kind, cap.name), _Account())


class Budget:
    """Counts what a run's agents used and set aside; safe between threads.

    ``workstreams`` are in plan order; ``spent`` is what the run's attempts used before it was
    carried on; ``tell`` records events; ``deadline`` is a time of ``clock``.
    """

    def __init__(
        self,
        config: BudgetConfig = NO_LIMITS,
        *,
        workstreams: Sequence[Workstream] = (),
        spent: Iterable[Spent] = (),
        tell: Callable[[EventDraft], object] = lambda _: None,
        cancel: CancelToken | None = None,
        deadline: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._workstreams: Mapping[str, Workstream] = {ws.id: ws for ws in workstreams}
        self._order = {ws.id: number for number, ws in enumerate(workstreams)}
        self._tell = tell
        self._cancel = cancel or CancelToken()
        self._deadline = deadline
        self._clock = clock or RealClock()
        self._windows = (Window(config.tokens_per_minute), Window(config.requests_per_minute))
        self._lock = Lock()
        self._state = _State()
        for past in spent:
            self._count_past(past)

    @contextmanager
    def admitted(
        self, record: WorkstreamRecord, profile: ToolProfile, step: Step, prompt: Prompt
    ) -> Iterator[Bill]:
        """Hold what an attempt is expected to use until it has ended.

        Waits while a limit per minute, or the configured action, asks for it. The attempt says
        by ``settle`` what it used. Raises ``BudgetReachedError`` when a limit would be passed
        and waiting does not help, ``NotAdmittedError`` when the run ends first.
        """
        if profile.type is not ToolType.AI:
            yield Bill()
            return
        bill = self._foreseen(record.ws_id, profile, prompt)
        self._admit(record.ws_id, step, bill)
        try:
            yield bill
        finally:
            self._tell_all(self._leave(record.ws_id, step, bill))

    def _foreseen(self, ws_id: str, profile: ToolProfile, prompt: Prompt) -> Bill:
        """The bill of an attempt as it is expected; experience counts where it is dearer."""
        caps = self._caps(ws_id)
        tokens = prompt.tokens or tokens_of(prompt.text)
        cost = expected(profile, tokens) if caps else 0
        configured = nusd(self._config.expected_cost)
        foreseen = nusd(profile.cost.get("per_attempt", 0.0)) if cost is not None else configured
        wanted = (configured or None) if cost is None else cost
        with self._lock:
            dearest = self._state.dearest.get(profile.id, 0)
        return Bill(
            profile.id,
            caps,
            reserved=None if wanted is None else max(wanted, dearest),
            foreseen=max(foreseen, dearest),
            tokens=expected_tokens(profile, tokens),
            requests=1,
        )

    def _caps(self, ws_id: str) -> tuple[Cap, ...]:
        ws = self._workstreams.get(ws_id)
        return caps_of(self._config, ws_id, (ws.phase if ws else None) or "")

    # Before an attempt

    def _admit(self, ws_id: str, step: Step, bill: Bill) -> None:
        """Return when the attempt may start."""
        ticket = self._queue(ws_id, bill)
        try:
            while True:
                self._stop_if_told()
                with self._lock:
                    wait_s = self._look(ticket)
                if wait_s == 0:
                    return
                self._clock.wait(ticket.bell, self._cancel, self._until_deadline(wait_s))
        except BudgetReachedError as error:
            if error.ws_id == ws_id:  # others that wait end for the same reason, told once
                self._tell_all([exceeded(error, ws_id, step)])
            raise
        finally:
            with self._lock:
                if ticket in self._state.waiting:
                    self._state.waiting.remove(ticket)
                self._ring()
                ticket.bell.close()

    def _queue(self, ws_id: str, bill: Bill) -> _Ticket:
        with self._lock:
            self._state.tickets += 1
            rank: tuple[int, ...] = (self._state.tickets,)
            if self._config.action == "priority":
                ws = self._workstreams.get(ws_id)
                rank = (-(ws.priority if ws else 0), self._order.get(ws_id, 0), *rank)
            ticket = _Ticket(rank, ws_id, bill, Bell())
            self._state.waiting.append(ticket)
            return ticket

    def _look(self, ticket: _Ticket) -> float | None:
        """Let the attempt in (0), or how long to wait at most; ``None`` until the bell rings."""
        state = self._state
        if state.stop is not None:
            if state.in_flight:
                return None  # what has been paid for is not thrown away
            raise state.stop
        if ticket is not min(state.waiting, key=lambda other: other.rank):
            return None
        for cap in ticket.bill.caps:
            answer = self._ask(cap, ticket.bill)
            if answer is Answer.WAIT:
                return None
            if answer is Answer.STOP:
                self._stop(cap, ticket)
                return None
        wait_s = self._minute(ticket.bill)
        if wait_s == 0:
            state.waiting.remove(ticket)
            state.in_flight.append(ticket.bill)
        return wait_s

    def _ask(self, cap: Cap, bill: Bill) -> Answer:
        return ask(
            cap.limit,
            self._state.account(cap).spent,
            [other.reserved for other in self._state.in_flight if cap in other.caps],
            bill.reserved,
            least=0 if self._config.action in _PATIENT else bill.foreseen,
        )

    def _minute(self, bill: Bill) -> float | None:
        """How long the limits per minute ask to wait."""
        now, flying = self._clock.now(), self._state.in_flight
        tokens, requests = self._windows
        waits = (
            tokens.wait_s(now, sum(other.tokens for other in flying), bill.tokens),
            requests.wait_s(now, sum(other.requests for other in flying), bill.requests),
        )
        return None if None in waits else max(wait for wait in waits if wait is not None)

    def _stop(self, cap: Cap, ticket: _Ticket) -> None:
        """Raise, or have the run end as soon as nothing is in flight that was paid for."""
        error = BudgetReachedError(
            cap,
            ticket.ws_id,
            self._config.action,
            spent=self._state.account(cap).spent,
            wanted=ticket.bill.foreseen,
        )
        if self._config.action != "ask":
            self._state.stop = error
            self._ring()
            if self._state.in_flight:
                return
        raise error

    def _until_deadline(self, wait_s: float | None) -> float | None:
        if self._deadline is None:
            return wait_s
        left = max(self._deadline - self._clock.now(), 0.0)
        return left if wait_s is None else min(left, wait_s)

    def _stop_if_told(self) -> None:
        remedy = "`pipeline run` carries on."
        if self._cancel.is_cancelled:
            raise NotAdmittedError("The run was told to stop.", remedy=remedy)
        if self._deadline is not None and self._clock.now() >= self._deadline:
            raise NotAdmittedError("The run's time limit has passed.", remedy=remedy)

    # After an attempt

    def _leave(self, ws_id: str, step: Step, bill: Bill) -> list[EventDraft]:
        """Count what an attempt used in place of what it had set aside."""
        with self._lock:
            self._state.in_flight.remove(bill)
            used = bill.used
            if used is not None:
                cost = bill.assumed if used.cost_nusd is None else used.cost_nusd
                now = self._clock.now()
                self._windows[0].add(now, used.input_tokens + used.output_tokens)
                self._windows[1].add(now, used.requests or 1)
                self._learn(bill.tool, used.cost_nusd)
                for cap in bill.caps:
                    self._state.account(cap).spent += cost
            self._ring()
            return [near_limit(cap, spent, ws_id, step) for cap, spent in self._warnings(bill)]

    def _warnings(self, bill: Bill) -> list[tuple[Cap, int]]:
        """The caps that most has been used of now, each once."""
        found = []
        for cap in bill.caps:
            account = self._state.account(cap)
            if not account.is_warned and account.spent * 100 >= cap.limit * WARN_PERCENT:
                account.is_warned = True
                found.append((cap, account.spent))
        return found

    def _count_past(self, past: Spent) -> None:
        cost = past.counted(nusd(self._config.expected_cost))
        self._learn(past.tool, past.cost_nusd)
        for cap in self._caps(past.ws_id):
            self._state.account(cap).spent += cost

    def _learn(self, tool: str, cost: int | None) -> None:
        self._state.dearest[tool] = max(self._state.dearest.get(tool, 0), cost or 0)

    def _ring(self) -> None:
        for ticket in self._state.waiting:
            ticket.bell.ring()

    def _tell_all(self, events: Iterable[EventDraft]) -> None:
        """Record events; never with the lock held, for it waits for the disk."""
        for event in events:
            self._tell(event)
