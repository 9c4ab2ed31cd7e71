"""A hundred workstreams against a shell loop that does the same with bare git; then once more."""

import itertools
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from figures import Figure, Measured, ms, ratio
from repositories import (
    TRUE,
    configuration,
    git,
    make_repository,
    patch_tasks,
    source_files,
    workstream_files,
    write,
)
from rounds import PIPELINE, CannotMeasureError, Measures, alternate, medians, timed

COUNT, QUICK_COUNT = 100, 25
SPARE_FILES = 20
_NUMBERS = itertools.count()
HERE = Path(__file__).resolve().parent
RUN = ("run", "--jobs", "2", "--quiet", "--format", "json")


def hundred(place: Path, *, is_quick: bool) -> Measured:
    """Wall time of ``pipeline run --fresh`` and of the shell loop, and the engine's own CPU."""
    count = QUICK_COUNT if is_quick else COUNT
    model = _model(place, count, (TRUE,))
    patches = sorted((model / "workstreams" / "patches").iterdir())
    summaries: list[dict[str, Any]] = []

    def ours() -> float:
        repo = _copy(place, model)
        seconds, out = timed((PIPELINE, *RUN, "--fresh"), cwd=repo)
        summaries.append(json.loads(out))
        _require_all_landed(repo, summaries[-1]["integration_commit"], count)
        return seconds

    def theirs() -> float:
        repo = _copy(place, model)
        work = repo.parent / "loop"
        work.mkdir()
        argv = ("/bin/sh", HERE / "shell_loop.sh", repo, work, TRUE, *patches)
        seconds, _ = timed(argv, cwd=place)
        _require_all_landed(repo, "integration", count)
        return seconds

    sides = {"pipeline": ours, "shell": theirs}
    samples = alternate(sides, rounds=1 if is_quick else 5, budget_s=20 if is_quick else 100)
    wall = medians(samples)
    engine = sorted(s["engine_cpu_s"] for s in summaries)[len(summaries) // 2]
    split = _split(place, model)
    return Measured(
        (
            ratio("pipeline run / shell loop", wall["pipeline"] / wall["shell"], 1.0),
            Figure("pipeline run", wall["pipeline"], "s"),
            Figure("shell loop", wall["shell"], "s"),
            ms("engine CPU per workstream", engine / count, 15),
            ms("  of it the engine's process", split["process_s"] / count),
            ms("  of it git that it started", split["git_s"] / count),
            ms("start-up CPU, once", split["before_s"]),
            Figure("workstreams", count, ""),
            Figure("gates run", summaries[-1]["gates_run"], ""),
        ),
        samples,
    )


def unchanged(place: Path, *, is_quick: bool) -> Measured:
    """The same run again: its wall time, and how many gate processes it starts."""
    counted = place / "gate-runs"
    count = QUICK_COUNT if is_quick else COUNT
    model = _model(place, count, ("/bin/sh", "-c", f"echo >> '{counted}'"))
    repo = _copy(place, model)
    timed((PIPELINE, *RUN, "--fresh"), cwd=repo)
    first = counted.stat().st_size
    samples = [timed((PIPELINE, *RUN), cwd=repo)[0] for _ in range(4 if is_quick else 11)][1:]
    wall = medians({"again": samples})["again"]
    return Measured(
        (
            Figure("the same run again", wall, "s", 0.5),
            Figure("gate processes in it", counted.stat().st_size - first, "", 0),
            Figure("gate processes in the first run", first, ""),
        ),
        {"again": samples},
    )


def _model(place: Path, count: int, gate: tuple[str, ...]) -> Path:
    model = place / "model"
    tasks = patch_tasks(count, gate)
    make_repository(model, source_files(count + SPARE_FILES) | configuration(place))
    # Not committed: the shell loop need not check out what only we read.
    write(model, workstream_files(tasks))
    (model / ".git" / "info" / "exclude").write_text("/workstreams/\n")
    return model


def _copy(place: Path, model: Path) -> Path:
    """A fresh copy, with fresh slots: every round starts from nothing."""
    folder = place / f"round-{next(_NUMBERS)}"
    repo = folder / "repo"
    shutil.copytree(model, repo, symlinks=True)
    write(repo, configuration(folder / "slots"))
    git(repo, "commit", "--quiet", "--all", "--message", "Configure")
    return repo


def _require_all_landed(repo: Path, tip: str, count: int) -> None:
    changed = git(repo, "diff", "--name-only", "main", tip).splitlines()
    merges = git(repo, "rev-list", "--count", "--merges", "--first-parent", f"main..{tip}")
    if len(changed) != count or int(merges) != count:
        raise CannotMeasureError(f"{len(changed)} files changed in {merges.strip()} merges.")


def _split(place: Path, model: Path) -> dict[str, float]:
    """Where the CPU goes, from a run in a process that says so at its end."""
    repo = _copy(place, model)
    report = place / "split.json"
    argv = (sys.executable, HERE / "split.py", report, *RUN, "--fresh")
    timed(argv, cwd=repo)
    found: dict[str, float] = json.loads(report.read_text())
    return found


MEASURES: Measures = {"hundred": hundred, "unchanged": unchanged}
