"""Checks bundles and configurations file by file, for a hook that is handed the changed ones."""

import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.planning.bundles import load_bundle
from pipeline.planning.configuration import FILES, load_config, read_config
from pipeline.planning.problem import Problem, in_order


def check_documents(paths: Iterable[Path], top: Path) -> tuple[Problem, ...]:
    """Everything that is wrong with each file by itself; ``top`` is the repository's root.

    A file that is called like a configuration and lies at the root is read as one, every other
    as a bundle, under the configuration on disk. What only the whole plan shows (cycles, overlaps,
    ids that do not exist) is not looked at.
    """
    config = load_config(top).config
    problems: list[Problem] = []
    for path in paths:
        relative = os.path.relpath(path, top)
        if relative in FILES:
            problems.extend(read_config(path, top)[1])
        else:
            problems.extend(load_bundle(path, top, config)[1])
    return in_order(problems)
