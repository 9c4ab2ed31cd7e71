"""Bundles and configuration as they are on disk now, for the commands that look at them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.git import Repository
from pipeline.commands.reading import top_of
from pipeline.flow.templates import template_problems
from pipeline.model.config import Config
from pipeline.model.routing import profiles_for, with_fallbacks
from pipeline.model.workstream import Workstream
from pipeline.planning.bundles import load_bundles
from pipeline.planning.configuration import LoadedConfig, load_config
from pipeline.planning.graph import plan_order
from pipeline.planning.plan_rules import is_off
from pipeline.planning.problem import PlanError, Problem, errors_of, in_order
from pipeline.store.layout import Layout


@dataclass(frozen=True, slots=True)
class Specification:
    """What a run would be made of, and everything that is wrong with it."""

    config: Config
    folder: Path
    workstreams: tuple[Workstream, ...]
    problems: tuple[Problem, ...]


def read_config(repository: Repository) -> LoadedConfig:
    """The effective configuration of a checkout, with what is wrong with it."""
    return load_config(top_of(repository), environ=os.environ)


def load_specification(repository: Repository, folder: Path | None = None) -> Specification:
    """Configuration and bundles of a checkout; ``folder`` replaces the configured one."""
    top = top_of(repository)
    loaded = read_config(repository)
    folder = folder.absolute() if folder else top / loaded.config.paths.workstreams
    bundles = load_bundles(folder, top, loaded.config)
    problems = in_order((*loaded.problems, *bundles.problems))
    if not errors_of(problems):
        problems = in_order((*problems, *template_problems(bundles.workstreams, loaded.config)))
    return Specification(loaded.config, folder, bundles.workstreams, problems)


def load_plan_order(repo: Path, folder: Path | None = None) -> Sequence[Workstream]:
    """The bundles of a checkout in plan order; raises ``PlanError`` where anything is wrong."""
    with Repository.discover(repo) as repository:
        spec = load_specification(repository, folder)
    if errors_of(spec.problems):
        raise PlanError(spec.problems)
    return in_plan_order(spec)


def in_plan_order(spec: Specification) -> Sequence[Workstream]:
    """The workstreams whose phase is enabled, in plan order."""
    return plan_order([ws for ws in spec.workstreams if not is_off(ws, spec.config)])


def configured_layout(repository: Repository, config: Config) -> Layout:
    """Where state, branches and slots are by this configuration."""
    paths = config.paths
    return Layout.of(
        git_dir=repository.git_dir,
        common_dir=repository.common_dir,
        top=top_of(repository),
        ws_prefix=paths.ws_prefix,
        run_prefix=paths.run_prefix,
        worktrees=Path(paths.worktrees) if paths.worktrees else None,
    )


def named_tools(spec: Specification) -> frozenset[str]:
    """What bundles and their repair ladders name: tools, and words for those that are chosen."""
    rungs = {rung for ws in spec.workstreams for rung in (ws.fix or spec.config.repair.fix)}
    return frozenset({ws.tool for ws in spec.workstreams} | rungs)


def used_tools(spec: Specification) -> frozenset[str]:
    """The tools that bundles and their repair ladders name, or that may be chosen for them."""
    names = named_tools(spec)
    found = (profile.id for name in names for profile in profiles_for(name, spec.config))
    return frozenset(with_fallbacks(tuple(found), spec.config.routing))
