"""Hook ``pipeline-scope``: a commit on a workstream's branch stays within its frozen scope."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.base.git.staged import current_branch, staged_changes
from pipeline.check.policy import Done, path_objections
from pipeline.model.patch import Objection
from pipeline.model.plan import Plan
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.scope import Protected, Scope
from pipeline.planning.configuration import load_config
from pipeline.store.layout import Layout
from pipeline.store.records import Records


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the staged change; 1 if it leaves the scope, each reason a line.

    On any other branch there is nothing to judge. The plan is that of the newest run that knows
    the workstream; without one nobody can tell, and the commit is refused with the next step.
    """
    argparse.ArgumentParser(
        prog="pipeline-scope", description="Hold a commit on a ws/… branch to its scope."
    ).parse_known_args(argv)
    with Repository.discover(Path()) as repo:
        top = repo.top or Path()
        paths = load_config(top).config.paths
        branch = current_branch(repo)
        prefix = f"refs/heads/{paths.ws_prefix}/"
        if not branch.startswith(prefix):
            return ExitCode.OK
        ws_id = branch.rpartition("/")[2]
        layout = Layout.of(git_dir=repo.git_dir, common_dir=repo.common_dir, top=top)
        plan = _frozen_plan(layout, branch)
        if plan is None:
            sys.stdout.write(
                f"No run in this clone knows {branch.removeprefix('refs/heads/')}, so its scope "
                "is not known here. Run `pipeline run`, or commit on another branch.\n"
            )
            return ExitCode.NOT_PASSED
        objections = _judge(repo, plan, ws_id)
    for objection in objections:
        sys.stdout.write(f"{objection.message}\n")
    return ExitCode.NOT_PASSED if any(o.is_blocking for o in objections) else ExitCode.OK


def _frozen_plan(layout: Layout, branch: str) -> Plan | None:
    with Records(layout) as records:
        for run in records.runs(kind="run"):
            if any(ws.branch == branch for ws in records.workstreams(run.run_id)):
                return records.plan(run.run_id)
    return None


def _judge(repo: Repository, plan: Plan, ws_id: str) -> list[Objection]:
    ws = plan.workstream(ws_id)
    scope = Scope(ws.files_scope, ws.files_create)
    policy = plan.config.policy
    protected = Protected(policy.protected or DEFAULT_PROTECTED)
    named = os.environ.get("GIT_INDEX_FILE")
    index = Path(named).absolute() if named else None
    found: list[Objection] = []
    for change in staged_changes(repo, index=index):
        done = Done.CREATED if change.before is None else Done.MODIFIED
        if change.after is None:
            done = Done.DELETED
        found += path_objections(change.path, done, scope=scope, protected=protected, policy=policy)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
