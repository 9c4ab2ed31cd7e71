"""``pipeline validate``: everything that is wrong with bundles and configuration, at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading, sources
from pipeline.planning.problem import Problem, errors_of

_NAMED = 20


@click.command(
    "validate",
    epilog=reading.examples(
        "pipeline validate",
        "pipeline validate --workstreams more-bundles",
        "pipeline validate --format json",
    ),
)
@click.option(
    "--workstreams",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The folder of bundles; the configured one by default.",
)
@reading.format_option
@reading.repo_option
def command(folder: Path | None, form: str, repo: Path) -> int:
    """Check bundles and configuration; change nothing. Exits 2 where something is wrong."""
    with Repository.discover(repo) as repository:
        spec = sources.load_specification(repository, folder)
    errors = errors_of(spec.problems)
    order = [] if errors else [ws.id for ws in sources.in_plan_order(spec)]
    if form == reading.JSON:
        reading.print_json({"is_valid": not errors, "problems": spec.problems, "plan_order": order})
    else:
        reading.print_lines([*_complaints(spec.problems), *_verdict(errors, order)])
    return ExitCode.BAD_INPUT if errors else ExitCode.OK


def _complaints(problems: Sequence[Problem]) -> Iterator[str]:
    paint = reading.paint()
    for problem in problems:
        where = problem.file if problem.line is None else f"{problem.file}:{problem.line}"
        place = "" if problem.json_path in {"", "$"} else f" {problem.json_path}"
        kind = paint("warning", "yellow") if problem.is_warning else paint("error", "red")
        yield f"{console.safe(where)}:{console.safe(place)} {kind}: {console.safe(problem.message)}"
        if problem.remedy:
            yield f"    {console.safe(problem.remedy)}"


def _verdict(errors: Sequence[Problem], order: Sequence[str]) -> Iterator[str]:
    if errors:
        files = len({problem.file for problem in errors})
        yield f"{console.count(len(errors), 'error')} in {console.count(files, 'file')}."
        return
    shown = ", ".join(order[:_NAMED]) + (", …" if len(order) > _NAMED else "")
    yield f"{console.count(len(order), 'workstream')}, plan order: {shown}"
