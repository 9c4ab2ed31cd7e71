"""What a run needs before it can begin: the repository, the configuration, the frozen plan."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import Repository
from pipeline.check.executables import Executables
from pipeline.model.codec import DecodeError, decode, digest
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.planning.bundles import load_bundles
from pipeline.planning.configuration import load_config
from pipeline.planning.freeze import freeze, plan_key
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
        plan = _read_plan(request.plan_file)
        base_ref = plan.base_commit
        repo.resolve_commit(plan.base_commit)
    else:
        base_ref = request.base or config.project.base or repo.default_branch()
        base_commit = repo.resolve_commit(base_ref)
        bundles = load_bundles(repo.top / config.paths.workstreams, repo.top, config)
        problems += bundles.problems
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
    _refuse_branches_in_the_way(repo, layout)
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
    )


def _command(value: object) -> tuple[str, ...] | str:
    return value if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()


def _read_plan(path: Path) -> Plan:
    import json

    try:
        plan = decode(Plan, json.loads(path.read_bytes()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    except (ValueError, DecodeError) as error:
        raise InputError(
            f"{path} is not a plan: {error}.",
            remedy="Write one with `pipeline plan --format json > FILE`.",
        ) from error
    if plan.key != plan_key(plan):
        raise InputError(
            f"{path} was changed after it was frozen: its key does not fit its content.",
            remedy="Write it anew with `pipeline plan --format json > FILE`.",
        )
    return replace(plan)


def _refuse_branches_in_the_way(repo: Repository, layout: Layout) -> None:
    for prefix in (layout.ws_prefix, layout.run_prefix):
        if f"refs/heads/{prefix}" in repo.refs.list(f"refs/heads/{prefix}"):
            raise InputError(
                f"A branch called `{prefix}` is in the way of branches below `{prefix}/`.",
                remedy=f"Rename it (`git branch -m {prefix} {prefix}-old`) or set "
                f"`paths.ws_prefix` or `paths.run_prefix` in pipeline.yaml.",
            )


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
