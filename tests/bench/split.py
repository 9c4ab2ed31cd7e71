"""Runs ``pipeline`` in this process and writes where its CPU seconds went: ours, git's, before."""

import json
import sys
import time
from pathlib import Path


def main() -> int:
    """Usage: split.py REPORT ARGUMENT..."""
    report, *arguments = sys.argv[1:]
    from pipeline.base.process import engine_git_cpu_s
    from pipeline.cli import main as pipeline
    from pipeline.flow import run

    marks: list[tuple[float, float]] = []
    original = run._cpu_s

    def marked() -> float:
        marks.append((time.process_time(), engine_git_cpu_s()))
        return original()

    run._cpu_s = marked
    code = pipeline(arguments)
    (before, git_before), (after, git_after) = marks[0], marks[-1]
    figures = {
        "before_s": before + git_before,
        "process_s": after - before,
        "git_s": git_after - git_before,
        "after_s": time.process_time() - after,
    }
    Path(report).write_text(json.dumps(figures), encoding="utf-8")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
