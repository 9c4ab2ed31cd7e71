"""JSON schemas: a fast yes-or-no check compiled from them, and the slow, complete explanation.

The fast check may say no to a value that is valid, never yes to one that is not; whoever hears
no asks for the violations. So ``jsonschema`` is imported only when something is wrong.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.base.errors import BugError
from pipeline.base.resources import schema_path

Predicate = Callable[[Any], bool]

_ANNOTATIONS = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "default"}
)
_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
_KEYWORDS: Mapping[type, frozenset[str]] = {
    str: frozenset({"pattern", "minLength", "maxLength"}),
    int: frozenset({"minimum", "maximum", "exclusiveMinimum"}),
    float: frozenset({"minimum", "maximum", "exclusiveMinimum"}),
    list: frozenset({"items", "minItems", "maxItems", "uniqueItems"}),
    dict: frozenset(
        {"properties", "required", "additionalProperties", "propertyNames", "minProperties"}
    ),
}
_GENERAL = frozenset({"type", "enum", "const", "anyOf", "$ref"})


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a value breaks its schema.

    ``path`` leads to the value; ``rule`` is the keyword, ``limit`` its value, ``schema`` the
    object that holds it.
    """

    path: tuple[str | int, ...]
    rule: str
    limit: Any
    value: Any
    schema: Mapping[str, Any]
    message: str


@functools.cache
def load(name: str) -> dict[str, Any]:
    """The schema in the file ``name``."""
    schema: dict[str, Any] = json.loads(schema_path(name).read_bytes())
    return schema


@functools.cache
def fast_check(name: str) -> Predicate:
    """The compiled check of a schema file: true only for values that are valid."""
    return _Compiler(name).compile(load(name))


def violations(name: str, value: object) -> Iterator[Violation]:
    """Everything that is wrong with ``value``, as jsonschema sees it.

    Where none of several alternatives fits, the one of the value's type explains.
    """
    for error in _validator(name).iter_errors(value):
        yield from _explain(error)


@functools.cache
def _validator(name: str) -> Any:
    import jsonschema  # late: 80 ms that only wrong input pays for
    from referencing import Registry, Resource  # late: as above

    def retrieve(uri: str) -> Resource[Any]:
        return Resource.from_contents(load(uri.rpartition("/")[2]))

    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]  # attrs alias
    return jsonschema.Draft202012Validator(load(name), registry=registry)


def _explain(error: Any) -> Iterator[Violation]:
    if error.validator == "anyOf" and error.context:
        by_branch: dict[Any, list[Any]] = {}
        for inner in error.context:
            by_branch.setdefault(inner.schema_path[0], []).append(inner)
        close = [
            branch
            for branch in by_branch.values()
            if not any(i.validator in {"type", "const"} and not i.path for i in branch)
        ]
        if close:
            for inner in min(close, key=len):
                yield from _explain(inner)
            return
    yield Violation(
        path=tuple(error.absolute_path),
        rule=str(error.validator),
        limit=error.validator_value,
        value=error.instance,
        schema=error.schema if isinstance(error.schema, Mapping) else {},
        message=error.message,
    )


class _Compiler:
    """Turns the keywords that our schemas use into closures, one for each Python type."""

    def __init__(self, name: str) -> None:
        self.name = name

    def compile(self, schema: Any) -> Predicate:
        if isinstance(schema, bool):
            return _always if schema else _never
        known = _ANNOTATIONS | _GENERAL | frozenset().union(*_KEYWORDS.values())
        if unknown := set(schema) - known:
            raise BugError(f"schema/{self.name} uses {sorted(unknown)}, which nothing checks.")
        general = self._general(schema)
        names = schema.get("type", list(_PYTHON_TYPES))
        table: dict[type, Predicate] = {}
        for type_name in [names] if isinstance(names, str) else names:
            for kind in _PYTHON_TYPES[type_name]:
                own = self._of_type(kind, schema)
                table[kind] = _both([*own, *general])
        lookup = table.get

        def check(value: Any) -> bool:
            predicate = lookup(type(value))
            return predicate is not None and (predicate is _always or predicate(value))

        return check

    def _general(self, schema: Mapping[str, Any]) -> list[Predicate]:
        found: list[Predicate] = []
        if "$ref" in schema:
            found.append(self._reference(schema["$ref"]))
        if "enum" in schema or "const" in schema:
            allowed = frozenset((type(v), v) for v in schema.get("enum", [schema.get("const")]))
            found.append(lambda v: v.__hash__ is not None and (type(v), v) in allowed)
        if "anyOf" in schema:
            options = [self.compile(option) for option in schema["anyOf"]]
            found.append(lambda v: any(option(v) for option in options))
        return found

    def _reference(self, target: str) -> Predicate:
        name, _, pointer = target.partition("#")

        schema: Any = load(name or self.name)
        for step in pointer.split("/")[1:]:
            schema = schema[step]
        return _Compiler(name or self.name).compile(schema)

    def _of_type(self, kind: type, schema: Mapping[str, Any]) -> list[Predicate]:
        rules = {key: schema[key] for key in _KEYWORDS.get(kind, ()) if key in schema}
        if not rules:
            return []
        if kind is str:
            return _string_rules(rules)
        if kind is list:
            return self._list_rules(rules)
        if kind is dict:
            return self._object_rules(rules)
        return _number_rules(rules)

    def _list_rules(self, rules: Mapping[str, Any]) -> list[Predicate]:
        item = self.compile(rules.get("items", True))
        least, most = rules.get("minItems", 0), rules.get("maxItems", float("inf"))
        is_unique = rules.get("uniqueItems", False)

        def check(value: list[Any]) -> bool:
            if not least <= len(value) <= most:
                return False
            if is_unique and len(value) > 1 and not _are_distinct(value):
                return False
            return all(item(entry) for entry in value)

        return [check]

    def _object_rules(self, rules: Mapping[str, Any]) -> list[Predicate]:
        fields = {k: self.compile(v) for k, v in rules.get("properties", {}).items()}
        other = self.compile(rules.get("additionalProperties", True))
        key_fits = self.compile(rules.get("propertyNames", True))
        required = frozenset(rules.get("required", ()))
        least = rules.get("minProperties", 0)
        checks_keys = "propertyNames" in rules

        def check(value: dict[Any, Any]) -> bool:
            for key, item in value.items():
                if not (fields.get(key) or other)(item):
                    return False
                if checks_keys and not key_fits(key):
                    return False
            return len(value) >= least and required <= value.keys()

        return [check]


def _string_rules(rules: Mapping[str, Any]) -> list[Predicate]:
    least, most = rules.get("minLength", 0), rules.get("maxLength", float("inf"))
    found: list[Predicate] = [lambda v: least <= len(v) <= most]
    if "pattern" in rules:
        search = re.compile(rules["pattern"]).search
        found.append(lambda v: search(v) is not None)
    return found


def _number_rules(rules: Mapping[str, Any]) -> list[Predicate]:
    least, most = rules.get("minimum", -float("inf")), rules.get("maximum", float("inf"))
    above = rules.get("exclusiveMinimum")
    found: list[Predicate] = [lambda v: least <= v <= most]
    if above is not None:
        found.append(lambda v: v > above)
    return found


def _are_distinct(value: list[Any]) -> bool:
    try:
        return len(set(value)) == len(value)
    except TypeError:
        return False


def _both(predicates: list[Predicate]) -> Predicate:
    if not predicates:
        return _always
    if len(predicates) == 1:
        return predicates[0]
    return lambda value: all(predicate(value) for predicate in predicates)


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False
