"""What is on record of gates: whether every landed tree was green before it landed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.base.git.witness import CommitFacts
from pipeline.flow.verify_case import Case, Tally, short
from pipeline.flow.verify_sides import landing_bundle
from pipeline.model.check import Check
from pipeline.model.event import EventType
from pipeline.model.plan import Plan
from pipeline.model.record import WorkstreamRecord
from pipeline.model.workstream import Workstream
from pipeline.store.records import Records

_PASSED = """
    SELECT key FROM verdicts WHERE result = 'passed' AND instr(CAST(key AS TEXT), ?) > 0
"""
_GREEN_EVENTS = frozenset({EventType.GATE_PASSED, EventType.VERDICT_REUSED})


@dataclass(frozen=True, slots=True)
class Greens:
    """Evidence of green trees.

    A check is green on a tree by a stored verdict, whose key names both; a gate by an event that
    names the tree. Answers that are never stored (``cache: false``) leave no more than the event
    of the landing itself.
    """

    records: Records
    plan: Plan | None
    gates: frozenset[tuple[str, str]]
    merged: frozenset[tuple[str, str]]
    _known: dict[str, list[object]] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Case) -> "Greens":
        """The evidence of a run, and of the one whose work it took over."""
        events = [*case.events]
        if case.run.taken_from:
            events += case.records.events(case.run.taken_from, types=_GREEN_EVENTS)
        gates = {
            (str(event.payload.get("gate")), str(event.payload.get("tree")))
            for event in events
            if event.type in _GREEN_EVENTS and event.payload.get("result") == "passed"
        }
        merged = {
            (event.ws_id or "", str(event.payload.get("commit")))
            for event in case.events
            if event.type is EventType.MERGED
        }
        return cls(case.records, case.plan, frozenset(gates), frozenset(merged))

    def check(
        self, case: Case, tally: Tally, landed: Sequence[tuple[WorkstreamRecord, CommitFacts]]
    ) -> None:
        """Each landed tree is green: by itself, or in a batch by one that landed after it."""
        plan = self.plan
        if plan is None:
            return
        is_batch = plan.config.landing.mode == "batch"
        for number, (record, link) in enumerate(landed):
            approval = case.approval(record)
            if approval is not None and approval.waives_gates:
                case.notes.append(f"{record.ws_id} landed with its gates waived by a person.")
                continue
            ws = landing_bundle(case, record) or plan.workstream(record.ws_id)
            later = landed[number:] if is_batch else landed[number : number + 1]
            red = [
                check.name
                for check in checks_of(plan, ws)
                if not any(self._is_green(check, ws, link.tree) for _, link in later)
            ]
            told = (record.ws_id, link.oid) in self.merged
            uncached = {check.name for check in checks_of(plan, ws) if not check.cache}
            lacking = [name for name in red if not (told and name in uncached)]
            tally.expect(
                not lacking,
                f"{record.ws_id} landed as the tree {short(link.tree)}, for which there is no "
                f"green verdict of {', '.join(lacking)}.",
            )

    def _is_green(self, check: Check, ws: Workstream, tree: str) -> bool:
        gate = "static" if check in _static(self.plan, ws) else "runtime"
        if {(gate, tree), ("merged", tree)} & self.gates:
            return True
        return _command(check) in self._commands(tree)

    def _commands(self, tree: str) -> list[object]:
        """The commands that passed on a tree, by the keys of stored verdicts."""
        if tree not in self._known:
            rows = self.records.query(_PASSED, (tree,))
            keys = [json.loads(key) for (key,) in rows]
            self._known[tree] = [_spoken(key) for key in keys if key.get("tree") == tree]
        return self._known[tree]


def checks_of(plan: Plan, ws: Workstream) -> tuple[Check, ...]:
    """Everything that a workstream has to pass."""
    gates = plan.config.gates
    runtime = gates["runtime"].checks if "runtime" in gates else ()
    named = gates[ws.gate].checks if ws.gate and ws.gate in gates else ()
    return (*_static(plan, ws), *runtime, *ws.acceptance_tests, *named)


def _static(plan: Plan | None, ws: Workstream) -> tuple[Check, ...]:
    if ws.static is not None or plan is None:
        return ws.static or ()
    return plan.config.gates["static"].checks if "static" in plan.config.gates else ()


def _command(check: Check) -> object:
    return check.command if isinstance(check.command, str) else list(check.command)


def _spoken(key: dict[str, dict[str, object]]) -> object:
    command = key.get("command", {})
    return command.get("argv", command.get("text"))
