"""Real history as bundles: a stretch of a repository's first-parent line, run by the pipeline.

Each commit becomes a workstream whose tool is ``patch``, whose scope names just the paths that
the commit changed, and which depends on the last earlier ones that touched them. A run of all of
them has to give the very tree that upstream has.

As a program: ``python tests/replay/history.py REPOSITORY --commits 100``
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.model.codec import encode
from pipeline.model.glob import escape
from pipeline.model.patch import PERMISSIVE

PROGRAM = Path(sys.executable).with_name("pipeline")
DIFF = ("diff", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv")
GITLINK = b"160000"


@dataclass(frozen=True)
class Step:
    """One commit: ``touched`` are the paths it changed, with whether each was and is there."""

    oid: str
    parent: str
    title: str
    touched: Mapping[bytes, tuple[bool, bool]]
    has_submodule: bool = False


@dataclass
class LastTouched:
    """Which step touched a path last; also those above and below it, for files become folders."""

    by_path: dict[bytes, int] = field(default_factory=dict)
    below: dict[bytes, set[bytes]] = field(default_factory=dict)

    def needs(self, paths: Iterable[bytes]) -> set[int]:
        """The steps that have to be done before these paths can be touched."""
        found = set()
        for path in paths:
            near = {path, *_above(path), *self.below.get(path, ())}
            found |= {self.by_path[other] for other in near if other in self.by_path}
        return found

    def touch(self, paths: Iterable[bytes], step: int) -> None:
        for path in paths:
            self.by_path[path] = step
            for folder in _above(path):
                self.below.setdefault(folder, set()).add(path)


def _above(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]


def git(where: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Plain git, with nobody's configuration."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_NAME": "Replay" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "replay@localhost" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": "2024-01-02T03:04:05Z" for who in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=where,
        env=environment,
        input=stdin,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def stretch(where: Path, tip: str, commits: int) -> list[Step]:
    """The last ``commits`` steps of a first-parent line, oldest first, empty ones left out.

    A merge is what it changed in its first parent.
    """
    form = "--format=%H%x00%P%x00%s"
    asked = ("log", "--first-parent", "--reverse", form, f"--max-count={commits}", "-z", tip)
    words = git(where, *asked).decode("utf-8", "replace").rstrip("\0").split("\0")
    found = []
    for oid, parents, title in zip(words[::3], words[1::3], words[2::3], strict=True):
        if parents:
            step = _step(where, oid, parents.split()[0], title)
            if step.touched:
                found.append(step)
    return found


def _step(where: Path, oid: str, parent: str, title: str) -> Step:
    raw = git(where, "diff-tree", "-r", "-z", "--no-renames", "--raw", parent, oid).split(b"\0")
    touched, has_submodule = {}, False
    for facts, path in zip(raw[:-1:2], raw[1::2], strict=True):
        before, after = facts[1:].split(b" ")[:2]
        has_submodule |= GITLINK in (before, after)
        touched[path] = (before != b"000000", after != b"000000")
    return Step(oid, parent, title, touched, has_submodule)


def as_pattern(path: bytes) -> str:
    """A path as a scope that names it and nothing else."""
    return escape(path.decode("utf-8", "surrogateescape"))


def bundles(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """A bundle for each step; ``patches/ID.patch`` is its patch."""
    last = LastTouched()
    made = []
    for number, step in enumerate(steps):
        needed = sorted(last.needs(step.touched))
        last.touch(step.touched, number)
        ws_id = _name(number, step)
        scope = [as_pattern(path) for path, (was, _) in step.touched.items() if was]
        create = [as_pattern(path) for path, (was, _) in step.touched.items() if not was]
        made.append(
            {
                "id": ws_id,
                "title": " ".join(step.title.split())[:100] or ws_id,
                "tasks": [f"apply {step.oid}"],
                "files_scope": scope,
                "files_create": create,
                "depends_on": [_name(other, steps[other]) for other in needed],
                "tool": "patch",
                "tool_args": {"patch": f"patches/{ws_id}.patch"},
                "acceptance_tests": [["true"]],
            }
        )
    return made


def _name(number: int, step: Step) -> str:
    return f"c{number:04}-{step.oid[:10]}"


@dataclass
class Replay:
    """A repository that holds upstream's history and the bundles made of a stretch of it.

    Its checkout holds nothing of upstream, so that upstream's own configuration and bundles are
    what they are in any run: files of a tree.
    """

    top: Path
    base: str
    tree: str
    steps: list[Step]
    bundles: list[dict[str, Any]]

    @classmethod
    def make(cls, source: Path, top: Path, *, tip: str = "HEAD", commits: int) -> "Replay":
        """Fetch a history and write the patches and the configuration."""
        top.mkdir(parents=True)
        git(top, "init", "--quiet", "--initial-branch=desk")
        git(
            top,
            "fetch",
            "--quiet",
            "--no-tags",
            str(source.resolve()),
            f"{tip}:refs/heads/upstream",
        )
        steps = stretch(top, "upstream", commits)
        if any(step.has_submodule for step in steps):
            raise SystemExit("This stretch changes submodules, which are not supported.")
        empty = git(top, "mktree").decode().strip()
        desk = git(top, "commit-tree", empty, "-m", "Nothing").decode().strip()
        git(top, "update-ref", "refs/heads/desk", desk)
        replay = cls(
            top,
            steps[0].parent,
            git(top, "rev-parse", f"{steps[-1].oid}^{{tree}}").decode().strip(),
            steps,
            bundles(steps),
        )
        replay._write_patches()
        replay._configure()
        replay.write_bundles()
        return replay

    def _write_patches(self) -> None:
        (self.top / "patches").mkdir()
        for step, bundle in zip(self.steps, self.bundles, strict=True):
            patch = git(self.top, *DIFF, step.parent, step.oid)
            (self.top / bundle["tool_args"]["patch"]).write_bytes(patch)

    def _configure(self) -> None:
        settings = {
            "project": {"id": "replay", "base": "upstream"},
            "paths": {"worktrees": str(self.top.with_name(f"{self.top.name}-slots"))},
            "policy": encode(PERMISSIVE),
        }
        (self.top / "pipeline.yaml").write_text(json.dumps(settings))

    def write_bundles(self, seed: int | None = None) -> None:
        """Write the bundles; with a seed, in another order and under other names."""
        folder = self.top / "workstreams"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        numbers = list(range(len(self.bundles)))
        if seed is not None:
            random.Random(seed).shuffle(numbers)
        for number, bundle in zip(numbers, self.bundles, strict=True):
            (folder / f"{number:04}.json").write_text(json.dumps(bundle))

    def run(self, *, jobs: int, fresh: bool = False, landing: str = "each") -> dict[str, Any]:
        """Run the real command; its summary."""
        options = ["--jobs", str(jobs), "--base", self.base, "--format", "json", "--reproducible"]
        options += ["--landing", landing]
        done = subprocess.run(
            [PROGRAM, "run", "--quiet", *options, *(["--fresh"] if fresh else [])],
            cwd=self.top,
            env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stderr.decode(errors="replace"))
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary

    def problems(self, summary: Mapping[str, Any]) -> list[str]:
        """What did not land, and whether the tree is upstream's."""
        found = [
            f"{ws['id']} ended {ws['status']}: {ws['reason']}"
            for ws in summary["workstreams"]
            if ws["status"] != "done"
        ]
        if summary["integration_tree"] != self.tree:
            found.append(f"the tree is {summary['integration_tree']}, upstream's is {self.tree}")
        return found


def main() -> int:
    """Replay a repository in every way, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--tip", default="HEAD")
    parser.add_argument("--jobs", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--keep", type=Path, help="work here and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = options.keep or Path(temporary)
        commits, is_good = set(), True
        for number, jobs in enumerate(options.jobs):
            replay = Replay.make(
                options.repository, place / f"jobs-{jobs}", tip=options.tip, commits=options.commits
            )
            for seed, fresh in ((None, False), (number, False), (number + 100, True)):
                replay.write_bundles(seed)
                began = time.monotonic()
                summary = replay.run(jobs=jobs, fresh=fresh)
                took = time.monotonic() - began
                problems = replay.problems(summary)
                _tell(replay, summary, jobs, seed, fresh=fresh, took=took, problems=problems)
                commits.add(summary["integration_commit"])
                is_good = is_good and not problems
        sys.stdout.write(f"{len(commits)} different integration commits\n")
    return 0 if is_good and len(commits) == 1 else 1


def _tell(
    replay: Replay,
    summary: Mapping[str, Any],
    jobs: int,
    seed: int | None,
    *,
    fresh: bool,
    took: float,
    problems: Sequence[str],
) -> None:
    count = len(replay.steps)
    needs = sum(len(bundle["depends_on"]) for bundle in replay.bundles)
    files = sum(len(step.touched) for step in replay.steps)
    sys.stdout.write(
        f"{count} commits, {files} changes of files, {needs} dependencies; --jobs {jobs}"
        f"{' --fresh' if fresh else ''}, files {'in order' if seed is None else 'shuffled'}: "
        f"{took:.2f} s, {1000 * took / count:.1f} ms each, engine CPU "
        f"{1000 * summary['engine_cpu_s'] / count:.1f} ms each, gates {summary['gates_run']}; "
        f"tree {'equal' if not problems else 'DIFFERS'}, commit {summary['integration_commit']}\n"
    )
    for problem in problems[:20]:
        sys.stdout.write(f"  {problem}\n")


if __name__ == "__main__":
    raise SystemExit(main())
