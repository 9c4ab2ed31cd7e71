"""Which Python packages are installed beside a program, as one digest."""

import os
import time
from functools import lru_cache
from pathlib import Path

from pipeline.model import codec

_MARKS = (".dist-info", ".egg-info", ".egg-link", ".pth")


class Packages:
    """Reads directories once, as long as they do not change; safe between threads.

    A directory is remembered once its last change is ``settled_s`` seconds ago: sooner, it may
    change again without a newer time to show for it.
    """

    def __init__(self, *, settled_s: float = 2.0) -> None:
        self._settled_ns = int(settled_s * 1e9)
        self._known: dict[str, tuple[tuple[int, int, int], tuple[str, ...]]] = {}

    def digest(self, program: Path) -> str:
        """The packages in the environment that a program lies in; empty where there are none.

        Raises OSError where a directory of them cannot be read.
        """
        lib = f"{program.parent.parent}/lib"
        names: list[str] = []
        for python in self._names(lib, prefix="python3"):
            names += self._names(f"{lib}/{python}/site-packages", suffixes=_MARKS)
        return _digest(tuple(sorted(names))) if names else ""

    def _names(
        self, folder: str, *, prefix: str = "", suffixes: tuple[str, ...] = ("",)
    ) -> tuple[str, ...]:
        """The names in a directory that begin and end as asked, of none where there is none."""
        try:
            seen = os.stat(folder)  # noqa: PTH116 - a Path costs more than the call
            state = (seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns)
            known = self._known.get(folder)
            if known is not None and known[0] == state:
                return known[1]
            found = os.listdir(folder)  # noqa: PTH208 - as above
        except (FileNotFoundError, NotADirectoryError):
            return ()
        names = tuple(n for n in found if n.startswith(prefix) and n.endswith(suffixes))
        if time.time_ns() - max(state[1:]) > self._settled_ns:
            self._known[folder] = (state, names)
        return names


@lru_cache(maxsize=64)
def _digest(names: tuple[str, ...]) -> str:
    return codec.digest(list(names))
