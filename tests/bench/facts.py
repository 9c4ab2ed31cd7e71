"""The machine that was measured on: what one needs to compare figures with another one's."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def facts(place: Path) -> dict[str, Any]:
    """Cores, versions, load and the file system under ``place``, as they are now."""
    git = subprocess.run(("git", "--version"), capture_output=True, check=True, text=True)
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
        "git": git.stdout.strip().removeprefix("git version "),
        "file_system": _file_system(place),
        "load": [round(value, 2) for value in os.getloadavg()],
        "yardstick_ms": round(yardstick() * 1000, 2),
    }


def yardstick() -> float:
    """CPU seconds of a fixed piece of work, the best of five: how fast this core is just now."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(1_000_000):
            pass
        best = min(best, time.process_time() - began)
    return best


def _file_system(place: Path) -> str:
    found = ("", "unknown")
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, mount, kind, *_ = line.split(" ")
        if place.is_relative_to(mount) and len(mount) >= len(found[0]):
            found = (mount, kind)
    return found[1]
