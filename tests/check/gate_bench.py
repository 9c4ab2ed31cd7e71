"""A checkout, a cache and counters to run gates against."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.check.gates import CheckContext
from pipeline.model.verdict import CheckResult

BIN = Path(sys.executable).parent
PATH = os.pathsep.join((str(BIN), "/usr/local/bin", "/usr/bin", "/bin"))


@dataclass
class Cache:
    """A verdict store that compares the full key, as the real one does."""

    kept: dict[str, tuple[bytes, CheckResult]] = field(default_factory=dict)
    lookups: int = 0

    def lookup(self, key: str, full_key: bytes) -> CheckResult | None:
        self.lookups += 1
        full, result = self.kept.get(key, (b"", None))
        return result if full == full_key else None

    def save(self, key: str, full_key: bytes, result: CheckResult) -> None:
        self.kept[key] = (full_key, result)


@dataclass
class Bench:
    """A directory that plays the fresh checkout, and what was asked of it."""

    folder: Path
    tree: str = "1" * 40
    commit: str = "2" * 40
    taken: int = 0
    given_back: int = 0
    resets: int = 0
    environ: Mapping[str, str] = field(default_factory=lambda: {"PATH": PATH})

    @property
    def top(self) -> Path:
        return self.folder / "checkout"

    @contextmanager
    def checkout(self) -> Iterator[Path]:
        self.taken += 1
        yield self.top
        self.given_back += 1

    def reset(self) -> None:
        self.resets += 1
        (self.top / "litter").unlink(missing_ok=True)

    def write(self, name: str, text: str, *, executable: bool = False) -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if executable else 0o644)
        return path

    def context(self, **changes: Any) -> CheckContext:
        values: dict[str, Any] = {
            "tree": self.tree,
            "commit": self.commit,
            "checkout": self.checkout,
            "reset": self.reset,
            "environ": self.environ,
            "logs": self.folder / "logs" / "attempt",
        }
        return CheckContext(**{**values, **changes})


def make_bench(folder: Path) -> Bench:
    (folder / "checkout").mkdir()
    return Bench(folder)
