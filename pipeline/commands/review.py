"""``pipeline review``: what the engine asks people, and the ways to answer it."""

import getpass
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pipeline.base import console
from pipeline.base.clock import parse_time
from pipeline.base.console import Cell
from pipeline.base.errors import ExitCode
from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.commands.show_patches import print_diff
from pipeline.flow.answering import acceptance_checks, find_review
from pipeline.flow.submitting import submit
from pipeline.model.review import Answer, Option, Overlay, Review, ReviewState
from pipeline.store.lock import live_owner
from pipeline.store.records import Records
from pipeline.store.reviews import reviews

_NEXT = {
    Option.APPROVE: "`pipeline run` lands it if its gates allow.",
    Option.REJECT: "It is quarantined; what depends on it cannot land.",
    Option.ADJUST: "`pipeline run` takes it up anew.",
}


@click.group(
    "review",
    epilog=reading.examples(
        "pipeline review list",
        "pipeline review show add-login",
        "pipeline review approve add-login --message 'the test is wrong, not the change'",
        "pipeline review reject add-login",
        "pipeline review adjust add-login --add-scope 'src/**' --advice 'mind the cache'",
    ),
)
def command() -> None:
    """Look at what awaits a person's decision, and decide: approve, reject or adjust.

    Other workstreams go on meanwhile. After an answer `pipeline run` goes on with the same run; a
    run that is live takes an answer up at once.
    """


def run_option(function: reading.F) -> reading.F:
    """``--run RUN``: look in one run only."""
    return click.option("--run", metavar="RUN", help="Only this run; all runs by default.")(
        function
    )


@command.command(
    "list", epilog=reading.examples("pipeline review list", "pipeline review list --all")
)
@click.option("--all", "with_answered", is_flag=True, help="Also those that were answered.")
@run_option
@reading.format_option
@reading.repo_option
def list_command(*, with_answered: bool, run: str | None, form: str, repo: Path) -> int:
    """List open reviews, the oldest first. Exits 1 while one is open."""
    with reading.try_reading(repo) as records:
        run_id = reading.find_run(records, run).run_id if records and run else None
        found = reviews(records, run_id) if records else ()
    shown = [one for one in found if with_answered or one.is_open]
    if form == reading.JSON:
        reading.print_json({"reviews": shown})
    elif shown:
        reading.print_lines(list(_table(shown)))
    else:
        console.emit("Nothing awaits review.")
    return ExitCode.NOT_PASSED if any(one.is_open for one in found) else ExitCode.OK


@command.command(
    "show",
    short_help="Show one question: what, why, what was tried, the difference.",
    epilog=reading.examples(
        "pipeline review show add-login", "pipeline review show add-login --format json"
    ),
)
@click.argument("review")
@run_option
@reading.format_option
@reading.repo_option
def show_command(*, review: str, run: str | None, form: str, repo: Path) -> int:
    """Show REVIEW (a workstream, or the beginning of a review's id): what, why, the difference."""
    with reading.reading(repo) as records:
        asked = find_review(records, review, _run_id(records, run))
        texts = {patch: records.patch_text(asked.run_id, patch) for patch in asked.patch_ids}
    if form == reading.JSON:
        reading.print_json({"review": asked, "diffs": texts})
        return ExitCode.OK
    reading.print_lines(list(_text(asked)))
    if asked.patch_ids:
        console.emit("")
        print_diff(texts[asked.patch_ids[-1]])
    return ExitCode.OK


def _answer_options(function: reading.F) -> reading.F:
    for option in (
        click.argument("review"),
        click.option("--message", default="", metavar="TEXT", help="Why, for the record."),
        click.option("--by", default="", metavar="NAME", help="Who answers; you by default."),
        run_option,
        reading.repo_option,
    ):
        function = option(function)
    return function


@command.command(
    "approve",
    epilog=reading.examples(
        "pipeline review approve add-login",
        "pipeline review approve add-login --despite-red --message 'known to be flaky'",
    ),
)
@click.option(
    "--despite-red",
    is_flag=True,
    help="Land it even where the gates of the merged tree are not green; its commit says so.",
)
@_answer_options
def approve_command(*, review: str, despite_red: bool, **options: Any) -> int:
    """Let the work of REVIEW land as it is, if the gates of the merged tree are green."""
    return _answer(review, Answer(Option.APPROVE, waives_gates=despite_red), **options)


@command.command("reject", epilog=reading.examples("pipeline review reject add-login"))
@_answer_options
def reject_command(*, review: str, **options: Any) -> int:
    """Give the work of REVIEW up: it is kept in quarantine."""
    return _answer(review, Answer(Option.REJECT), **options)


def _many(name: str, metavar: str, text: str) -> Callable[[reading.F], reading.F]:
    return click.option(f"--{name}", multiple=True, metavar=metavar, help=text)


@command.command(
    "adjust",
    short_help="Have it begin anew with more scope, tasks, checks or advice.",
    epilog=reading.examples(
        "pipeline review adjust add-login --add-scope src/session.py",
        "pipeline review adjust add-login --advice 'keep the old name as an alias'",
        "pipeline review adjust add-login --acceptance 'pytest -q tests/test_login.py'",
    ),
)
@_many("add-scope", "PATTERN", "What may also be modified or deleted.")
@_many("add-create", "PATTERN", "What may also be created.")
@_many("task", "TEXT", "One more task.")
@_many("advice", "TEXT", "What the tool is told beside its tasks.")
@_many("acceptance", "CMD", "One more command that must exit 0, run by the shell.")
@_answer_options
def adjust_command(*, review: str, **options: Any) -> int:
    """Have REVIEW's workstream begin anew, with more scope, tasks, checks or advice.

    The frozen plan stays as it is: what is added is stored with the review, and held to the same
    rules as bundles.
    """
    overlay = Overlay(
        files_scope=options.pop("add_scope"),
        files_create=options.pop("add_create"),
        tasks=options.pop("task"),
        acceptance_tests=acceptance_checks(options.pop("acceptance")),
        advice=options.pop("advice"),
    )
    return _answer(review, Answer(Option.ADJUST, overlay=overlay), **options)


def _answer(
    name: str, answer: Answer, *, message: str, by: str, run: str | None, repo: Path
) -> int:
    answer = replace(answer, message=message.strip(), by=by or _person())
    with Repository.discover(repo) as repository:
        layout, top = reading.find_layout(repository), reading.top_of(repository)
    with reading.reading(repo) as records:
        asked = find_review(records, name, _run_id(records, run))
        owner = live_owner(layout)
        found = submit(layout, records, asked, answer, top, command="pipeline review")
    if found.is_open:
        console.emit(
            f"The answer is left for {owner}, and not taken up so far; `pipeline review list` "
            "shows whether it is. Where it stays open, answer again."
        )
        return ExitCode.NOT_PASSED
    _tell(found)
    if owner is None:
        console.emit(_NEXT[answer.option])
    return ExitCode.OK


def _tell(answered: Review) -> None:
    who = f" by {answered.answered_by}" if answered.answered_by else ""
    console.emit(f"{answered.ws_id} is {answered.state.value}{console.safe(who)}.")


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return ""


def _run_id(records: Records, name: str | None) -> str | None:
    return reading.find_run(records, name).run_id if name else None


def _table(shown: Sequence[Review]) -> Iterator[str]:
    """A line for each review, and below it what it is about: both fit a narrow terminal."""
    header = ["review", "workstream", "why", "state", "asked"]
    title, *lines = console.columns(header, map(_row, shown), reading.paint())
    yield title
    for line, one in zip(lines, shown, strict=True):
        yield line
        yield f"      {console.safe(one.summary, 300)}"


def _row(one: Review) -> list[Cell | str | int]:
    return [
        Cell(one.review_id, "yellow" if one.is_open else "dim"),
        one.ws_id,
        one.kind.value,
        one.state.value,
        _local(one.asked_at),
    ]


def _local(time_text: str) -> str:
    return parse_time(time_text).astimezone().strftime("%Y-%m-%d %H:%M")


def _text(one: Review) -> Iterator[str]:
    yield f"review {one.review_id} ({one.kind.value}, {one.state.value})"
    yield f"  of {one.ws_id} in run {one.run_id}, asked {_local(one.asked_at)}"
    yield f"  {console.safe(one.summary)}"
    yield from _answered(one)
    if one.findings:
        yield ""
        yield "findings:"
    for finding in one.findings[:50]:
        place = f"{console.safe(finding.path)}:{finding.line}: " if finding.path else ""
        rule = console.safe(f"{finding.tool} {finding.code}".strip())
        yield f"  {place}{rule}: {console.safe(finding.message)}"
    yield ""
    rows = [
        (t.step, t.number, t.state, console.safe(t.tool, 30), console.safe(t.outcome, 100))
        for t in one.attempts
    ]
    yield from console.columns(("step", "no", "state", "tool", "outcome"), rows)
    if one.state is ReviewState.OPEN:
        yield ""
        yield "you can:"
        yield from (f"  {console.safe(advice)}" for advice in one.advice)


def _answered(one: Review) -> Iterator[str]:
    if one.answer is None:
        return
    who = f" by {console.safe(one.answered_by)}" if one.answered_by else ""
    said = f": {console.safe(one.answer.message)}" if one.answer.message else ""
    yield f"  {one.state.value}{who} {_local(one.answered_at)}{said}"
    if one.answer.waives_gates:
        yield "  the gates of the merged tree were waived"
    added = one.answer.overlay
    for word, items in (
        ("scope", added.files_scope),
        ("create", added.files_create),
        ("task", added.tasks),
        ("advice", added.advice),
        ("must pass", tuple(str(check.command) for check in added.acceptance_tests)),
    ):
        yield from (f"  added {word}: {console.safe(item)}" for item in items)
