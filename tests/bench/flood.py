"""1 GiB of a tool's output: how much memory the engine takes for it, and how long.

Run as a program (``flood.py REPORT LOG BYTES``) it is the process that is measured.
"""

import json
import os
import sys
import time
from pathlib import Path

GIB = 1024**3
MIB = 1024**2
WRITER = ("/bin/sh", "-c", "yes 'a line of output that a tool might write' | head -c {bytes}")


def flood(place: Path, *, is_quick: bool) -> "Measured":
    """Growth of the peak memory of a process that runs the tool; seconds, beside ``cat``."""
    size = GIB // 4 if is_quick else GIB
    report, log = place / "report.json", place / "log"
    plain = (*WRITER[:2], WRITER[2].format(bytes=size) + " | cat > /dev/null")

    def ours() -> float:
        timed((sys.executable, __file__, report, log, str(size)), cwd=place)
        found.append(json.loads(report.read_text(encoding="utf-8")))
        return float(found[-1]["seconds"])

    found: list[dict[str, float]] = []
    samples = alternate(
        {"run": ours, "cat": lambda: timed(plain, cwd=place)[0]},
        rounds=1 if is_quick else 2,
        warm_up=0,
    )
    wall = medians(samples)
    if any(one["bytes"] != size for one in found):
        raise CannotMeasureError(f"Not all output arrived: {found!r}")
    growth = max(one["growth_kib"] for one in found) / 1024
    return Measured(
        (
            Figure(f"memory growth for {size / GIB:g} GiB", growth, "MiB", 32),
            Figure("seconds", wall["run"], "s"),
            Figure("seconds of the same into cat", wall["cat"], "s"),
            Figure("kept on disk", found[-1]["log_bytes"] / MIB, "MiB"),
        ),
        samples,
    )


def main() -> None:
    """Run the writer under the engine's care and report the growth of this process."""
    report, log, size = sys.argv[1:]
    from pipeline.base.process import Command, run

    def command(count: int) -> Command:
        argv = (*WRITER[:2], WRITER[2].format(bytes=count))
        env = {"PATH": os.environ["PATH"]}
        return Command(argv, Path("/"), env, stdout_log=Path(log), output_limit=None)

    run(command(1000))  # what is there before the first byte does not count
    before = _peak_kib()
    began = time.perf_counter()
    outcome = run(command(int(size)))
    seconds = time.perf_counter() - began
    figures = {
        "seconds": seconds,
        "growth_kib": _peak_kib() - before,
        "bytes": outcome.output_bytes,
        "log_bytes": Path(log).stat().st_size,
    }
    Path(report).write_text(json.dumps(figures), encoding="utf-8")


def _peak_kib() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
else:  # not there for the measured process: it should hold nothing but the engine
    from figures import Figure, Measured
    from rounds import CannotMeasureError, Measures, alternate, medians, timed

    MEASURES: Measures = {"flood": flood}
