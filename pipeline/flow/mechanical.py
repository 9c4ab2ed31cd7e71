"""The mechanical rung as an editor: fixers that need no judgement, on the files in scope."""

import os
import time

from pipeline.flow.context import RunContext
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.edit import ToolReport
from pipeline.model.record import AttemptState, Step, WorkstreamRecord
from pipeline.model.scope import Scope
from pipeline.repair.mechanical import find_program, mechanical_commands
from pipeline.work.editors import EditRequest, EditResult
from pipeline.work.tools import run_tool, slot_values, tool_environment

PROFILE = ToolProfile("mechanical", type=ToolType.FIXER, timeout_s=300.0)
"""The fixers as a tool; where it is a bundle's, they do its EDIT."""


class MechanicalEditor:
    """Runs the configured fixers in a slot; what they change is captured and judged as any edit."""

    needs_directory = True

    def __init__(
        self, context: RunContext, record: WorkstreamRecord, step: Step = Step.FIX
    ) -> None:
        """As an EDIT it works on all files that the bundle names literally."""
        self._context = context
        self._record = record
        self._step = step

    def takes_feedback(self, profile: ToolProfile) -> bool:
        """Fixers look at the files, never at findings."""
        return False

    def edit(self, request: EditRequest) -> EditResult:
        """Run each fixer in turn, up to the first that does not end well."""
        if request.slot is None:
            raise AssertionError("fixers work in a directory")
        began, limit = time.monotonic(), request.timeout_s or PROFILE.timeout_s
        path = self._context.environment.get("PATH", "")
        mechanical = mechanical_commands(
            self._files(),
            self._context.config.repair,
            find=lambda name: find_program(name, path=path),
        )
        own = slot_values(request.slot)
        env = tool_environment(PROFILE, environ=self._context.environment, own=own)
        report = ToolReport("mechanical", summary=" ".join(mechanical.skipped))
        for number, command in enumerate(mechanical.commands, start=1):
            report = run_tool(
                PROFILE,
                tuple(map(os.fsdecode, command.argv)),
                cwd=request.slot.path,
                env=env,
                logs=request.logs.with_name(f"{request.logs.name}-{number}"),
                cancel=request.cancel,
                timeout_s=max(1.0, limit - (time.monotonic() - began)),
                tag=request.tag,
            )
            if report.ending != "exited" or report.exit_code != 0:
                break
        return EditResult(report)

    def _files(self) -> tuple[bytes, ...]:
        """What the workstream changed, and what the red gate complains of, where it may modify."""
        context, record = self._context, self._record
        ws = context.workstream(record.ws_id)
        scope = Scope(ws.files_scope, ws.files_create)
        if self._step is Step.EDIT:
            named = (path.removeprefix("/").encode() for path in ws.files_scope)
            return tuple(p for p in named if context.repo.trees.lookup(record.tree, p) is not None)
        origin = context.repo.commit_tree(record.start_commit)
        paths = {c.path for c in context.repo.trees.diff(origin, record.tree) if c.after}
        attempts = context.ledger.attempts(context.run_id, record.ws_id)
        red = [
            a
            for a in attempts
            if a.step in (Step.STATIC, Step.RUNTIME) and a.state is AttemptState.FAILED
        ]
        complained = {f.path for f in red[-1].findings if f.path} if red else set()
        present = {
            path for path in complained if context.repo.trees.lookup(record.tree, path) is not None
        }
        return tuple(sorted(paths | {p for p in present if scope.may_modify(p)}))
