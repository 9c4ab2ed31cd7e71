"""``pipeline show-dag``: which workstream needs which, and where each is."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.commands import reading, sources
from pipeline.model.states import WorkstreamState
from pipeline.model.workstream import Workstream
from pipeline.report.appearance import colour, words
from pipeline.report.diagrams import Node, mermaid_graph, tree


@click.command(
    "show-dag",
    epilog=reading.examples(
        "pipeline show-dag",
        "pipeline show-dag 01jd3v --mermaid",
        "pipeline show-dag --bundles workstreams",
    ),
)
@click.argument("run", required=False)
@click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The graph of these bundles as they are now, not of a run.",
)
@click.option("--mermaid", is_flag=True, help="A Mermaid flowchart, for Markdown.")
@reading.format_option
@reading.repo_option
def command(run: str | None, bundles: Path | None, mermaid: bool, form: str, repo: Path) -> int:
    """Show the dependency graph of the newest run, of RUN, or of bundles.

    Where nothing has run yet it is that of the configured bundles.
    """
    if run is not None and bundles is not None:
        raise click.UsageError("Give a RUN or --bundles, not both.")
    nodes = None if bundles else _of_run(run, repo)
    if nodes is None:
        nodes = [_node(ws) for ws in sources.load_plan_order(repo, bundles)]
    if form == reading.JSON:
        reading.print_json({"workstreams": nodes})
    elif mermaid:
        console.emit(mermaid_graph(nodes).rstrip("\n"))
    else:
        reading.print_lines(list(_lines(nodes)) or ["There is no workstream."])
    return 0


def _of_run(run: str | None, repo: Path) -> list[Node] | None:
    with reading.try_reading(repo) as records:
        if run is None:
            # `pipeline exec` leaves runs without a graph.
            latest = records.latest_run(kind="run") if records else None
            run = latest.run_id if latest else None
        elif records is None:
            raise reading.NOTHING_YET
        if run is None or records is None:
            return None
        run_id = reading.find_run(records, run).run_id
        states = {ws.ws_id: ws.state for ws in records.workstreams(run_id)}
        bundles = {ws.id: ws for ws in records.plan(run_id).workstreams}
    empty = Workstream("")
    return [_node(bundles.get(ws_id, empty), ws_id, state) for ws_id, state in states.items()]


def _node(ws: Workstream, ws_id: str = "", state: WorkstreamState | None = None) -> Node:
    return Node(ws_id or ws.id, ws.depends_on, ws.conflicts_with, state, ws.title)


def _lines(nodes: Sequence[Node]) -> Iterator[str]:
    paint = reading.paint()
    branches = tree(nodes)
    widths = [console.width(branch.prefix + branch.node.id) for branch in branches]
    room = max(widths, default=0)
    for branch, own in zip(branches, widths, strict=True):
        node = branch.node
        line = branch.prefix + paint(node.id, "bold") + " " * (room - own)
        if node.state is not None:
            line += "  " + paint(words(node.state).ljust(15), colour(node.state))
        notes = []
        if branch.also_needs:
            notes.append(f"{'also ' if branch.prefix else ''}needs {', '.join(branch.also_needs)}")
        if node.conflicts_with:
            notes.append(f"never with {', '.join(node.conflicts_with)}")
        yield (line + "  " + paint("; ".join(notes), "dim")).rstrip()
