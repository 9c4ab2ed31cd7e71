"""The command line: a table of verbs, and the one place where errors become exit codes."""

import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline import __version__
from pipeline.base.errors import ExitCode, InputError, PipelineError

if TYPE_CHECKING:
    import click

COMMANDS: dict[str, str] = {
    "init": "Write an example bundle and configuration.",
    "validate": "Check bundles and configuration; change nothing.",
    "plan": "Show what would run, in which order, from which start trees.",
    "prompt": "Show what a workstream's tool would be told; run nothing.",
    "run": "Run workstreams end to end into one integration branch.",
    "cancel": "Ask the live run to stop; it can be carried on.",
    "gate": "Run a configured gate on the tree of a commit.",
    "outputs": "Set the outputs of a step on GitHub from a JSON document.",
    "exec": "Run any program under the same care and record it.",
    "sync": "Bring this repository and a remote to the same record of runs.",
    "handover": "Give a run to another job as files, and take one over.",
    "cleanup": "Remove what is left of runs that ended long ago, here and on a remote.",
    "worktree": "List, open and clean up worktrees.",
    "show-run": "Show one run and its workstreams.",
    "show-dag": "Show the dependency graph of a plan.",
    "show-errors": "Show what went wrong, counted by signature.",
    "show-events": "Show the events of a run.",
    "show-patches": "Show the patches of a run and their lives.",
    "runs": "List runs.",
    "report": "Say what a run came to, as texts and files for GitHub.",
    "costs": "Show what agents used and cost, and what is left of the limits.",
    "quarantine": "List, show, release and drop refused patches.",
    "review": "Answer what the engine asks people: approve, reject, adjust.",
    "publish": "Publish a run on GitHub: pull requests, checks, comments, issues.",
    "respond": "Answer a comment on GitHub whose first line is a command.",
    "fix-ci": "Repair mechanically what a failed CI run complains of.",
    "deploy": "Roll a version out, or back to the last one that was healthy.",
    "verify": "Recompute a run's patches, trees and landings with plain git.",
    "replay": "Replay a run's events and compare with what is recorded.",
    "rebuild": "Make the database anew from the journal in git.",
    "config": "Show the effective configuration and where it comes from.",
    "doctor": "Check the surroundings and say how to mend them.",
    "hook": "Run one of the pre-commit hooks.",
    "demo": "Make a small repository and run workstreams that end in every way.",
}
"""Every verb with its one-line help; ``show-run`` lives in ``pipeline.commands.show_run``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the console scripts end here."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"] and sys.stdout is not None:
        # Answered before anything heavy is imported: hooks and scripts ask often.
        sys.stdout.write(f"git-pipeline {__version__}\n")
        return ExitCode.OK
    from pipeline.base import console

    console.open_streams()
    try:
        return _dispatch(arguments)
    finally:
        console.let_go_of_streams()


def _dispatch(arguments: list[str]) -> int:
    import click

    try:
        result = _group().main(arguments, prog_name="pipeline", standalone_mode=False)
    except click.exceptions.Abort:
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show(sys.stderr)
        return ExitCode.BAD_INPUT
    except PipelineError as error:
        return _report(error)
    except BrokenPipeError:
        return ExitCode.OK  # the reader went away (`| head`); that is its right
    except OSError as error:
        return _report_refusal(error)
    except Exception as error:  # noqa: BLE001 - the last line of defence names the bug and exits 4
        return _report_bug(error)
    return int(result or 0)


def _report(error: PipelineError) -> int:
    from pipeline.base import console

    for number, line in enumerate(error.what.split("\n")):
        console.tell(("error: " if number == 0 else "") + console.safe(line))
    if error.remedy:
        console.tell(f"  next: {console.safe(error.remedy)}")
    return error.exit_code


def _report_refusal(error: OSError) -> int:
    """Say what the file system refused; anything else is a bug."""
    import os
    from pathlib import Path

    from pipeline.base.files import SURROUNDINGS, as_unfit

    if error.errno not in SURROUNDINGS:
        return _report_bug(error)
    name = os.fsdecode(error.filename) if error.filename else "what it has to"
    return _report(as_unfit(error, Path(name)))


def _report_bug(error: Exception) -> int:
    import traceback

    from pipeline.base import console

    console.tell("".join(traceback.format_exception(error)).rstrip("\n"))
    console.tell(
        f"error: this is a bug in git-pipeline {__version__}: {type(error).__name__}: {error}\n"
        "  next: please report it with the lines above; `pipeline run` carries on."
    )
    return ExitCode.BUG


def _unknown(verb: str) -> InputError:
    import difflib

    near = difflib.get_close_matches(verb, COMMANDS, n=3)
    remedy = f"Did you mean {' or '.join(near)}?" if near else "`pipeline --help` lists them all."
    return InputError(f"There is no command {verb!r}.", remedy=remedy)


def _group() -> "click.Group":
    import click

    class LazyGroup(click.Group):
        """Imports a verb's module when the verb is used."""

        def list_commands(self, ctx: "click.Context") -> list[str]:
            return list(COMMANDS)

        def get_command(self, ctx: "click.Context", cmd_name: str) -> "click.Command | None":
            if cmd_name not in COMMANDS:
                return None
            module = importlib.import_module(f"pipeline.commands.{cmd_name.replace('-', '_')}")
            command: click.Command = module.command
            return command

        def format_commands(self, ctx: "click.Context", formatter: "click.HelpFormatter") -> None:
            with formatter.section("Commands"):
                formatter.write_dl(list(COMMANDS.items()))

        def resolve_command(
            self, ctx: "click.Context", args: list[str]
        ) -> "tuple[str | None, click.Command | None, list[str]]":
            if args and not args[0].startswith("-") and args[0] not in COMMANDS:
                raise _unknown(args[0])
            return super().resolve_command(ctx, args)

    group = LazyGroup(
        name="pipeline",
        help="Let tools change this repository: isolated, gated, repaired within limits, "
        "merged in order, recorded.",
        epilog="Examples: `pipeline init`, `pipeline validate`, `pipeline run`.",
    )
    return click.version_option(
        __version__, prog_name="git-pipeline", message="%(prog)s %(version)s"
    )(group)
