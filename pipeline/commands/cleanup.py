"""``pipeline cleanup``: remove what is left of runs that ended long ago, here and on a remote."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.sources import read_config
from pipeline.commands.worktree import seconds_of
from pipeline.flow.cleanup import clean
from pipeline.flow.cleanup_old import CleanupRequest, Removal
from pipeline.flow.prepare import open_layout
from pipeline.planning.problem import PlanError, errors_of
from pipeline.store.layout import ensure_excluded


@click.command(
    "cleanup",
    epilog=reading.examples(
        "pipeline cleanup --dry-run",
        "pipeline cleanup --older-than 30d --remote",
        "pipeline cleanup --older-than 12h --remote upstream --format json",
    ),
)
@click.option(
    "--older-than",
    callback=seconds_of,
    metavar="TIME",
    help="Only runs that ended so long ago: 30d, 12h; `retention` by default.",
)
@click.option(
    "--remote",
    is_flag=False,
    flag_value="*",
    default="",
    metavar="[NAME]",
    help="On a remote as well; `journal.remote` by default.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go; remove nothing.")
@reading.format_option
@reading.repo_option
def command(*, older_than: float | None, remote: str, dry_run: bool, form: str, repo: Path) -> int:
    """Remove what is left of finished runs that ended long ago; only what the engine made.

    Here: tool outputs, archives, slots and worktrees. On a remote: archives, and branches that
    are at a commit which a run made for them. What runs themselves were is still told by
    `pipeline show-run`. Records that are not known here are fetched first, also in a dry run.
    """
    with Repository.discover(repo) as repository:
        loaded = read_config(repository)
        if errors_of(loaded.problems):
            raise PlanError(loaded.problems)
        layout = open_layout(repository, loaded.config)
        ensure_excluded(layout)
        where = loaded.config.journal.remote if remote == "*" else remote
        request = CleanupRequest(time.time(), older_than, where, dry_run)
        found = clean(repository, layout, loaded.config, request)
    gone = [one for one in found if not one.why_kept]
    kept = [one for one in found if one.why_kept]
    if form == reading.JSON:
        reading.print_json({"is_dry_run": dry_run, "removed": gone, "kept": kept})
    else:
        reading.print_lines(list(_lines(gone, kept, where, is_dry=dry_run)))
    return ExitCode.OK


def _lines(
    gone: Sequence[Removal], kept: Sequence[Removal], remote: str, *, is_dry: bool
) -> Iterator[str]:
    if not gone and not kept:
        yield "Nothing is old enough."
        return
    verb = "would be removed" if is_dry else "removed"
    for one in gone:
        yield f"{_named(one, remote)}: {verb}: {console.safe(one.reason)}"
    for one in kept:
        yield f"{_named(one, remote)}: kept: {console.safe(one.why_kept)}"
    yield f"{len(gone)} of {len(gone) + len(kept)} {verb}."


def _named(one: Removal, remote: str) -> str:
    """A thing with where it is: archives of one name are here and on the remote."""
    there = f" on {console.safe(remote, 60)}" if one.kind.startswith("remote_") else ""
    return f"{console.safe(one.name)}{there}"
