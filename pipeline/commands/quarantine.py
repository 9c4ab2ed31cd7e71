"""``pipeline quarantine``: look at refused and failed patches, release or drop them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.console import Cell
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.show_patches import print_diff
from pipeline.commands.sources import configured_layout, read_config
from pipeline.flow.holding import hold
from pipeline.flow.quarantine import Evidence, Kept, evidence, find_kept, quarantined
from pipeline.flow.quarantine_release import (
    Released,
    default_branch,
    drop,
    release_to_branch,
    release_to_file,
)
from pipeline.model.states import PatchState
from pipeline.store.records import Records

_SHORT = 12
_WORD = {PatchState.VALIDATED: "released", PatchState.DROPPED: "dropped"}


@click.group(
    "quarantine",
    epilog=reading.examples(
        "pipeline quarantine list",
        "pipeline quarantine show 5c1d9e0f",
        "pipeline quarantine release 5c1d9e0f --branch rescue",
        "pipeline quarantine drop 5c1d9e0f",
    ),
)
def command() -> None:
    """Look at patches that were refused or failed, release or drop them."""


def run_option(function: reading.F) -> reading.F:
    """``--run RUN``: look in one run only."""
    return click.option("--run", metavar="RUN", help="Only this run; all runs by default.")(
        function
    )


@command.command(
    "list",
    epilog=reading.examples("pipeline quarantine list", "pipeline quarantine list --all"),
)
@click.option("--all", "with_left", is_flag=True, help="Also those that were released or dropped.")
@run_option
@reading.format_option
@reading.repo_option
def list_command(*, with_left: bool, run: str | None, form: str, repo: Path) -> int:
    """List quarantined patches, those of the newest run first."""
    with reading.try_reading(repo) as records:
        found = [
            kept
            for run_id in (_runs(records, run) if records else ())
            for kept in (quarantined(records, run_id, with_left=with_left) if records else ())
        ]
    if form == reading.JSON:
        reading.print_json({"patches": found})
    elif found:
        header = ["patch", "run", "workstream", "files", "+", "-", "why"]
        reading.print_lines(console.columns(header, map(_row, found), reading.paint()))
    else:
        console.emit("Nothing is in quarantine.")
    return 0


@command.command(
    "show",
    epilog=reading.examples(
        "pipeline quarantine show 5c1d9e0f",
        "pipeline quarantine show add-login",
        "pipeline quarantine show 5c1d9e0f --diff | git apply --check",
    ),
)
@click.argument("patch")
@click.option("--diff", is_flag=True, help="Print only the text of the patch.")
@run_option
@reading.format_option
@reading.repo_option
def show_command(*, patch: str, diff: bool, run: str | None, form: str, repo: Path) -> int:
    """Show PATCH (the beginning of its id, or its workstream): reason, evidence, difference."""
    with reading.reading(repo) as records:
        kept = find_kept(records, patch, _runs(records, run))
        text = records.patch_text(kept.run_id, kept.patch.id)
        if diff:
            print_diff(text)
            return 0
        told = evidence(records, kept)
    if form == reading.JSON:
        reading.print_json(told)
        return 0
    reading.print_lines([*_text(told), ""])
    print_diff(text)
    return 0


@command.command(
    "release",
    epilog=reading.examples(
        "pipeline quarantine release 5c1d9e0f",
        "pipeline quarantine release 5c1d9e0f --branch rescue && git switch rescue",
        "pipeline quarantine release 5c1d9e0f --output rescue.patch",
    ),
)
@click.argument("patch")
@click.option("--branch", metavar="NAME", help="The new branch; quarantine/<...> by default.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the patch to a new file instead.",
)
@run_option
@reading.repo_option
def release_command(
    *, patch: str, branch: str | None, output: Path | None, run: str | None, repo: Path
) -> int:
    """Give PATCH to a person to work on: as a branch, or as a file. It never lands by that.

    The branch begins where the change was made. What policy refused stays refused; a patch that
    has nothing against it any more leaves the quarantine.
    """
    if branch and output:
        raise click.UsageError("--branch and --output exclude each other.")
    with Repository.discover(repo) as repository, reading.reading(repo) as records:
        layout = configured_layout(repository, read_config(repository).config)
        runs = _runs(records, run)
        find_kept(records, patch, runs)  # a wrong name is told before the lock is taken
        with hold(layout, "pipeline quarantine") as ledger:
            kept = find_kept(ledger, patch, runs)
            released = (
                release_to_file(ledger, repository, kept, output)
                if output
                else release_to_branch(
                    ledger, repository, layout, kept, branch or default_branch(kept)
                )
            )
    reading.print_lines(list(_told(released)))
    return 0


@command.command("drop", epilog=reading.examples("pipeline quarantine drop 5c1d9e0f"))
@click.argument("patch")
@run_option
@reading.repo_option
def drop_command(*, patch: str, run: str | None, repo: Path) -> int:
    """Say that nobody wants PATCH: it leaves the quarantine, and its files are removed.

    The record stays, so that the run can still be verified.
    """
    with Repository.discover(repo) as repository:
        layout = reading.find_layout(repository)
    with reading.reading(repo) as records:
        runs = _runs(records, run)
        find_kept(records, patch, runs)  # a wrong name is told before the lock is taken
        with hold(layout, "pipeline quarantine") as ledger:
            kept = find_kept(ledger, patch, runs)
            removed = drop(ledger, layout, kept)
    files = f" {console.count(len(removed), 'file')} removed." if removed else ""
    console.emit(f"Patch {kept.patch.id[:_SHORT]} of {kept.ws_id} is dropped.{files}")
    return 0


def _runs(records: Records, name: str | None) -> tuple[str, ...]:
    if name is not None:
        return (reading.find_run(records, name).run_id,)
    return tuple(run.run_id for run in records.runs(kind="run"))


def _row(kept: Kept) -> list[Cell | str | int]:
    why = kept.reason if kept.is_kept else f"({_WORD[kept.state]}) {kept.reason}"
    return [
        Cell(kept.patch.id[:_SHORT], "red" if kept.is_kept else "dim"),
        kept.run_id,
        kept.ws_id,
        len(kept.patch.paths),
        kept.patch.added,
        kept.patch.removed,
        console.safe(why, 120),
    ]


def _text(told: Evidence) -> Iterator[str]:
    kept = told.kept
    yield f"patch {kept.patch.id}"
    yield f"  of {kept.ws_id} ({kept.ws_state}) in run {kept.run_id}"
    yield f"  {_WORD.get(kept.state, kept.state.value)}, kept since {kept.kept_at}"
    yield f"  {console.safe(kept.reason)}"
    yield from _findings(told)
    yield from _attempts(told)
    yield ""
    yield "life: " + " > ".join(step.state.value for step in told.life)


def _findings(told: Evidence) -> Iterator[str]:
    if told.findings:
        yield ""
        yield "findings:"
    for finding in told.findings[:50]:
        place = f"{console.safe(finding.path)}:{finding.line}: " if finding.path else ""
        name = f"{finding.tool} {finding.code}".strip()
        yield f"  {place}{console.safe(name)}: {console.safe(finding.message)}"


def _attempts(told: Evidence) -> Iterator[str]:
    yield ""
    rows: Sequence[tuple[str | int, ...]] = [
        (
            attempt.step.value,
            attempt.number,
            attempt.state.value,
            console.safe(attempt.tool, 40),
            "" if attempt.exit_code is None else str(attempt.exit_code),
            console.safe(attempt.stdout_log),
        )
        for attempt in told.attempts
    ]
    yield from console.columns(("step", "no", "state", "tool", "exit", "output"), rows)


def _told(released: Released) -> Iterator[str]:
    kept = released.kept
    where = released.to.removeprefix("refs/heads/")
    what = f"the branch {where}" if released.commit else where
    yield f"Patch {kept.patch.id[:_SHORT]} of {kept.ws_id} is in {console.safe(what)}."
    yield f"It is yours to work on and lands nowhere: {kept.ws_id} stays {kept.ws_state}."
    against = [o.message for o in released.objections if o.is_blocking]
    if against:
        yield "It stays in quarantine, for what was refused is still refused:"
        yield from (f"  {console.safe(message)}" for message in against[:10])
    else:
        yield "Nothing in scope or policy speaks against it; it has left the quarantine."
