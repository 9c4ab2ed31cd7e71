"""Measuring side by side: the sides take turns, so that a busy moment of the machine hits both."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Protocol

from figures import Measured

PIPELINE = Path(sys.executable).parent / "pipeline"
Side = Callable[[], float]
"""Does one round of its work and returns how long the part that counts took, in seconds."""


class Measure(Protocol):
    """Measures something in an empty folder of its own, which is removed by the caller."""

    def __call__(self, place: Path, *, is_quick: bool) -> Measured:
        """Raises whatever says that it could not be measured."""


Measures = Mapping[str, Measure]


class CannotMeasureError(Exception):
    """What was to be measured did not do its work, so its time says nothing."""


def alternate(
    sides: Mapping[str, Side], *, rounds: int, warm_up: int = 1, budget_s: float = 60.0
) -> dict[str, list[float]]:
    """Run the sides in turn, in the other order every second round; the warm-up is not kept.

    At least one round is kept; another one is begun only if it is likely to fit the budget.
    """
    samples: dict[str, list[float]] = {name: [] for name in sides}
    began = time.perf_counter()
    for number in range(-warm_up, rounds):
        round_began = time.perf_counter()
        for name in sides if number % 2 == 0 else reversed(sides):
            seconds = sides[name]()
            if number >= 0:
                samples[name].append(seconds)
        now = time.perf_counter()
        if number >= 0 and now - began + now - round_began > budget_s:
            break
    return samples


def medians(samples: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each side."""
    return {name: median(values) for name, values in samples.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed(argv: Sequence[str | Path], *, cwd: Path, ok: int = 0) -> tuple[float, bytes]:
    """Run a program to its end: wall seconds and what it wrote to standard output."""
    began = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=environment(), capture_output=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != ok:
        said = (done.stderr or done.stdout).decode("utf-8", "replace")[-2000:]
        words = " ".join(map(str, argv))[:200]
        raise CannotMeasureError(f"{words} exited with {done.returncode}: {said}")
    return seconds, done.stdout


def environment() -> dict[str, str]:
    """The caller's environment with a quiet git that knows who commits, and kept bytecode."""
    name, email = "Bench", "bench@localhost"
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("PIPELINE_") and key != "PYTHONDONTWRITEBYTECODE"
    }
    return {
        **kept,
        "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "pipeline-bench-bytecode"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }
