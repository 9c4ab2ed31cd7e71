"""The graph is drawn with every node once, and no size of graph breaks the drawing."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.states import WorkstreamState as W
from pipeline.model.summary import TimelineEntry
from pipeline.report import diagrams
from pipeline.report.diagrams import Node


def lines(nodes: list[Node]) -> list[str]:
    return [f"{b.prefix}{b.node.id}{' +' if b.also_needs else ''}" for b in diagrams.tree(nodes)]


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    size = draw(st.integers(min_value=0, max_value=30))
    return [
        Node(f"n{i}", tuple(f"n{j}" for j in sorted(draw(st.sets(st.integers(0, max(i - 1, 0)))))))
        if i
        else Node("n0")
        for i in range(size)
    ]


@given(graphs())
def test_every_node_stands_in_the_tree_once_with_all_its_needs(nodes: list[Node]) -> None:
    drawn = diagrams.tree(nodes)
    assert sorted(b.node.id for b in drawn) == sorted(n.id for n in nodes)
    for branch in drawn:
        is_child = bool(branch.prefix)
        assert len(branch.also_needs) == len(branch.node.depends_on) - is_child


def test_a_diamond_hangs_under_the_last_dependency_and_names_the_other() -> None:
    nodes = [Node("a"), Node("b", ("a",)), Node("c", ("a",)), Node("d", ("b", "c")), Node("e")]
    assert lines(nodes) == ["a", "├─ b", "└─ c", "   └─ d +", "e"]
    assert diagrams.tree(nodes)[3].also_needs == ("b",)


def test_a_chain_of_thousands_stays_narrow() -> None:
    nodes = [Node(f"n{i}", (f"n{i - 1}",) if i else ()) for i in range(3000)]
    drawn = diagrams.tree(nodes)
    assert [b.node.id for b in drawn] == [n.id for n in nodes]
    assert max(len(b.prefix) for b in drawn) < 50
    assert [b.also_needs for b in drawn if not b.prefix][1] == ("n12",)


def test_mermaid_draws_arrows_states_and_each_conflict_once() -> None:
    text = diagrams.mermaid_graph(
        [
            Node("a", state=W.DONE),
            Node("b", ("a",), ("c",), W.QUARANTINED),
            Node("c", ("a",), ("b",), W.AWAITING_REVIEW),
        ]
    )
    assert text == (
        "flowchart LR\n"
        '    n0["a<br/>done"]:::done\n'
        '    n1["b<br/>quarantined"]:::red\n'
        '    n2["c<br/>awaiting review"]:::review\n'
        "    n0 --> n1\n    n0 --> n2\n    n1 -.- n2\n"
        "    classDef done fill:#d4f4dd,stroke:#2da44e,color:#000\n"
        "    classDef red fill:#ffd8d3,stroke:#cf222e,color:#000\n"
        "    classDef review fill:#fff3c4,stroke:#bf8700,color:#000\n"
    )


def test_mermaid_without_states_has_no_classes() -> None:
    assert ":::" not in diagrams.mermaid_graph([Node("a"), Node("b", ("a", "gone"), ("gone",))])


def test_a_bar_goes_from_the_first_edit_to_the_last_state() -> None:
    def at(second: int) -> str:
        return f"2025-01-01T00:00:{second:02}.500000Z"

    timeline = [
        TimelineEntry(at(0), None, "running", ""),
        TimelineEntry(at(1), "a", "ready", ""),
        TimelineEntry(at(2), "a", "editing", ""),
        TimelineEntry(at(3), "b", "editing", ""),
        TimelineEntry(at(4), "c", "blocked", ""),
        TimelineEntry(at(5), "a", "done", ""),
        TimelineEntry(at(6), "b", "failed", ""),
    ]
    bars = diagrams.mermaid_gantt(timeline, ["a", "b", "c", "d"]).splitlines()
    assert bars[:3] == ["gantt", "    dateFormat x", "    axisFormat %H:%M:%S"]
    spans = [re.fullmatch(r"    (\w) :(\w+), (\d+), (\d+)", bar) for bar in bars[3:]]
    assert [(m[1], m[2], int(m[4]) - int(m[3])) for m in spans if m] == [
        ("a", "done", 3000),
        ("b", "crit", 3000),
    ]


def test_nothing_started_gives_no_chart() -> None:
    assert diagrams.mermaid_gantt([], ["a"]) == ""
