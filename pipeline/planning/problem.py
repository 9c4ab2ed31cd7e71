"""What is wrong with a bundle or the configuration, all of it at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.base.errors import InputError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one place.

    ``file`` is relative to the repository's root, or names another origin (an environment
    variable); ``json_path`` leads into it (``$.tasks[2]``, ``$`` for the whole); ``line`` counts
    from 1, ``None`` where it is not known.
    """

    file: str
    json_path: str
    message: str
    remedy: str = ""
    is_warning: bool = False
    line: int | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        place = f" {self.json_path}" if self.json_path not in {"", "$"} else ""
        kind = "warning: " if self.is_warning else ""
        return f"{where}:{place} {kind}{self.message} {self.remedy}".rstrip()


class PlanError(InputError):
    """The bundles or the configuration are wrong; ``problems`` says everything that is."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        count = sum(not p.is_warning for p in self.problems)
        head = f"{count} problem{'s' * (count != 1)} in the plan:"
        super().__init__("\n".join([head, *map(str, self.problems)]))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file, then by place in the file, without repetitions."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line or 0, p.json_path, p.message)))


def errors_of(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Those that are no mere warnings."""
    return tuple(p for p in problems if not p.is_warning)


def json_path(steps: Iterable[str | int]) -> str:
    """``("tasks", 2)`` as ``$.tasks[2]``; keys that are no plain names are quoted."""
    out = "$"
    for step in steps:
        if isinstance(step, int):
            out += f"[{step}]"
        elif step.replace("_", "a").replace("-", "a").isalnum():
            out += f".{step}"
        else:
            out += f"[{step!r}]"
    return out


def shown(text: str) -> str:
    """Text for a message: unprintable characters escaped, long text cut."""
    clean = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return clean if len(clean) <= 80 else f"{clean[:77]}…"
