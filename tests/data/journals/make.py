"""Make a golden journal: ``python tests/data/journals/make.py NAME.bundle``.

A new file for each version of the format; files that were released are never made anew. The bundle
holds the base branch and everything below ``refs/pipeline/`` of a repository with two runs: one
that ended in every way and was folded, and one that was stopped and can be carried on.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0:0] = [str(HERE.parents[1] / "flow")]

from small_run import git, go, make_repository, stop_midway  # noqa: E402 - found by the line above


def main(name: str) -> None:
    """Run it all in a temporary directory and bundle its refs."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder) / "golden"
        make_repository(top)
        go(top)
        stop_midway(top)
        refs = git(top, "for-each-ref", "--format=%(refname)", "refs/pipeline").split()
        git(top, "bundle", "create", "--quiet", str(HERE / name), "main", *refs)


if __name__ == "__main__":
    main(sys.argv[1])
