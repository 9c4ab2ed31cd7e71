"""How many gate runs ``landing: batch`` needs to find one bad workstream among many.

The bad one and the first one are green alone and red together, so that only the gate on the
merged tree can tell. The gate counts its runs in a file outside of every checkout.
"""

import json
from pathlib import Path

from figures import Figure, Measured
from repositories import configuration, git, make_repository, write
from rounds import PIPELINE, CannotMeasureError, Measures, timed

LIMITS = {16: 6, 64: 8}
GATE = "echo >> {counter}; ! {{ test -e new/first && test -e new/bad; }}"


def batch(place: Path, *, is_quick: bool) -> Measured:
    """Gate runs of landing for a bad one at several places, with one batch and as by default."""
    figures = []
    seconds: dict[str, list[float]] = {}
    for count, limit in LIMITS.items():
        spots = (count // 2,) if is_quick else (1, count // 2, count - 1)
        for start in (count,) if is_quick else (count, 4):
            runs = []
            for spot in spots:
                folder = place / f"{count}-{start}-{spot}"
                number, wall = _gate_runs(folder, count, spot, start)
                runs.append(number)
                seconds.setdefault(f"{count} from {start}", []).append(wall)
            name = f"1 bad of {count}, batches from {start}: gate runs at most"
            figures.append(Figure(name, max(runs), "", limit if start == count else None))
    return Measured(tuple(figures), seconds)


def _gate_runs(place: Path, count: int, bad: int, start: int) -> tuple[int, float]:
    top, counter = place / "repo", place / "counter"
    landing = {"mode": "batch", "batch_start": start, "batch_max": count}
    make_repository(
        top, {"README.md": "Batch.\n"} | configuration(place / "slots", landing=landing)
    )
    write(top, _workstreams(count, bad, GATE.format(counter=f"'{counter}'")))
    argv = (PIPELINE, "run", "--jobs", "2", "--quiet", "--format", "json", "--fresh")
    seconds, out = timed(argv, cwd=top, ok=1)
    summary = json.loads(out)
    lost = [ws["id"] for ws in summary["workstreams"] if ws["status"] != "done"]
    landed = git(top, "ls-tree", "--name-only", summary["integration_commit"], "new/")
    if lost != [_name(bad)] or len(landed.splitlines()) != count - 1:
        raise CannotMeasureError(f"Not landed: {lost}; expected only {_name(bad)}.")
    return counter.stat().st_size - count, seconds  # each was gated once by itself


def _workstreams(count: int, bad: int, gate: str) -> dict[str, str]:
    files = {}
    for number in range(count):
        path = "new/first" if number == 0 else "new/bad" if number == bad else f"new/f{number:02d}"
        name = _name(number)
        files[f"workstreams/patches/{name}.patch"] = (
            f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
            f"@@ -0,0 +1 @@\n+{number}\n"
        )
        bundle = {
            "id": name,
            "tasks": [f"Create {path}."],
            "files_create": [path],
            "tool": "patch",
            "tool_args": {"patch": f"workstreams/patches/{name}.patch"},
            "acceptance_tests": [gate],
        }
        files[f"workstreams/{name}.json"] = json.dumps(bundle)
    return files


def _name(number: int) -> str:
    return f"w{number:02d}"


MEASURES: Measures = {"batch": batch}
