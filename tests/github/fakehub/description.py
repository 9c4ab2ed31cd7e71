"""GitHub's OpenAPI description, trimmed, with our documented patches applied when it is loaded."""

import functools
import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "description"
MULTI_SEGMENT = ("/git/ref/{ref}", "/git/refs/{ref}", "/git/matching-refs/{ref}")
"""Paths whose last parameter holds slashes although the description does not say so: `:ref` is
`heads/<branch name>`, https://docs.github.com/en/rest/git/refs#get-a-reference."""
_MORE_SEGMENTS = ("{path}", "{basehead}", "{tag}", "{tree_sha}", "/statuses/{sha}")
"""Those that the full description marks with ``x-multi-segment``."""
_BRANCHES = ("/branches/{branch}", "/commits/{ref}", "/labels/{name}")
"""And names that may hold slashes, which clients send as they are: branches, refs and labels."""


@dataclass(frozen=True, slots=True)
class Place:
    """A path of the API as its template and the values in it, still percent-encoded."""

    template: str
    values: dict[str, str]


@functools.cache
def load() -> dict[str, Any]:
    """The description with the patches of patches.json."""
    with gzip.open(FOLDER / "api.github.com.json.gz") as file:
        document = json.load(file)
    for patch in json.loads((FOLDER / "patches.json").read_text())["patches"]:
        _apply(document, patch)
    _let_null(document)
    return document


def _let_null(value: Any) -> None:
    """Make `nullable` beside `oneOf`, `anyOf` and `enum` mean what GitHub means by it.

    Its answers hold null there (a commit's author without an account, an issue's state_reason);
    in OpenAPI 3.0.3 the word counts only beside a `type`, and null has to be in the `enum` too.
    """
    if isinstance(value, list):
        for one in value:
            _let_null(one)
    elif isinstance(value, dict):
        for word in ("oneOf", "anyOf"):
            if value.get("nullable") is True and "type" not in value and word in value:
                value[word] = [*value[word], {"enum": [None], "nullable": True}]
        if value.get("nullable") is True and None not in value.get("enum", [None]):
            value["enum"] = [*value["enum"], None]
        for one in value.values():
            _let_null(one)


def _apply(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """Set what a patch points at, `-` for one more in a list; "was" guards the old value."""
    *parts, last = [
        part.replace("~1", "/").replace("~0", "~") for part in patch["at"].split("/")[1:]
    ]
    where: Any = document
    for part in parts:
        where = where[int(part) if isinstance(where, list) else part]
    if "was" in patch and where.get(last) != patch["was"]:
        raise ValueError(f"{patch['at']} has changed; look at its patch again")
    if last == "-":
        where.append(patch["set"])
    else:
        where[int(last) if isinstance(where, list) else last] = patch["set"]


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """A pattern for each path, the more particular first: longer ones, fewer parameters."""
    found = []
    in_order = sorted(load()["paths"], key=lambda one: (-one.count("/"), one.replace("{", "~")))
    for template in in_order:
        text = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)
        if template.endswith((*MULTI_SEGMENT, *_MORE_SEGMENTS, *_BRANCHES)):
            text = text[: text.rindex("[^/]+")] + ".+)"
        found.append((re.compile(text), template))
    return found


def place(method: str, path: str) -> Place | None:
    """The described path that a request's path (below the API's root) is for, None for others."""
    for pattern, template in _patterns():
        match = pattern.fullmatch(path)
        if match and method.lower() in load()["paths"][template]:
            return Place(template, match.groupdict())
    return None
