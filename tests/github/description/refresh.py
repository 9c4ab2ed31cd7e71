"""Make api.github.com.json.gz anew from GitHub's full OpenAPI description.

``python refresh.py FULL.json`` takes the file ``generated/api.github.com.json`` of the npm package
`@octokit/openapi`; ``python refresh.py`` gets the package with npm into a temporary folder first.
What is kept is listed in endpoints.txt; texts, examples and what nothing refers to are left out.
"""

import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGE = "@octokit/openapi"
VERSION = "23.0.2"
OUT = HERE / "api.github.com.json.gz"
_TEXTS = {"description", "summary", "example", "examples", "externalDocs", "tags", "title"}
_OF_NAMES = {"properties", "patternProperties", "schemas", "parameters", "responses", "headers"}
"""Objects whose keys are names of somebody's, not words of OpenAPI."""


def kept() -> tuple[list[tuple[str, str]], list[str]]:
    """The (method, path template) pairs of endpoints.txt and the names of its webhook events."""
    endpoints, events = [], []
    for line in (HERE / "endpoints.txt").read_text().splitlines():
        method, _, rest = line.partition(" ")
        if method == "EVENT":
            events.append(rest.replace("_", "-").replace(" ", "-"))
        else:
            endpoints.append((method.lower(), rest))
    return endpoints, events


def bare(value: Any, *, is_names: bool = False) -> Any:
    """The value without texts and vendor extensions; ``required`` and all types stay."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: bare(one, is_names=not is_names and key in _OF_NAMES)
        for key, one in value.items()
        if is_names or not (key in _TEXTS or key.startswith("x-"))
    }


def references(value: Any) -> Iterator[str]:
    """Every ``$ref`` within."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def at(document: dict[str, Any], reference: str) -> Any:
    """What a ``#/components/...`` reference points to."""
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def _payload(webhook: dict[str, Any]) -> Any:
    return webhook["post"]["requestBody"]["content"]["application/json"]["schema"]


def _described(responses: dict[str, Any]) -> dict[str, Any]:
    """Responses without headers, and with the description that OpenAPI demands."""
    return {
        status: one
        if "$ref" in one
        else {"description": "", **{k: v for k, v in one.items() if k != "headers"}}
        for status, one in responses.items()
    }


def trimmed(full: dict[str, Any]) -> dict[str, Any]:
    """The description with the kept endpoints and events, and all that they refer to."""
    endpoints, events = kept()
    paths: dict[str, Any] = {}
    for method, path in endpoints:
        operation = bare(full["paths"][path][method])
        operation["responses"] = _described(operation["responses"])
        paths.setdefault(path, {})[method] = operation
    webhooks = {name: bare(_payload(full["x-webhooks"][name])) for name in events}
    components: dict[str, dict[str, Any]] = {}
    todo = [*references(paths), *references(webhooks)]
    while todo:
        reference = todo.pop()
        _, _, kind, name = reference.split("/")
        if name in components.setdefault(kind, {}):
            continue
        found = bare(at(full, reference))
        if kind == "responses":
            found = _described({"": found})[""]
        components[kind][name] = found
        todo += references(found)
    info = full["info"]
    return {
        "openapi": full["openapi"],
        "info": {
            "title": info["title"],
            "version": info["version"],
            "license": info["license"],
        },
        "servers": full["servers"],
        "paths": paths,
        "components": {kind: dict(sorted(some.items())) for kind, some in components.items()},
        "x-webhooks": webhooks,
    }


def _from_npm(folder: Path) -> Path:
    command = ["npm", "install", "--ignore-scripts", "--prefix", str(folder)]
    subprocess.run([*command, f"{PACKAGE}@{VERSION}"], check=True)
    return folder / "node_modules" / PACKAGE / "generated" / "api.github.com.json"


def main(arguments: list[str]) -> int:
    """Write the trimmed description; the same input gives the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(arguments[0]) if arguments else _from_npm(Path(folder))
        full = json.loads(source.read_text(encoding="utf-8"))
    text = json.dumps(trimmed(full), separators=(",", ":"), ensure_ascii=False)
    with OUT.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.encode())
    sys.stdout.write(f"{OUT.name}: {len(text)} characters, {OUT.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
