"""The fast check never says yes where jsonschema says no, and says yes to what is usual."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.base.errors import BugError
from pipeline.base.schema import _Compiler, fast_check, violations

NAMES = ["workstream.v1.json", "pipeline_config.v1.json", "tool_profile.v1.json"]
BUNDLE: dict[str, Any] = {
    "id": "a",
    "priority": 1,
    "tasks": ["x"],
    "files_scope": ["a"],
    "acceptance_tests": ["x", ["y"], {"command": "z", "env": {"A": "b"}, "idle_timeout_s": None}],
    "static": ["ruff", {"nox": "x"}],
    "circuit_breaker": {"max_attempts": 1, "fix": {"timeout_s": 3}},
    "policy": {"allow_binary": True},
    "tool_args": {"anything": [{}]},
}
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.sampled_from(["", "a", "a\n", "A b", "x.lock", "a" * 70, "*", "ai", "ruff"]),
    st.lists(st.sampled_from(["a", "a", 1, True, None]), max_size=3),
    st.dictionaries(
        st.sampled_from(["command", "name", "nox", "x", "A"]), st.sampled_from(["a", 1, []])
    ),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        found.extend(places(item, (*path, key)))
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = json.loads(json.dumps(value))
    target = copy
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = new
    return copy


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_the_fast_check_agrees_with_jsonschema(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(places(BUNDLE)))
    value = changed(BUNDLE, path, data.draw(JUNK))
    if data.draw(st.booleans()) and isinstance(value, dict):
        value[data.draw(st.sampled_from(["gate", "fix", "phase", "title", "x"]))] = data.draw(JUNK)

    is_valid = not list(violations(NAMES[0], value))
    if fast_check(NAMES[0])(value):
        assert is_valid
    elif is_valid:
        assert any(isinstance(v, float) for v in _leaves(value)), "only 1.0 for 1 may be doubted"


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


@settings(deadline=None)
@given(value=JUNK, name=st.sampled_from(NAMES))
def test_the_fast_check_agrees_on_anything(value: Any, name: str) -> None:
    if fast_check(name)(value):
        assert not list(violations(name, value))


def test_the_usual_is_valid_at_once() -> None:
    assert fast_check(NAMES[0])(BUNDLE)
    assert list(violations(NAMES[0], BUNDLE)) == []


def test_a_violation_says_where_and_what() -> None:
    (violation,) = violations(NAMES[0], changed(BUNDLE, ("acceptance_tests", 2, "command"), 7))

    assert violation.path == ("acceptance_tests", 2, "command")
    assert violation.value == 7


def test_a_keyword_that_nothing_checks_is_a_bug() -> None:
    with pytest.raises(BugError, match="dependentSchemas"):
        _Compiler("x").compile({"type": "object", "dependentSchemas": {}})
