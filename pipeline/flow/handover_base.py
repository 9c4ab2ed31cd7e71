"""What a run that was handed over is held against: bundles and configuration at its base commit.

The plan in its journal is the word of the job that ran tools. What was really asked for lies in
the base commit, which that job could not change.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.base.git import EXECUTABLE, FILE, Repository
from pipeline.model.config import Config
from pipeline.model.plan import Plan
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.scope import Protected
from pipeline.model.workstream import Workstream
from pipeline.planning.bundles import load_bundles
from pipeline.planning.configuration import FILES, load_config
from pipeline.planning.freeze import plan_key

_MAX_FILE = 4 << 20
_MAX_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a plan and its base commit differ.

    ``bundles`` are ids of workstreams whose bundle is another one there, or is not there;
    ``is_config_other`` whether the configuration is. ``sources`` are the files to look at.
    ``protected`` are the names that nobody may change unseen, as the base commit has them;
    ``unprotected`` are those that the plan leaves out. ``has_other_branches`` is whether the plan
    begins the names of its branches with other words.
    """

    bundles: tuple[str, ...]
    is_config_other: bool
    sources: tuple[str, ...]
    protected: tuple[str, ...]
    unprotected: tuple[str, ...]
    has_other_branches: bool


def differences(repo: Repository, plan: Plan) -> Difference:
    """Hold a plan against what lies in its base commit."""
    with tempfile.TemporaryDirectory(prefix="base-", dir=repo.temporary) as name:
        top = Path(name)
        tree = repo.commit_tree(plan.base_commit)
        _lay_out(repo, tree, top, FILES)
        config = load_config(top).config
        folder = f"{config.paths.workstreams.strip('/')}/"
        _lay_out(repo, tree, top, (folder, *plan.files))
        there = {ws.id: ws for ws in load_bundles(top / folder, top, config).workstreams}
    other = [ws for ws in plan.workstreams if _bare(ws) != _bare(there.get(ws.id))]
    is_config_other = plan_key(replace(plan, config=config)) != plan_key(plan)
    sources = [ws.source or ws.id for ws in other] + (["pipeline.yaml"] if is_config_other else [])
    return Difference(
        tuple(ws.id for ws in other),
        is_config_other,
        tuple(sources),
        tuple(dict.fromkeys((*_protected(config), ".github/", *_protected(plan.config)))),
        tuple(name for name in _protected(config) if name not in _protected(plan.config)),
        _prefixes(config) != _prefixes(plan.config),
    )


def changed_paths(repo: Repository, base: str, commits: Iterable[str]) -> frozenset[bytes]:
    """Every path in which one of these commits differs from the base, found in git."""
    before = repo.commit_tree(base)
    found: set[bytes] = set()
    for commit in sorted(set(commits) - {base}):
        found |= {change.path for change in repo.trees.diff(before, repo.commit_tree(commit))}
    return frozenset(found)


def guarded(paths: Iterable[bytes], protected: Iterable[str]) -> tuple[str, ...]:
    """The paths that a person has to look at, for people."""
    names = Protected(protected)
    return tuple(sorted(p.decode("utf-8", "backslashreplace") for p in paths if names.matches(p)))


def _protected(config: Config) -> tuple[str, ...]:
    return config.policy.protected or DEFAULT_PROTECTED


def _prefixes(config: Config) -> tuple[str, str]:
    return config.paths.ws_prefix, config.paths.run_prefix


def _bare(ws: Workstream | None) -> Workstream | None:
    return replace(ws, source="") if ws else None


def _lay_out(repo: Repository, tree: str, top: Path, names: Iterable[str]) -> None:
    """Write some files of a tree; a name that ends in a slash is that of a folder."""
    wanted = [name.encode("utf-8", "surrogateescape") for name in names]
    files = repo.trees.flatten(tree)
    for path in _chosen(files, wanted):
        entry = files[path]
        if entry.mode in (FILE, EXECUTABLE) and repo.objects.size(entry.oid) <= _MAX_FILE:
            target = top / path.decode("utf-8", "surrogateescape")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(repo.objects.read_kind(entry.oid, "blob", _MAX_FILE))


def _chosen(paths: Iterable[bytes], wanted: Iterable[bytes]) -> Iterator[bytes]:
    folders = tuple(name for name in wanted if name.endswith(b"/"))
    exact = {name for name in wanted if not name.endswith(b"/")}
    found = (p for p in paths if p in exact or p.startswith(folders))
    for number, path in enumerate(found):
        if number < _MAX_FILES and b".." not in path.split(b"/"):
            yield path
