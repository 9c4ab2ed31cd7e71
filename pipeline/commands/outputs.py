"""``pipeline outputs``: values of a JSON document as the outputs of a step on GitHub."""

import json
import re
import sys
from typing import Any

import click

from pipeline.base import console
from pipeline.base.errors import InputError
from pipeline.commands import reading, step_file
from pipeline.report.github.outputs import as_outputs
from pipeline.report.github.workflow_commands import group

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")
_MOST = 64 << 20
_SHOWN = 200
_MOST_SHOWN = 64 << 10


@click.command(
    "outputs",
    epilog=reading.examples(
        "pipeline run --format json | pipeline outputs run-id=run_id status=status",
        "pipeline gate static --format json | pipeline outputs verdict=verdict.result",
        "pipeline outputs version=run.version < document.json",
    ),
)
@click.argument("pairs", metavar="NAME=PATH…", nargs=-1, required=True)
def command(pairs: tuple[str, ...]) -> int:
    """Read a JSON document from standard input; set each output NAME to the value at PATH.

    PATH are keys with dots between them. A list or an object counts as the number of what is in
    it, null as nothing. The outputs go to the file that GITHUB_OUTPUT names, so that a step of a
    workflow has them, and the document into the log; without that variable they are only printed.
    """
    wanted = dict(map(_pair, pairs))
    document = _read()
    values = {name: _value(document, path) for name, path in wanted.items()}
    made = as_outputs(values)
    if made.left_out:
        raise InputError(f"There is no room for the output {made.left_out[0]}: it is too long.")
    if step_file.append("GITHUB_OUTPUT", made.text):
        shown = json.dumps(document, indent=1)
        more = (
            f"\n… {len(shown) - _MOST_SHOWN:,} more characters" if len(shown) > _MOST_SHOWN else ""
        )
        sys.stdout.write(group("What the command said", shown[:_MOST_SHOWN] + more))
    for name, value in values.items():
        console.emit(f"{name}={console.safe(value, _SHOWN)}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not equals or not path or not _NAME.fullmatch(name):
        raise InputError(
            f"{console.safe(text, 60)!r} is not NAME=PATH.", remedy="As in `run-id=run_id`."
        )
    return name, path


def _read() -> Any:
    text = sys.stdin.buffer.read(_MOST + 1)
    try:
        if len(text) > _MOST:
            raise ValueError(f"it is longer than {_MOST >> 20} MB")
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"Standard input is not a JSON document: {console.safe(str(error), 200)}.",
            remedy="The command before the pipe says what went wrong.",
        ) from None


def _value(document: Any, path: str) -> str:
    value = document
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise InputError(
                f"The document on standard input has no {console.safe(path, 60)!r}.",
                remedy="`--format json` of the command before the pipe shows what there is.",
            )
        value = value[key]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(len(value)) if isinstance(value, list | dict) else str(value)
