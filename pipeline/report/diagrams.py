"""Pictures made of text: the dependency graph as a tree and in Mermaid, a run as a Gantt chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.model.states import FINAL, WORKING, WorkstreamState
from pipeline.model.summary import TimelineEntry
from pipeline.report.appearance import words

_DEEPEST = 12
"""How deep the tree is indented before a chain goes on as a group of its own."""


@dataclass(frozen=True, slots=True)
class Node:
    """One workstream of a graph; ``state`` is ``None`` before there is a run."""

    id: str
    depends_on: tuple[str, ...] = ()
    conflicts_with: tuple[str, ...] = ()
    state: WorkstreamState | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A node's line in the tree: what stands before its id, and what it needs besides."""

    prefix: str
    node: Node
    also_needs: tuple[str, ...] = ()


def tree(nodes: Sequence[Node]) -> list[Branch]:
    """The graph as a tree, each node once, under the last of its dependencies in plan order.

    ``nodes`` are in plan order. A chain deeper than is readable goes on at the left, where
    ``also_needs`` names what it hangs on.
    """
    known = {node.id for node in nodes}
    children: dict[str, list[Node]] = {}
    roots: list[Node] = []
    place = {node.id: i for i, node in enumerate(nodes)}
    for node in nodes:
        parents = [dep for dep in node.depends_on if dep in known]
        if parents:
            children.setdefault(max(parents, key=place.__getitem__), []).append(node)
        else:
            roots.append(node)
    return _walk(roots, children)


def _walk(roots: Sequence[Node], children: Mapping[str, Sequence[Node]]) -> list[Branch]:
    lines: list[Branch] = []
    # (node, prefix of its line, prefix of its children's lines, depth, parent)
    waiting: list[tuple[Node, str, str, int, str]] = [(n, "", "", 0, "") for n in reversed(roots)]
    cut: list[tuple[Node, str]] = []
    while waiting or cut:
        if not waiting:
            node, _parent = cut.pop(0)
            waiting.append((node, "", "", 0, ""))
        node, prefix, below, depth, parent = waiting.pop()
        needs = tuple(dep for dep in node.depends_on if dep != parent)
        lines.append(Branch(prefix, node, needs))
        below_it = children.get(node.id, ())
        if depth >= _DEEPEST:
            cut.extend((child, node.id) for child in below_it)
            continue
        for i, child in reversed(list(enumerate(below_it))):
            is_last = i == len(below_it) - 1
            fork, line = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
            waiting.append((child, below + fork, below + line, depth + 1, node.id))
    return lines


_CLASSES = {
    "done": "fill:#d4f4dd,stroke:#2da44e,color:#000",
    "red": "fill:#ffd8d3,stroke:#cf222e,color:#000",
    "waiting": "fill:#eef1f4,stroke:#8c959f,color:#000",
    "working": "fill:#ddf4ff,stroke:#0969da,color:#000",
    "review": "fill:#fff3c4,stroke:#bf8700,color:#000",
}


def mermaid_graph(nodes: Sequence[Node]) -> str:
    """The graph as a Mermaid flowchart: arrows to dependents, dotted lines between conflicts."""
    names = {node.id: f"n{i}" for i, node in enumerate(nodes)}
    lines = ["flowchart LR"]
    for node in nodes:
        label = node.id if node.state is None else f"{node.id}<br/>{words(node.state)}"
        style = "" if node.state is None else f":::{_style(node.state)}"
        lines.append(f'    {names[node.id]}["{label}"]{style}')
    for node in nodes:
        lines += [f"    {names[d]} --> {names[node.id]}" for d in node.depends_on if d in names]
    pairs = {tuple(sorted((n.id, o))) for n in nodes for o in n.conflicts_with if o in names}
    lines += [f"    {names[one]} -.- {names[other]}" for one, other in sorted(pairs)]
    used = {_style(node.state) for node in nodes if node.state is not None}
    lines += [f"    classDef {name} {_CLASSES[name]}" for name in _CLASSES if name in used]
    return "\n".join(lines) + "\n"


def _style(state: WorkstreamState) -> str:
    if state is WorkstreamState.DONE:
        return "done"
    if state is WorkstreamState.AWAITING_REVIEW:
        return "review"
    if state in FINAL:
        return "red"
    return "working" if state in WORKING else "waiting"


def mermaid_gantt(timeline: Sequence[TimelineEntry], order: Sequence[str]) -> str:
    """When each workstream worked, from its first step to its last, as a Mermaid Gantt chart.

    ``order`` are workstreams in plan order; those that never started have no bar. Empty when
    nothing started.
    """
    of: dict[str, list[TimelineEntry]] = {ws_id: [] for ws_id in order}
    for entry in timeline:
        if entry.workstream in of:
            of[entry.workstream].append(entry)
    bars = [line for ws_id, entries in of.items() if (line := _bar(ws_id, entries))]
    if not bars:
        return ""
    head = ["gantt", "    dateFormat x", "    axisFormat %H:%M:%S"]
    return "\n".join([*head, *(f"    {bar}" for bar in bars)]) + "\n"


def _bar(ws_id: str, entries: Sequence[TimelineEntry]) -> str:
    working = [entry for entry in entries if entry.state == WorkstreamState.EDITING]
    if not working:
        return ""
    start, last = _milliseconds(working[0].at), entries[-1]
    tag = {WorkstreamState.DONE: "done, "}.get(WorkstreamState(last.state), "")
    if not tag:
        tag = "crit, " if last.state in FINAL else "active, "
    return f"{ws_id} :{tag}{start}, {max(_milliseconds(last.at), start + 1)}"


def _milliseconds(iso: str) -> int:
    return round(datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp() * 1000)
