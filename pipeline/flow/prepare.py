"""What a run needs before it can begin: the repository, the configuration, the frozen plan."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.check.executables import Executables
from pipeline.flow.branch_names import refuse_branches_in_the_way
from pipeline.flow.plan_file import read_plan
from pipeline.flow.templates import template_problems
from pipeline.model.codec import digest
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.planning.bundles import load_bundles
from pipeline.planning.configuration import load_config
from pipeline.planning.freeze import freeze
from pipeline.planning.problem import PlanError, Problem, errors_of
from pipeline.store.layout import Layout


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What somebody asks for; ``overrides`` are configuration by dotted key.

    ``base`` is a revision, ``None`` for the configured or found base branch. ``environ`` is the
    caller's environment.
    """

    directory: Path
    environ: Mapping[str, str]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    base: str | None = None
    plan_file: Path | None = None
    is_fresh: bool = False
    keeps_worktrees: bool = False
    updates_base: bool = False


@dataclass(slots=True)
class Prepared:
    """A repository with a plan; close the repository when done with it."""

    repo: Repository
    layout: Layout
    config: Config
    plan: Plan
    base_ref: str
    executables: Executables
    environ: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    keeps_worktrees: bool = False


def prepare(request: RunRequest) -> Prepared:
    """Find everything out and check it; nothing is changed.

    Raises ``InputError`` (``PlanError`` with every problem) and ``UnfitError``.
    """
    repo = Repository.discover(request.directory)
    try:
        return _prepare(repo, request)
    except BaseException:
        repo.close()
        raise


def tool_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, with the engine's own programs as the last place to look.

    So ruff is found where it was installed together with git-pipeline (pipx, uv, nox).
    """
    folders = [environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]
    return {**environ, "PATH": os.pathsep.join(folders)}


def open_layout(repo: Repository, config: Config) -> Layout:
    """Where things live in this repository, as configured."""
    if repo.top is None:
        raise UnfitError(
            f"{repo.git_dir} has no checkout.", remedy="Run in a clone with a working tree."
        )
    paths = config.paths
    return Layout.of(
        git_dir=repo.git_dir,
        common_dir=repo.common_dir,
        top=repo.top,
        ws_prefix=paths.ws_prefix,
        run_prefix=paths.run_prefix,
        worktrees=Path(paths.worktrees).expanduser() if paths.worktrees else None,
    )


def tool_versions(
    plan_config: Config,
    commands: Sequence[tuple[str, ...] | str],
    executables: Executables,
    environ: Mapping[str, str],
) -> dict[str, str]:
    """A digest of what each program of a plan is, by the first word of its command.

    Programs that are part of the tree are covered by the base commit; a missing one is told of
    when it is needed, and its digest changes when it appears.
    """
    found: dict[str, str] = {}
    profiles = [p for p in plan_config.tools.values() if p.command]
    asked = [(p.command, p.version_command) for p in profiles]
    asked += [
        (check.command, check.version_command)
        for gate in plan_config.gates.values()
        for check in gate.checks
    ]
    asked += [(command, ()) for command in commands]
    for command, version_command in asked:
        word = command.split()[0] if isinstance(command, str) else command[0]
        if word not in found:
            identity = executables.identify(command, env=environ, version_command=version_command)
            found[word] = digest(identity)[:16]
    return found


def _prepare(repo: Repository, request: RunRequest) -> Prepared:
    if repo.top is None:
        raise UnfitError(
            f"{repo.git_dir} has no checkout.", remedy="Run in a clone with a working tree."
        )
    loaded = load_config(repo.top, overrides=request.overrides, environ=request.environ)
    if errors_of(loaded.problems):
        raise PlanError(loaded.problems)
    config, executables = loaded.config, Executables(repo.temporary)
    layout = open_layout(repo, config)
    problems = loaded.problems
    if request.plan_file:
        plan = read_plan(request.plan_file, config)
        repo.resolve_commit(plan.base_commit)
        base_ref = _branch_at(repo, config, plan.base_commit)
    else:
        base_ref = _base_ref(repo, config) if request.base is None else request.base
        base_commit = repo.resolve_commit(base_ref)
        bundles = load_bundles(repo.top / config.paths.workstreams, repo.top, config)
        problems += bundles.problems
        if not errors_of(problems):
            problems += tuple(template_problems(bundles.workstreams, config))
        if errors_of(problems):
            raise PlanError(problems)
        commands = [
            *(_command(ws.tool_args.get("command")) for ws in bundles.workstreams),
            *(check.command for ws in bundles.workstreams for check in ws.acceptance_tests),
        ]
        versions = tool_versions(
            config, [c for c in commands if c], executables, tool_environ(request.environ)
        )
        plan = freeze(repo, bundles, config, base_commit, only=request.only, tool_versions=versions)
    refuse_branches_in_the_way(repo, layout, plan)
    return Prepared(
        repo,
        layout,
        config,
        plan,
        base_ref,
        executables,
        tool_environ(request.environ),
        problems,
        _notes(repo, plan),
        request.keeps_worktrees,
    )


def _base_ref(repo: Repository, config: Config) -> str:
    """The configured base branch, or the one that is found."""
    if not config.project.base and not repo.refs.list("refs/heads"):
        repo.resolve_commit("HEAD")  # where there is no commit at all, it says so
    return config.project.base or repo.default_branch()


def _branch_at(repo: Repository, config: Config, commit: str) -> str:
    """The base branch where it is at this commit, else the commit."""
    try:
        base_ref = _base_ref(repo, config)
        return base_ref if repo.resolve_commit(base_ref) == commit else commit
    except (InputError, UnfitError):
        return commit


def _command(value: object) -> tuple[str, ...] | str:
    return value if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()


def _notes(repo: Repository, plan: Plan) -> tuple[str, ...]:
    """What a person should know: none of it stops a run."""
    notes = []
    dirty = repo.changed_paths()
    if dirty:
        names = ", ".join(os.fsdecode(path) for path in dirty[:5])
        more = f" and {len(dirty) - 5} more" if len(dirty) > 5 else ""
        notes.append(
            f"The checkout has uncommitted changes in {names}{more}; the run starts from "
            f"{plan.base_commit[:12]} without them."
        )
    special = repo.special_content(repo.commit_tree(plan.base_commit))
    if special.submodules:
        notes.append(
            f"Submodules are not supported: {len(special.submodules)} are left as they are and "
            "their directories are empty while tools work."
        )
    if special.lfs_attributes:
        notes.append(
            "Git LFS is not supported: tools see pointer files; "
            f"{os.fsdecode(special.lfs_attributes[0])} asks for it."
        )
    return tuple(notes)
