"""10,000 bundles validated, and ten times as many."""

import json
import time
from pathlib import Path
from typing import Any

from figures import Figure, Measured, ratio
from repositories import make_repository
from rounds import PIPELINE, CannotMeasureError, Measures, medians, timed

from pipeline.base.git import Repository
from pipeline.model.config import Config
from pipeline.planning.bundles import load_bundles

COUNT = 10_000
MORE = 10
GROUP = 50


def bundles(place: Path, *, is_quick: bool) -> Measured:
    """Seconds for the command and for the library; the growth with ten times as many."""
    top = _repository(place / "some", COUNT)
    rounds = 2 if is_quick else 3
    samples = {
        "command": [_command(top, COUNT) for _ in range(rounds)],
        "library": [_library(top, COUNT) for _ in range(rounds)],
    }
    figures = [
        Figure(f"pipeline validate, {COUNT} bundles", medians(samples)["command"], "s", 3),
        Figure(f"load_bundles, {COUNT} bundles", medians(samples)["library"], "s", 3),
    ]
    if not is_quick:
        many = _repository(place / "many", COUNT * MORE)
        samples["many"] = [_command(many, COUNT * MORE)]
        growth = samples["many"][0] / medians(samples)["command"]
        figures += [
            ratio(f"{COUNT * MORE} bundles / {COUNT} bundles", growth, 12),
            Figure(f"pipeline validate, {COUNT * MORE} bundles", samples["many"][0], "s"),
        ]
    return Measured(tuple(figures), samples)


def _repository(top: Path, count: int) -> Path:
    folder = top / "workstreams"
    folder.mkdir(parents=True)
    for number in range(count):
        text = json.dumps(_bundle(number))
        (folder / f"w{number:06d}.json").write_text(text, encoding="utf-8")
    make_repository(top, {"README.md": "Many bundles.\n", ".gitignore": "/workstreams/\n"})
    return top


def _bundle(number: int) -> dict[str, Any]:
    """Literal paths, in each group a chain, and for every tenth a pattern of its own."""
    group, place = divmod(number, GROUP)
    found: dict[str, Any] = {
        "id": f"w{number:06d}",
        "title": f"Revise module {number}",
        "tasks": ["Add type annotations.", "Adapt the callers."],
        "files_scope": [f"src/p{group:05d}/m{place:02d}.py", f"src/p{group:05d}/n{place:02d}.py"],
        "files_create": [f"tests/p{group:05d}/test_m{place:02d}.py"],
        "priority": number % 7,
        "tool_args": {"command": ["/bin/true"]},
        "acceptance_tests": [["/bin/true"]],
    }
    if number % 10 == 0:
        found["files_scope"].append(f"docs/p{group:05d}/m{place:02d}/**/*.md")
    if place:
        found["depends_on"] = [f"w{number - 1:06d}"]
    return found


def _command(top: Path, count: int) -> float:
    seconds, out = timed((PIPELINE, "validate"), cwd=top)
    if f"{count} workstreams".encode() not in out.replace(b",", b""):
        raise CannotMeasureError(out.decode("utf-8", "replace")[-500:])
    return seconds


def _library(top: Path, count: int) -> float:
    with Repository.discover(top) as repo:
        root = repo.top or top
        began = time.perf_counter()
        loaded = load_bundles(root / "workstreams", root, Config())
        seconds = time.perf_counter() - began
    if len(loaded.workstreams) != count:
        raise CannotMeasureError(f"{len(loaded.workstreams)} bundles, {loaded.problems[:3]!r}")
    return seconds


MEASURES: Measures = {"bundles": bundles}
