"""Hook ``pipeline-validate``: the bundles and configuration to be committed are sound."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.console import safe
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.planning.problem import errors_of
from pipeline.planning.single import check_documents


def main(argv: Sequence[str] | None = None) -> int:
    """Check the files that ``argv`` names, each by itself; 1 if one is wrong, a line a problem.

    What only the whole plan shows (cycles, overlaps) is for ``pipeline validate``.
    """
    parser = argparse.ArgumentParser(
        prog="pipeline-validate", description="Check workstream bundles and pipeline.yaml."
    )
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args(argv).files
    with Repository.discover(Path()) as repo:
        top = repo.top or Path()
        problems = check_documents([path.absolute() for path in files], top)
    for problem in problems:
        sys.stdout.write(f"{safe(str(problem))}\n")
    return ExitCode.NOT_PASSED if errors_of(problems) else ExitCode.OK


if __name__ == "__main__":
    raise SystemExit(main())
