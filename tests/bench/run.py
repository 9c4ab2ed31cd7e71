"""Measures how fast and how frugal the pipeline is: ratios, side by side in one run.

``nox -s bench -- [--quick] [--only NAME] [--json FILE]``. It measures, it does not judge: a missed
target is printed with its figure, and the exit code is 0 unless something could not be measured.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0:0] = [str(Path(__file__).resolve().parent)]

import batches  # noqa: E402 - the line above makes these importable from anywhere
import events  # noqa: E402
import flood  # noqa: E402
import hundred  # noqa: E402
import routing  # noqa: E402
import starting  # noqa: E402
import validating  # noqa: E402
import worktrees  # noqa: E402
from facts import facts  # noqa: E402
from figures import SCHEMA, Measured  # noqa: E402
from rounds import Measures  # noqa: E402

MEASURES: Measures = {
    **hundred.MEASURES,
    **worktrees.MEASURES,
    **validating.MEASURES,
    **starting.MEASURES,
    **events.MEASURES,
    **flood.MEASURES,
    **batches.MEASURES,
    **routing.MEASURES,
}


def main() -> int:
    """Measure, print, write; 1 when something could not be measured."""
    options = _options()
    before = facts(Path(tempfile.gettempdir()))
    print(_headline(before), flush=True)
    results: dict[str, Any] = {}
    # What is deleted makes new files dear for a while (ext4 passes over inodes that were freed
    # just now), so that everything stays until the end.
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as folder:
        for name in options.only or MEASURES:
            place = Path(folder) / name
            place.mkdir()
            results[name] = _measure(name, place, is_quick=options.quick)
    document = {
        "schema": SCHEMA,
        "is_quick": options.quick,
        "machine": before,
        "load_after": facts(Path(tempfile.gettempdir()))["load"],
        "measures": results,
    }
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"\n{_verdict(results)} Written to {options.json}.")
    return int(any("error" in result for result in results.values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, under a minute")
    parser.add_argument("--only", action="append", choices=MEASURES, metavar="NAME")
    parser.add_argument("--json", type=Path, default=ROOT / "bench.json", metavar="FILE")
    return parser.parse_args()


def _measure(name: str, place: Path, *, is_quick: bool) -> dict[str, Any]:
    """One measure's entry in the document, printed as soon as it is known."""
    began = time.perf_counter()
    try:
        measured = MEASURES[name](place, is_quick=is_quick)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other measures go on
        traceback.print_exc()
        print(f"\n{name}: could not be measured: {error}", flush=True)
        return {"error": str(error)}
    seconds = time.perf_counter() - began
    _print(name, measured, seconds)
    return {
        "seconds": round(seconds, 3),
        "figures": [figure.as_json for figure in measured.figures],
        "samples": {
            side: [round(value, 6) for value in values] for side, values in measured.samples.items()
        },
    }


def _print(name: str, measured: Measured, seconds: float) -> None:
    print(f"\n{name} ({seconds:.0f} s)")
    words = {True: "met", False: "MISSED", None: ""}
    for figure in measured.figures:
        value = f"{figure.value:,.3f}" if figure.value < 10 else f"{figure.value:,.1f}"
        line = f"  {figure.name:<58}{value:>11} {figure.unit:<4}{figure.target:<12}"
        print(f"{line}{words[figure.is_met]}".rstrip(), flush=True)


def _headline(machine: Mapping[str, Any]) -> str:
    return (
        f"{machine['usable_cores']} cores, Python {machine['python']}, git {machine['git']}, "
        f"{machine['file_system']}, load {machine['load'][0]}, "
        f"yardstick {machine['yardstick_ms']} ms"
    )


def _verdict(results: Mapping[str, Any]) -> str:
    judged = [
        figure["met"]
        for result in results.values()
        for figure in result.get("figures", ())
        if figure["met"] is not None
    ]
    failed = [name for name, result in results.items() if "error" in result]
    said = f"{sum(judged)} of {len(judged)} targets met."
    return f"{said} Could not be measured: {', '.join(failed)}." if failed else said


if __name__ == "__main__":
    raise SystemExit(main())
