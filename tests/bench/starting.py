"""``pipeline --version``: the least that any hook or script pays."""

import sys
from pathlib import Path

from figures import Measured, ms, ratio
from rounds import PIPELINE, Measures, alternate, medians, timed


def version(place: Path, *, is_quick: bool) -> Measured:
    """The whole process of the console script, beside a Python that does nothing."""
    samples = alternate(
        {
            "pipeline": lambda: timed((PIPELINE, "--version"), cwd=place)[0],
            "python": lambda: timed((sys.executable, "-c", "pass"), cwd=place)[0],
        },
        rounds=20,
        warm_up=2,
    )
    wall = medians(samples)
    return Measured(
        (
            ms("pipeline --version", wall["pipeline"], 60),
            ms("python -c pass", wall["python"]),
            ratio("pipeline --version / python -c pass", wall["pipeline"] / wall["python"], 5),
        ),
        samples,
    )


MEASURES: Measures = {"version": version}
