"""Workstreams that can touch the same path are found, without comparing every pair."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.glob import PatternError
from pipeline.model.scope import PathSet, parse_scope
from pipeline.model.workstream import Workstream
from pipeline.planning.graph import plan_order
from pipeline.planning.intersection import UNDECIDED, witness
from pipeline.planning.overlap import MAX_REPORTED, overlaps
from pipeline.planning.pattern_index import PatternIndex
from pipeline.planning.problem import Problem

Make = Callable[..., dict[str, Any]]

PART = st.sampled_from(
    ["**", "*", "?", "a", "b", "a*", "*b", "?a", "[ab]", "[!a]", "*.x", "a.x", "a*b", "[a-c]?"]
)
PATTERN = st.builds(
    lambda parts, tail: "/".join(parts) + tail,
    st.lists(PART, min_size=1, max_size=4),
    st.sampled_from(["", "", "", "/"]),
)
PATH = st.lists(
    st.sampled_from(["a", "b", "ab", "aa", "ba", "a.x", "b.x", "c", "axb"]), min_size=1, max_size=4
).map("/".join)


def found(*workstreams: Workstream) -> list[Problem]:
    return list(overlaps(plan_order(workstreams)))


def scope(ws_id: str, *patterns: str, **fields: Any) -> Workstream:
    return Workstream(ws_id, files_scope=patterns, source=f"{ws_id}.json", **fields)


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ("src/a.py", "src/a.py", "src/a.py"),
        ("src/a.py", "src/*.py", "src/a.py"),
        ("src/a.py", "**", "src/a.py"),
        ("src/a.py", "src/", "src/a.py"),
        ("src/a.py", "**/a.py", "src/a.py"),
        ("src/**", "src/x/*.py", "src/x/x.py"),
        ("src/*.py", "**/test_*", "src/test_.py"),
        ("a*b", "*ab", "ab"),
        ("**/x/**", "y/**/z", "y/x/z"),
        ("[a-c]1", "[c-e]?", "c1"),
        ("src/\\*", "src/?", "src/*"),
        ("docs", "docs/a.md", "docs/a.md"),
        ("docs", "docs/**", "docs/x"),
        ("a/b", "a/b/c/*.md", "a/b/c/x.md"),
        ("\\a", "a", "a"),
        ("*/a", "b/*", "b/a"),
        ("**/a/b.py", "**/b.py", "a/b.py"),
        ("x*", "xy*", "xy"),
    ],
)
def test_scopes_that_can_meet(one: str, other: str, path: str) -> None:
    for patterns in ((one, other), (other, one)):
        (problem,) = found(scope("a", patterns[0]), scope("b", patterns[1]))
        assert problem.file == "b.json"
        assert problem.json_path == "$.files_scope[0]"
        assert problem.message.endswith(f"can touch the same path: `{path}`.")
        assert all(w in problem.remedy for w in ("depends_on", "conflicts_with", "allow_overlap"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/a.py", "src/b.py"),
        ("src/a.py", "src/a.pyc"),
        ("src/a", "src/ab/c"),
        ("src/*.py", "src/sub/*.py"),
        ("src/*.py", "src/*.md"),
        ("**/a.py", "**/b.py"),
        ("src/**", "lib/**"),
        ("src/**", "src"[:-1] + "/**"),
        ("src/**/a", "src/**/b"),
        ("[ab]x", "[cd]x"),
        ("[!a]", "a"),
        ("*a", "*b"),
        ("a?", "a??"),
        ("src/app.py", "**/*.md"),
        ("SRC/a", "src/a"),
    ],
)
def test_scopes_that_cannot_meet(one: str, other: str) -> None:
    assert found(scope("a", one), scope("b", other)) == []


@pytest.mark.parametrize(
    "others",
    [
        [scope("b", "x", depends_on=("a",))],
        [scope("b", "x", conflicts_with=("a",))],
        [scope("b", "x", allow_overlap=("a",))],
        [scope("c", "y", depends_on=("a",)), scope("b", "x", depends_on=("c",))],
    ],
)
def test_what_is_ordered_or_excused_may_overlap(others: list[Workstream]) -> None:
    assert found(scope("a", "x"), *others) == []


def test_an_excuse_counts_from_either_side() -> None:
    assert found(scope("a", "x", allow_overlap=("b",)), scope("b", "x")) == []
    assert found(scope("a", "x", conflicts_with=("b",)), scope("b", "x")) == []


def test_an_order_with_a_third_is_no_order_between_two() -> None:
    a, b = scope("a", "x", depends_on=("root",)), scope("b", "x", depends_on=("root",))

    assert [p.file for p in found(scope("root", "x"), a, b)] == ["b.json"]


def test_creating_counts_as_touching() -> None:
    one = Workstream("a", files_create=("new.py",), source="a.json")
    (problem,) = found(one, Workstream("b", files_create=("*.py",), source="b.json"))

    assert problem.json_path == "$.files_create[0]"


def test_one_problem_for_each_pair() -> None:
    a, b = scope("a", "x", "y", "*"), scope("b", "x", "y", "**")

    assert len(found(a, b)) == 1


def test_a_workstream_may_overlap_with_itself() -> None:
    assert found(scope("a", "x", "*", "**"), scope("b", "y/z", depends_on=("a",))) == []


def test_a_plan_with_very_many_overlaps_is_cut_short() -> None:
    problems = found(*(scope(f"w{i:03}", "src/**") for i in range(60)))

    assert len(problems) == MAX_REPORTED + 1
    assert "others are not listed" in problems[-1].message


def test_a_gap_in_a_long_chain_is_found() -> None:
    chain = [scope("w0000", "log")]
    chain += [scope(f"w{i:04}", "log", depends_on=(f"w{i - 1:04}",)) for i in range(1, 1500)]
    assert found(*chain) == []

    chain[700] = scope("w0700", "log", allow_overlap=("w0699",))
    assert found(*chain) != []


@settings(deadline=None, max_examples=300)
@given(one=PATTERN, other=PATTERN, paths=st.lists(PATH, min_size=1, max_size=30))
def test_no_path_is_matched_by_both_where_none_was_found(
    one: str, other: str, paths: list[str]
) -> None:
    try:
        a, b = parse_scope(one), parse_scope(other)
    except PatternError:
        return
    path = witness(a, b)
    if path is None:
        both = [p for p in paths if a.matches(p.split("/")) and b.matches(p.split("/"))]
        assert both == []
    else:
        assert a.matches(path.split("/")) and b.matches(path.split("/"))


@settings(deadline=None)
@given(patterns=st.lists(PATTERN, min_size=2, max_size=14, unique=True))
def test_the_index_finds_what_comparing_every_pair_finds(patterns: list[str]) -> None:
    globs = {text: parse_scope(text) for text in patterns}
    expected = set()
    for one, other in combinations(patterns, 2):
        a, b = globs[one], globs[other]
        is_folder = any(
            x.literal and y.segments[: len(x.segments)] == x.segments and x.segments != y.segments
            for x, y in ((a, b), (b, a))
        )
        if is_folder or witness(a, b) is not None:
            expected.add(frozenset((one, other)))

    assert {frozenset(m[:2]) for m in PatternIndex(patterns).meetings()} == expected


@settings(deadline=None)
@given(
    scopes=st.lists(st.lists(PATTERN, min_size=1, max_size=2), min_size=2, max_size=6),
    needs=st.lists(st.integers(0, 5), min_size=6, max_size=6),
    path=PATH,
)
def test_whoever_can_touch_a_path_is_ordered_or_reported(
    scopes: list[list[str]], needs: list[int], path: str
) -> None:
    plan = [
        scope(f"w{i}", *patterns, depends_on=(f"w{needs[i]}",) if needs[i] < i else ())
        for i, patterns in enumerate(scopes)
    ]
    reported = {p.message for p in found(*plan)}
    above: dict[str, set[str]] = {}
    for ws in plan:
        above[ws.id] = {ws.id}.union(*(above[need] for need in ws.depends_on))
    for a, b in combinations(plan, 2):
        touch = PathSet(a.files_scope).matches(path) and PathSet(b.files_scope).matches(path)
        if touch and a.id not in above[b.id]:
            assert any(f"`{a.id}`" in m and f"`{b.id}`" in m for m in reported)


@pytest.mark.parametrize(
    "pattern",
    [
        "src/p{}/m.py",
        "src/m{}.py",
        "src/m{}*.py",
        "**/m{}.py",
        "src/**/x{}/*.py",
        "lib/{}/",
        "*_{}_.c",
    ],
)
def test_far_fewer_pairs_are_compared_than_there_are(pattern: str) -> None:
    size = 2000
    index = PatternIndex(pattern.format(f"{i:05}") for i in range(size))

    assert list(index.meetings()) == []
    assert index.compared < 2 * size


def test_patterns_that_are_too_long_to_compare_count_as_overlapping() -> None:
    one, other = parse_scope("/".join(["a*"] * 600)), parse_scope("/".join(["*a"] * 600))

    assert witness(one, other) == UNDECIDED


def test_overlap_of_bundles_on_disk(folder: Any, make_bundle: Make) -> None:
    folder.add(make_bundle("a", files_scope=["src/*.py"]), make_bundle("b", files_scope=["src/"]))

    assert folder.complaints() == [
        "workstreams/b.json:7: $.files_scope[0] `src/` of `b` and `src/*.py` of `a` can touch the"
        " same path: `src/x.py`. Add `a` to `depends_on` (an order), `conflicts_with` (one at a"
        " time) or `allow_overlap` (accepted), or narrow one of the scopes."
    ]
