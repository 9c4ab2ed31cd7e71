"""Says in sentences how a document breaks its schema."""

from collections.abc import Iterator
from typing import Any

from pipeline.base.schema import Violation, violations
from pipeline.planning.problem import Problem, json_path, shown
from pipeline.planning.suggest import did_you_mean

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_PLANNED = frozenset({"notify"})


def explain(schema: str, data: Any, file: str) -> Iterator[Problem]:
    """Every way in which ``data`` breaks the schema file ``schema``."""
    for violation in violations(schema, data):
        yield from _problems(violation, file)


def _problems(violation: Violation, file: str) -> Iterator[Problem]:
    if violation.rule == "additionalProperties":
        yield from _unknown_fields(violation, file)
        return
    message, remedy = _sentence(violation)
    yield Problem(file, json_path(violation.path), message, remedy)


def _unknown_fields(violation: Violation, file: str) -> Iterator[Problem]:
    known = violation.schema.get("properties", {})
    for name in sorted(set(violation.value) - set(known), key=str):
        place = json_path((*violation.path, str(name)))
        if not violation.path and name in _PLANNED:
            yield Problem(file, place, f"`{name}` is not supported by this version.", "Remove it.")
            continue
        listed = f"Known are {', '.join(sorted(known))}."
        remedy = did_you_mean(str(name), known, otherwise=listed)
        yield Problem(file, place, f"is an unknown field `{shown(str(name))}`.", remedy)


def _sentence(violation: Violation) -> tuple[str, str]:
    limit, value = violation.limit, violation.value
    hint = str(violation.schema.get("description", ""))
    match violation.rule:
        case "type":
            names = [limit] if isinstance(limit, str) else limit
            wanted = " or ".join(_KINDS.get(n, n) for n in names)
            return f"must be {wanted}, not {_kind(value)}.", hint
        case "required":
            missing = [name for name in limit if name not in value]
            return f"lacks {', '.join(f'`{m}`' for m in missing)}.", ""
        case "enum" | "const":
            options = limit if isinstance(limit, list) else [limit]
            listed = ", ".join(f"`{o}`" for o in options)
            suggestion = did_you_mean(str(value), map(str, options), otherwise=hint)
            return f"is {_quoted(value)}; it must be one of {listed}.", suggestion
        case "pattern":
            return f"is {_quoted(value)}, which does not fit.", hint
        case "minLength" | "minItems" | "minProperties":
            return ("is empty." if len(value) == 0 else f"is shorter than {limit}."), hint
        case "maxLength" | "maxItems":
            return f"is longer than {limit}.", hint
        case "minimum" | "maximum" | "exclusiveMinimum":
            words = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "above"}
            return f"is {_quoted(value)}; it must be {words[violation.rule]} {limit}.", hint
        case "uniqueItems":
            return "names something twice.", "Keep one of them."
        case "anyOf":
            return f"must not be {_kind(value)}.", hint
        case _:
            return f"{shown(violation.message)}.", hint


def _kind(value: Any) -> str:
    for kinds, name in (
        (bool, f"{str(value).lower()}"),
        (str, f"text ({_quoted(value)})"),
        ((int, float), f"the number {value}"),
        (list, "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, kinds):
            return name
    return "null"


def _quoted(value: Any) -> str:
    return f"`{shown(str(value))}`"
