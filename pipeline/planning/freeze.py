"""Freezes bundles, the files they refer to and the configuration into a plan with a key."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.model.codec import digest
from pipeline.model.config import (
    BudgetConfig,
    Config,
    JournalConfig,
    PathsConfig,
    PublishConfig,
    RetentionConfig,
    RunConfig,
)
from pipeline.model.plan import FrozenFile, Plan
from pipeline.model.routing import profiles_for
from pipeline.model.workstream import Workstream
from pipeline.planning.bundle_rules import read_referenced
from pipeline.planning.bundles import LoadedBundles
from pipeline.planning.graph import plan_order
from pipeline.planning.plan_rules import is_off
from pipeline.planning.problem import PlanError, Problem, errors_of
from pipeline.planning.suggest import did_you_mean

ENGINE_FORMAT = 1
"""Part of every key; raised when the same inputs come to mean something else."""


class HasTop(Protocol):
    """A repository, as far as freezing needs it."""

    @property
    def top(self) -> Path | None:
        """The working tree."""


def freeze(
    repo: HasTop,
    loaded: LoadedBundles,
    config: Config,
    base_commit: str,
    *,
    only: Sequence[str] = (),
    tool_versions: Mapping[str, str] = {},
) -> Plan:
    """The plan of what was loaded, or of the workstreams ``only`` and all that they depend on.

    Workstreams of phases that are not enabled are left out. Raises ``PlanError`` with every
    problem of the bundles, and those found now.
    """
    if errors_of(loaded.problems):
        raise PlanError(loaded.problems)
    enabled = [ws for ws in loaded.workstreams if not is_off(ws, config)]
    chosen = _closure(enabled, only) if only else enabled
    order = plan_order(chosen)
    files = _files(order, config, os.path.realpath(repo.top or "."))
    plan = Plan(
        base_commit=base_commit,
        workstreams=order,
        config=config,
        files=files,
        tool_versions=dict(sorted(tool_versions.items())),
    )
    return dataclasses.replace(plan, key=plan_key(plan))


def plan_key(plan: Plan) -> str:
    """The identity of a run: a digest of all that its result depends on.

    Left out: where a bundle's file lies and how it is called, and configuration that changes how
    a run goes but not what comes out (jobs, the run's timeout, folders, retention, budgets,
    where it is recorded and published).
    """
    defaults = (RunConfig(), PathsConfig())
    config = dataclasses.replace(
        plan.config,
        run=dataclasses.replace(plan.config.run, jobs=0, timeout_s=0.0),
        paths=dataclasses.replace(
            plan.config.paths,
            workstreams=defaults[1].workstreams,
            worktrees=defaults[1].worktrees,
        ),
        journal=JournalConfig(),
        publish=PublishConfig(),
        retention=RetentionConfig(),
        budget=BudgetConfig(),
    )
    content: dict[str, Any] = {
        "engine": ENGINE_FORMAT,
        "base": plan.base_commit,
        "workstreams": [dataclasses.replace(ws, source="") for ws in plan.workstreams],
        "files": {path: file.digest for path, file in plan.files.items()},
        "config": config,
        "tools": plan.tool_versions,
    }
    return digest(content)


def _closure(workstreams: Sequence[Workstream], only: Sequence[str]) -> list[Workstream]:
    by_id = {ws.id: ws for ws in workstreams}
    problems = [
        Problem(
            "--only",
            "$",
            f"names `{name}`, which no bundle of an enabled phase has as its id.",
            did_you_mean(name, by_id),
        )
        for name in only
        if name not in by_id
    ]
    if problems:
        raise PlanError(problems)
    kept: set[str] = set()
    waiting = list(only)
    while waiting:
        ws_id = waiting.pop()
        if ws_id not in kept:
            kept.add(ws_id)
            waiting.extend(by_id[ws_id].depends_on)
    return [ws for ws in workstreams if ws.id in kept]


def _files(order: Iterable[Workstream], config: Config, top: str) -> dict[str, FrozenFile]:
    files: dict[str, FrozenFile] = {}
    problems: list[Problem] = []
    for ws in order:
        if not any(profile.driver == "patch" for profile in profiles_for(ws.tool, config)):
            continue
        path = ws.tool_args["patch"]
        if path in files:
            continue
        try:
            content = read_referenced(path, top)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            message = f"names `{path}`, which cannot be used: {reason}."
            problems.append(Problem(ws.source, "$.tool_args.patch", message))
            continue
        files[path] = FrozenFile(path, hashlib.sha256(content).hexdigest(), content)
    if problems:
        raise PlanError(problems)
    return dict(sorted(files.items()))
