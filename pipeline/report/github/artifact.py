"""A run's facts as a file, for a job that may write where the one that ran it may not.

The file holds no text that is published: whoever reads it makes the texts, so that nothing in it
can mention, link or break out, whoever wrote it. Where it says that a gate is green, that is the
word of the job that wrote it and of nobody else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pipeline.base import schema
from pipeline.base.errors import InputError
from pipeline.model import codec
from pipeline.model.check import Check
from pipeline.model.config import Config
from pipeline.model.patch import Patch
from pipeline.model.patch_ledger import PatchRecord
from pipeline.model.plan import Plan
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.record import RunRecord, StepAttempt, WorkstreamRecord
from pipeline.model.review import Review
from pipeline.model.scope import Protected
from pipeline.model.workstream import Workstream
from pipeline.report.github.view import Place, RunView, WorkstreamView
from pipeline.report.github.words import worst_first
from pipeline.report.summary import summarize
from pipeline.store.spending import Total

FORMAT = 1
MAX_BYTES = 20 * 1024 * 1024
_SCHEMA = "report_artifact.v1.json"
_ATTEMPTS = 200
_FINDINGS = (1000, 100, 10, 0)
_DETAILS = ("gate", "result", "checks", "code", "classification", "rung", "is_fixer")
_BUNDLE = ("id", "title", "description", "openspec_change", "ccpm_issue", "source")
_REMEDY = "Make it again with `pipeline report --to artifact`."


@dataclass(frozen=True, slots=True)
class _Bundle:
    """As much of a bundle as is told of."""

    id: str
    title: str = ""
    description: str = ""
    openspec_change: str | None = None
    ccpm_issue: str | None = None
    tasks: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    acceptance_tests: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Workstream:
    record: WorkstreamRecord
    bundle: _Bundle
    attempts: tuple[StepAttempt, ...] = ()
    patch: Patch | None = None
    reviews: tuple[Review, ...] = ()
    spent: Total = field(default_factory=Total)


@dataclass(frozen=True, slots=True)
class _Artifact:
    format: int
    run: RunRecord
    spent: Total = field(default_factory=Total)
    workstreams: tuple[_Workstream, ...] = ()
    left_out: int = 0


def write_artifact(view: RunView, *, room: int = MAX_BYTES) -> bytes:
    """The file's content, as ``report_artifact.v1.json``, in at most ``room`` bytes.

    Findings are left out where there is not enough. Raises ``InputError`` where that does not do.
    """
    content = b""
    for limit in _FINDINGS:
        content = codec.dumps(_artifact(view, limit)).encode("utf-8", "backslashreplace") + b"\n"
        if len(content) <= room:
            return content
    raise InputError(
        f"The report of run {view.run_id} has {len(content):,} bytes, more than {room:,}.",
        remedy="Run fewer workstreams at once.",
    )


def _artifact(view: RunView, limit: int) -> _Artifact:
    parts = tuple(_workstream(ws, limit) for ws in view.workstreams)
    told = sum(len(one.findings) for part in parts for one in part.attempts)
    every = sum(len(one.findings) for ws in view.workstreams for one in ws.attempts)
    return _Artifact(FORMAT, view.run, view.spent, parts, every - told)


def _workstream(ws: WorkstreamView, limit: int) -> _Workstream:
    bundle = ws.bundle
    return _Workstream(
        record=ws.record,
        bundle=_Bundle(
            **{name: getattr(bundle, name) for name in _BUNDLE},
            tasks=bundle.tasks,
            depends_on=bundle.depends_on,
            acceptance_tests=tuple(check.name for check in bundle.acceptance_tests),
        ),
        attempts=tuple(_attempt(one, limit) for one in ws.attempts[-_ATTEMPTS:]),
        patch=ws.patch.patch if ws.patch else None,
        reviews=ws.reviews,
        spent=ws.spent,
    )


def _attempt(attempt: StepAttempt, limit: int) -> StepAttempt:
    details = {name: attempt.details[name] for name in _DETAILS if name in attempt.details}
    findings = tuple(worst_first(attempt.findings)[:limit])
    return replace(attempt, findings=findings, details=details, stdout_log="", stderr_log="")


def read_artifact(content: bytes, *, config: Config, place: Place) -> RunView:
    """What a file tells of; raises ``InputError`` for anything that is not as it should be.

    How it is published is said by ``config`` and ``place``, which are the reader's own.
    """
    data = _checked(content)
    try:
        found = codec.decode(_Artifact, data)
    except codec.DecodeError as error:
        raise _wrong(str(error)) from error
    ids = [one.record.ws_id for one in found.workstreams]
    is_whole = len(set(ids)) == len(ids) and all(
        one.record.run_id == found.run.run_id and one.record.ws_id == one.bundle.id
        for one in found.workstreams
    )
    if not is_whole:
        raise _wrong("its workstreams are not those of one run")
    protected = Protected(config.policy.protected or DEFAULT_PROTECTED)
    views = tuple(_view(one, found.run, protected) for one in found.workstreams)
    return RunView(
        run=found.run,
        plan=Plan(found.run.base_commit, tuple(one.bundle for one in views), config),
        workstreams=views,
        summary=summarize(found.run, [one.record for one in views], spent=found.spent),
        spent=found.spent,
        place=place,
    )


def _checked(content: bytes) -> Mapping[str, Any]:
    if len(content) > MAX_BYTES:
        raise _wrong(f"it has {len(content):,} bytes, more than {MAX_BYTES:,}")
    try:
        data = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _wrong("it is not JSON in UTF-8") from error
    if not isinstance(data, dict) or not schema.fast_check(_SCHEMA)(data):
        first = next(iter(schema.violations(_SCHEMA, data)), None)
        where = "/".join(map(str, first.path)) if first else ""
        said = f"{where or 'the document'}: {first.message[:200]}" if first else "of another form"
        raise _wrong(said)
    return data


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _wrong(why: str) -> InputError:
    return InputError(f"The report artifact is not fit to be read: {why}.", remedy=_REMEDY)


def _view(found: _Workstream, run: RunRecord, protected: Protected) -> WorkstreamView:
    told = asdict(found.bundle)
    tests: Sequence[str] = told.pop("acceptance_tests")
    bundle = Workstream(**told, acceptance_tests=tuple(Check(name, ()) for name in tests))
    patch = found.patch
    record = found.record
    return WorkstreamView.made(
        record,
        bundle,
        run=run,
        attempts=found.attempts,
        patch=PatchRecord(run.run_id, record.ws_id, "", patch, "") if patch else None,
        reviews=found.reviews,
        spent=found.spent,
        protected=protected,
    )
