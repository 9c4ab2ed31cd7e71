"""A clean slot from the pool and a capture in it, on 10,000 files, against ``git worktree add``."""

import itertools
import time
from pathlib import Path

from figures import Figure, Measured, ms, ratio
from repositories import git, make_repository, module
from rounds import CannotMeasureError, Measures, alternate, medians, timed

from pipeline.base.git import Repository
from pipeline.model.config import CaptureConfig
from pipeline.work.capture import capture
from pipeline.work.slots import Slot, SlotPool

FILES = 10_000
CHANGED = 10


def slot(place: Path, *, is_quick: bool) -> Measured:
    """Times of a slot that the last taker left dirty, given out for another tree; of a capture."""
    top = place / "repo"
    paths = [f"src/p{number // 100:03d}/m{number:05d}.py" for number in range(FILES)]
    make_repository(top, {path: module(n, 6) for n, path in enumerate(paths)})
    for path in paths[:: FILES // CHANGED]:
        (top / path).write_text("CHANGED = True\n", encoding="utf-8")
    git(top, "commit", "--quiet", "--all", "--message", "Change")
    trees = [git(top, "rev-parse", f"{rev}^{{tree}}").strip() for rev in ("HEAD~", "HEAD")]
    numbers = itertools.count()
    turns = itertools.cycle(trees)
    captures: list[float] = []

    with Repository.discover(top) as repo, SlotPool(repo, place / "slots", limit=1) as pool:

        def theirs() -> float:
            target = place / f"worktree-{next(numbers)}"
            add = ("git", "worktree", "add", "--quiet", "--detach", target, "HEAD")
            return timed(add, cwd=top)[0]

        def ours() -> float:
            began = time.perf_counter()
            with pool.take(next(turns), with_git=False, owner="bench") as taken:
                seconds = time.perf_counter() - began
                _require_clean(repo, taken, paths)
                captures.append(_change_and_capture(repo, taken, paths[7]))
                _make_a_mess(taken, paths)
            return seconds

        first = ours()  # the pool's first slot is a full checkout, too
        add = alternate({"add": theirs}, rounds=1 if is_quick else 3, warm_up=0)
        take = alternate({"take": ours}, rounds=10 if is_quick else 20, warm_up=2)
    samples = {**add, **take, "capture": captures[3:]}
    wall = medians(samples)
    return Measured(
        (
            ratio("worktree add / clean slot", wall["add"] / wall["take"], 20, is_at_least=True),
            ms("clean slot", wall["take"]),
            ms("git worktree add", wall["add"]),
            ms("the pool's first slot", first),
            ms("capture of one changed file", wall["capture"], 60),
            Figure("files", FILES, ""),
        ),
        samples,
    )


def _change_and_capture(repo: Repository, taken: Slot, path: str) -> float:
    (taken.path / path).write_text("EDITED = True\n", encoding="utf-8")
    with repo.scratch() as scratch:
        began = time.perf_counter()
        found = capture(taken, scratch, CaptureConfig())
        seconds = time.perf_counter() - began
    if [change.path.decode() for change in found.changes] != [path]:
        raise CannotMeasureError(f"capture found {found.changes!r}")
    return seconds


def _make_a_mess(taken: Slot, paths: list[str]) -> None:
    (taken.path / paths[1234]).unlink()
    (taken.path / paths[2345]).chmod(0o755)
    (taken.path / "left-behind").mkdir()
    (taken.path / "left-behind" / "cache").write_text("x", encoding="utf-8")


def _require_clean(repo: Repository, taken: Slot, paths: list[str]) -> None:
    """The mess of the last taker is gone (the tests of slots look at every byte)."""
    wanted = repo.trees.flatten(taken.tree)
    for path in (paths[0], paths[7], paths[1234], paths[2345]):
        data = repo.objects.read_kind(wanted[path.encode()].oid, "blob")
        file = taken.path / path
        if file.read_bytes() != data or file.stat().st_mode & 0o111:
            raise CannotMeasureError(f"{path} is not as in the tree")
    if (taken.path / "left-behind").exists():
        raise CannotMeasureError("the slot was not tidied up")


MEASURES: Measures = {"slot": slot}
