"""Finds the line of a value in a document's text; used only where something is wrong."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from pipeline.planning.problem import Problem, json_path

MAX_VALUES = 50_000
"""Documents with more values than this get no lines."""


def with_lines(problems: Iterable[Problem], text: str) -> list[Problem]:
    """The problems, each with its line where JSON and YAML agree on how to read the text."""
    lines = _lines(text)
    return [
        dataclasses.replace(p, line=_line_of(p.json_path, lines)) if p.line is None else p
        for p in problems
    ]


def _line_of(path: str, lines: dict[str, int]) -> int | None:
    """The line of a value, or of what it is missing from."""
    while path not in lines and len(path) > 1:
        cut = max(path.rfind("."), path.rfind("["), 1)
        path = path[:cut]
    return lines.get(path)


def _lines(text: str) -> dict[str, int]:
    """JSON is nearly a part of YAML, whose parser knows where things stand."""
    import yaml  # late: 30 ms that only wrong input pays for

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        root = loader.get_single_node()
    except (yaml.YAMLError, RecursionError):
        return {}
    finally:
        loader.dispose()
    found: dict[str, int] = {}
    waiting: list[tuple[tuple[str | int, ...], Any, Any]] = [((), root, root)]
    while waiting and len(found) < MAX_VALUES:
        path, node, mark = waiting.pop()
        if node is None:
            continue
        found[json_path(path)] = mark.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            waiting.extend(((*path, str(k.value)), v, k) for k, v in node.value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(((*path, i), v, v) for i, v in enumerate(node.value))
    return found
