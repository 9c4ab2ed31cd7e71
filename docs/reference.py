"""Writes docs/reference.md, every field of bundles and configuration, from the schemas.

``python docs/reference.py > docs/reference.md``; a test compares them.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[1] / "schema"
HEAD = """\
# Reference: every field

<!-- Generated from schema/ by `python docs/reference.py > docs/reference.md`; a test compares. -->

How to write bundles is told in [authoring.md](authoring.md), how to run them in
[operating.md](operating.md). Unknown fields are errors. `pipeline config show` prints each
effective value and where it comes from: the command line stands before the environment
(`PIPELINE_<SECTION>_<KEY>`, such as `PIPELINE_RUN_JOBS`), that before a file `.env` at the top,
that before `pipeline.yaml`, that before the defaults.
"""
SECTIONS = (
    ("A bundle", "workstream.v1.json", ""),
    ("pipeline.yaml", "pipeline_config.v1.json", ""),
    ("A tool profile", "tool_profile.v1.json", "tools.ID"),
    ("A check", "workstream.v1.json#/$defs/object_check", "gates.NAME[]"),
)
LIMITS = "#/$defs/breaker_limits"


def load(reference: str) -> Any:
    """A schema file, or the part of one behind ``#/``."""
    name, _, pointer = reference.partition("#/")
    value = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    for key in pointer.split("/") if pointer else ():
        value = value[key]
    return value


def resolved(schema: dict[str, Any], file: str) -> tuple[dict[str, Any], str]:
    """A schema with what it refers to, its own words before the others, and the file of those."""
    if "$ref" not in schema:
        return schema, file
    name, _, pointer = schema["$ref"].partition("#")
    file = name or file
    inner, file = resolved(load(f"{file}#{pointer}" if pointer else file), file)
    return {**inner, **{k: v for k, v in schema.items() if k != "$ref"}}, file


def rows(schema: dict[str, Any], file: str, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """Each field with its kind, default and meaning; objects with fields of their own in place."""
    for name, raw in schema["properties"].items():
        if name == "$schema":
            continue
        field, where = resolved(raw, file)
        key = f"{prefix}{name}"
        if raw.get("$ref") == LIMITS and prefix:
            yield key, "object", "", "Limits of this step alone: the four fields above."
            continue
        if "properties" in field:
            yield key, "object", "", field.get("description", "")
            yield from rows(field, where, f"{key}.")
            continue
        default = json.dumps(field["default"]) if "default" in field else ""
        yield key, kind(field, where), default, field.get("description", "")
        item, inner = resolved(field.get("items", {}), where)
        if "properties" in item:
            yield from rows(item, inner, f"{key}[].")
        entry = field.get("additionalProperties")
        if isinstance(entry, dict) and "properties" in entry:
            yield from rows(entry, where, f"{key}.ID.")


def kind(field: dict[str, Any], file: str) -> str:
    """What may stand there, in a word or two."""
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        kinds = (kind(*resolved(option, file)) for option in field["anyOf"])
        return " or ".join(dict.fromkeys(kinds))
    if field.get("title") == "Id":
        return "id"
    if field.get("type") == "array":
        inner = kind(*resolved(field["items"], file))
        return f"list of ({inner})" if " or " in inner else f"list of {inner}"
    return {"string": "text", "object": "object", "null": "`null`"}.get(
        field.get("type", ""), field.get("type", "any")
    )


def document() -> str:
    """The whole document."""
    lines = [HEAD]
    for title, reference, place in SECTIONS:
        schema = load(reference)
        where = f" Stands as `{place}`." if place else ""
        lines += [f"## {title}", "", f"{schema.get('description', '')}{where}".strip(), ""]
        lines += ["| field | kind | default | meaning |", "| --- | --- | --- | --- |"]
        for key, what, default, meaning in rows(schema, reference.partition("#")[0], ""):
            shown = f"`{default}`" if default else ""
            told = meaning.replace("|", "\\|").replace("<", "&lt;")
            lines.append(f"| `{key}` | {what} | {shown} | {told} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
