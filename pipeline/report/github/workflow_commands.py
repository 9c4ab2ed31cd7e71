"""Orders to GitHub's runner (``::error …::``), and what keeps foreign text from being one.

The runner obeys any line that begins with ``::`` behind white space, and ``##[…]`` anywhere in a
line (actions/runner, ``ActionCommand.cs``). Our own orders are escaped as actions/toolkit does
(``packages/core/src/command.ts``); foreign text is printed between ``stop-commands`` and a token
that nobody can guess.
"""

import secrets
from collections.abc import Iterable, Sequence

from pipeline.base.console import count
from pipeline.model.finding import Finding
from pipeline.model.publication import Annotation, AnnotationLevel
from pipeline.report.github.annotations import annotate
from pipeline.report.github.limits import COMMANDS_PER_LEVEL

_DATA = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_PROPERTY = (*_DATA, (":", "%3A"), (",", "%2C"))
_NAMES = {
    AnnotationLevel.FAILURE: "error",
    AnnotationLevel.WARNING: "warning",
    AnnotationLevel.NOTICE: "notice",
}
_MESSAGE = 4000
"""Characters of a message that are shown; nobody reads more of an annotation in a log."""


def command(name: str, message: str = "", **properties: str | int) -> str:
    """An order as one line; what is empty or 0 is left out of its properties."""
    given = [f"{key}={escape_property(str(value))}" for key, value in properties.items() if value]
    head = f"{name} {','.join(given)}" if given else name
    return f"::{head}::{escape_data(message)}"


def escape_data(text: str) -> str:
    """Text as the message of an order."""
    return _replaced(text, _DATA)


def escape_property(text: str) -> str:
    """Text as the value of an order's property."""
    return _replaced(text, _PROPERTY)


def _replaced(text: str, pairs: Sequence[tuple[str, str]]) -> str:
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    for plain, escaped in pairs:
        text = text.replace(plain, escaped)
    return text


def annotation_command(one: Annotation) -> str:
    """An annotation as an order."""
    return command(
        _NAMES[one.level],
        one.message[:_MESSAGE],
        file=one.path,
        line=one.start_line,
        endLine=one.end_line if one.end_line != one.start_line else 0,
        col=one.start_column,
        endColumn=one.end_column if one.end_column != one.start_column else 0,
        title=one.title,
    )


def annotation_commands(findings: Iterable[Finding]) -> list[str]:
    """Findings as orders: of each level as many as a step may show, the rest counted in one more.

    The worst come first. A finding without a place is counted with the rest.
    """
    ordered = list(dict.fromkeys(findings))
    room = dict.fromkeys(AnnotationLevel, COMMANDS_PER_LEVEL)
    room[AnnotationLevel.NOTICE] -= 1  # the last one says how many there are besides
    lines = []
    for one in annotate(ordered, len(ordered)).annotations:
        if room[one.level] > 0:
            room[one.level] -= 1
            lines.append(annotation_command(one))
    if rest := len(ordered) - len(lines):
        shown = "The job summary and the pull request tell of them."
        lines.append(command("notice", f"{count(rest, 'more finding')} not shown here. {shown}"))
    return lines


def fenced(text: str, token: str = "") -> str:
    """Foreign text between orders that keep the runner from obeying anything in it.

    ``token`` is random unless a test gives one.
    """
    token = token or secrets.token_hex(20)
    end = "" if text.endswith("\n") or not text else "\n"
    return f"::stop-commands::{token}\n{text}{end}::{token}::\n"


def add_mask(value: str) -> str:
    """The order to hide a value in all that is logged from here on; empty for nothing to hide."""
    return command("add-mask", value) if value.strip() else ""


def group(title: str, text: str, token: str = "") -> str:
    """Foreign text as a group that can be folded away, with orders in it switched off."""
    return f"{command('group', title)}\n{fenced(text, token)}::endgroup::\n"
