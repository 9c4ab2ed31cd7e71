"""Repairing a failed CI run: its findings, the mechanical fixers, and the check that failed.

It is an ordinary run of one workstream: the files that the log names are its scope, the fixers
its tool, the failing checks its static gate, the commit that failed its base. So the same
isolation, capture, scope and record hold as for any other change.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.check.ci_log import LogFinding, failing_checks, log_findings
from pipeline.check.executables import Executables
from pipeline.flow.checking import reason_of
from pipeline.flow.fixing_ci_logs import FailedRun
from pipeline.flow.fixing_ci_loop import why_not, workstream_id
from pipeline.flow.gating import judge_commit
from pipeline.flow.mechanical import PROFILE
from pipeline.flow.prepare import Prepared, open_layout, tool_environ, tool_versions
from pipeline.flow.run import Watch, run
from pipeline.model.check import Check, Gate
from pipeline.model.ci_fix import CiFix, CiFixOutcome
from pipeline.model.config import Config, ReviewConfig
from pipeline.model.finding import Finding
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.record import AttemptState, Step, StepAttempt
from pipeline.model.scope import Protected
from pipeline.model.states import WorkstreamState
from pipeline.model.verdict import Result, Verdict
from pipeline.model.workstream import Workstream
from pipeline.planning.bundles import LoadedBundles
from pipeline.planning.configuration import load_config
from pipeline.planning.freeze import freeze
from pipeline.planning.problem import PlanError, errors_of
from pipeline.repair.mechanical import FIXERS
from pipeline.store.records import Records

_ALWAYS_PROTECTED = Protected((".github/", ".git/"))
_MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class CiRequest:
    """A failed CI run to repair; ``environ`` is the caller's environment."""

    failed: FailedRun
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the log says, held against the tree and the configuration."""

    logged: int
    files: tuple[bytes, ...]
    refused: tuple[bytes, ...]
    checks: tuple[Check, ...]


def fix_ci(repo: Repository, request: CiRequest, watch: Watch) -> CiFix:
    """Repair what can be repaired of a failed CI run, and say how much that was.

    Raises ``InputError`` for a commit that is not here and a configuration that has no checks,
    and what ``run`` raises.
    """
    failed = request.failed
    prepared = _prepare(repo, request)
    done = CiFix(
        CiFixOutcome.REFUSED,
        "",
        failed.commit,
        workflow_run=failed.workflow_run,
        is_fork=failed.is_fork,
        is_log_cut=any(log.is_cut for log in failed.logs),
    )
    with Records(prepared.layout) as records:
        known = records if records.latest_run() else None
        reason = why_not(repo, prepared.layout, known, failed)
    if reason:
        return replace(done, reason=reason)
    found = diagnose(repo, failed, prepared.config)
    done = replace(
        done,
        logged=found.logged,
        files=found.files,
        refused_files=found.refused,
        checks=tuple(check.name for check in found.checks),
    )
    if not found.files:
        return replace(done, outcome=CiFixOutcome.NOTHING, reason=_no_files(found))
    if not found.checks:
        raise InputError(
            "No check of pipeline.yaml is known that could have found what the log shows.",
            remedy="Describe the check that failed under `gates`, so that it can be run again.",
        )
    return _repaired(prepared, done, found, watch)


def diagnose(repo: Repository, failed: FailedRun, config: Config) -> Diagnosis:
    """What the logs say is wrong, in which files, and by which configured checks."""
    tree = repo.commit_tree(failed.commit)

    def is_file(path: bytes) -> bool:
        entry = repo.trees.lookup(tree, path)
        return entry is not None and entry.is_regular

    found: list[LogFinding] = []
    for log in failed.logs:
        found += log_findings(log.data, is_file)
    protected = Protected(config.policy.protected or DEFAULT_PROTECTED)
    paths = sorted({one.path for one in found})
    refused = [p for p in paths if not _may_fix(p, protected)]
    files = [path for path in paths if path not in set(refused)][:_MOST_FILES]
    checks = [check for gate in config.gates.values() for check in gate.checks]
    distinct = tuple({check.name: check for check in checks}.values())
    return Diagnosis(
        len({(one.path, one.finding.line, one.finding.message) for one in found}),
        tuple(files),
        tuple(refused),
        failing_checks(found, distinct),
    )


def _may_fix(path: bytes, protected: Protected) -> bool:
    """Whether a fixer may touch a file: a log is no literal grant, and globs are no names."""
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if protected.matches(path) or _ALWAYS_PROTECTED.matches(path):
        return False
    return text.isprintable() and not set(text) & set("*?[]!\\{}#")


def _prepare(repo: Repository, request: CiRequest) -> Prepared:
    """Everything but the plan."""
    if repo.top is None:
        raise InputError(f"{repo.git_dir} has no checkout.", remedy="Run in a clone with one.")
    loaded = load_config(repo.top, environ=request.environ)
    if errors_of(loaded.problems):
        raise PlanError(loaded.problems)
    commit = repo.resolve_commit(request.failed.commit)
    config = loaded.config
    empty = LoadedBundles((), ())
    return Prepared(
        repo,
        open_layout(repo, config),
        config,
        freeze(repo, empty, config, commit),
        # So the repair is proposed for the branch that failed; a fork's is not one of ours.
        commit if request.failed.is_fork else request.failed.branch or commit,
        Executables(repo.temporary),
        tool_environ(request.environ),
    )


def _repaired(prepared: Prepared, done: CiFix, found: Diagnosis, watch: Watch) -> CiFix:
    """Run the failing checks on the commit, then the repair, and compare."""
    before = _before(prepared, found, watch)
    if before.is_green:
        reason = "The check that failed there is green here, on the same commit."
        return replace(done, outcome=CiFixOutcome.ELSEWHERE, reason=reason)
    ws = _workstream(done, found.checks, len(before.findings))
    summary = run(_planned(prepared, ws), watch=watch)
    with Records(prepared.layout) as records:
        record = records.workstream(summary.run_id, ws.id)
        attempts = records.attempts(summary.run_id, ws.id)
    done = replace(done, run_id=summary.run_id, workstream=ws.id, branch=record.branch)
    is_green = record.state is WorkstreamState.DONE
    after = () if is_green else _left(attempts, before.findings)
    return _counted(done, before.findings, after, is_green=is_green, reason=record.reason)


def _before(prepared: Prepared, found: Diagnosis, watch: Watch) -> Verdict:
    """What the failing checks say here of the commit that failed there.

    Raises ``UnfitError`` where they cannot say anything.
    """
    config = replace(prepared.config, gates={"static": Gate("static", found.checks)})
    plan = replace(prepared.plan, config=config)
    asked = replace(prepared, config=config, plan=plan)
    verdict = judge_commit(asked, "static", should_stop=watch.should_stop).verdict
    if verdict.result not in (Result.PASSED, Result.FAILED):
        raise UnfitError(
            f"The check that failed there cannot be run here: {reason_of(verdict)}",
            remedy="Install what it needs, or add it to `setup` in pipeline.yaml.",
        )
    return verdict


def _planned(prepared: Prepared, ws: Workstream) -> Prepared:
    """A plan of this workstream alone, gated by its own checks; nobody is asked about it."""
    config = replace(
        prepared.config,
        gates={},
        tools={**prepared.config.tools, PROFILE.id: PROFILE},
        review=ReviewConfig(on=()),
    )
    commands = [
        *(check.command for check in ws.static or ()),
        *((fixer.program,) for fixer in FIXERS),
    ]
    versions = tool_versions(config, commands, prepared.executables, prepared.environ)
    plan = freeze(
        prepared.repo,
        LoadedBundles((ws,), ()),
        config,
        prepared.plan.base_commit,
        tool_versions=versions,
    )
    return replace(prepared, config=config, plan=plan)


def _counted(
    done: CiFix,
    before: tuple[Finding, ...],
    after: tuple[Finding, ...],
    *,
    is_green: bool,
    reason: str,
) -> CiFix:
    """Compare by signature and file, so that what only moved within a file is the same."""
    was, is_now = _counts(before), _counts(after)
    found = max(1, was.total())  # a check that is red without a finding has one thing wrong
    left = sum((was & is_now).values()) if was else 0
    fixed = found if is_green else max(0, found - max(left, 1))
    outcome = CiFixOutcome.PARTLY if fixed else CiFixOutcome.UNFIXED
    return replace(
        done,
        outcome=CiFixOutcome.FIXED if is_green else outcome,
        reason="" if is_green else reason,
        found=found,
        fixed=fixed,
        fix_rate=round(fixed / found, 4),
    )


def _counts(findings: Iterable[Finding]) -> Counter[tuple[str, bytes]]:
    return Counter((one.signature, one.path or b"") for one in findings)


def _left(attempts: tuple[StepAttempt, ...], before: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What the check still says of the repaired tree; all of it where nothing was repaired."""
    red = [a for a in attempts if a.step is Step.STATIC and a.state is AttemptState.FAILED]
    return red[-1].findings if red else before


def _workstream(done: CiFix, checks: tuple[Check, ...], found: int) -> Workstream:
    names = ", ".join(check.name for check in checks)
    what = f"the log of workflow run {done.workflow_run}" if done.workflow_run else "a CI log"
    return Workstream(
        workstream_id(done.commit),
        title=f"Repair what {names} found"[:72],
        description=f"Found {found} in {what}; only fixers that need no judgement were run.",
        files_scope=tuple(path.decode() for path in done.files),
        tasks=(f"Repair mechanically what {names} found",),
        tool=PROFILE.id,
        static=checks,
        fix=(),
    )


def _no_files(found: Diagnosis) -> str:
    if found.refused:
        return "All findings are in files that only a person may change."
    return "The log shows no finding about a file of this repository."
