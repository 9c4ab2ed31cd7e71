"""Reads the log of a CI job: its parts by the command that ran, and the findings in them.

A log is foreign text. It names files and programs, and says nothing that is believed without a
look: which files exist is asked of the tree, which check failed is asked of the configuration.
Paths with white space in them are not told from words, and left out.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.base.process import program_words
from pipeline.check.findings import lines
from pipeline.check.findings.reading import plain_text, strip_ansi
from pipeline.model.check import Check
from pipeline.model.finding import Finding, Severity

_LONGEST_LINE = 10_000
_MOST_LINES = 200_000
_MOST_PARTS = 2_000
_LONGEST_COMMAND = 20_000
_NOWHERE = b"/nonexistent-root-of-a-log"
_STAMP = re.compile(rb"\A(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z ?")
_MARK = re.compile(rb"\A(?:##\[(?P<word>[a-z-]{1,20})\]|\[command\])")
_RUN = re.compile(rb"\ARun (?P<command>.*)\Z")
_FAILED = re.compile(rb"\AProcess completed with exit code [1-9]\d{0,9}\.\Z")
# Where runners check repositories out: `/home/runner/work/shop/shop/`, `D:\a\shop\shop\`, …
_WORKSPACE = re.compile(
    rb"(?<![\w.@-])(?:[A-Za-z]:)?[/\\](?:[\w.@-]{1,100}[/\\]){0,8}?(?:work|_work|__w|a)[/\\]"
    rb"([\w.-]{1,100})[/\\]\1[/\\]"
)
_ARROW = re.compile(rb"\A\s*--> (?P<place>[^\s:][^:]*:\d{1,9}(?::\d{1,9})?)\s*\Z")
_REFORMAT = re.compile(rb"\A[Ww]ould reformat:? (?P<path>\S.*)\Z")
_PYTEST = re.compile(rb"\A(?:FAILED|ERROR) (?P<path>[^\s:][^:]*)(?:::| - |\Z)(?P<rest>.*)\Z")
_TOOLS = (
    (re.compile(r"[A-Z]{1,4}\d{2,4}|invalid-syntax|unformatted"), "ruff"),
    (re.compile(r"test-failure|\w*(?:Error|Exception|Failed)"), "pytest"),
    (re.compile(r"[a-z]+(?:-[a-z]+)+"), "mypy"),
)


@dataclass(frozen=True, slots=True)
class LogPart:
    """What one command of a job printed; ``command`` is empty for what came before any."""

    command: str
    lines: tuple[bytes, ...]
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class LogFinding:
    """A finding in a log, whose path exists in the tree, and the command that printed it."""

    finding: Finding
    command: str

    @property
    def path(self) -> bytes:
        """The file."""
        return self.finding.path or b""


def parts(data: bytes) -> Iterator[LogPart]:
    """The parts of a log: without time stamps, terminal sequences and group markers.

    The last 200,000 lines are read; those that are longer than any message are left out. What a
    program prints itself can look like the beginning of a part: it then is one.
    """
    command, kept, has_failed, in_command = "", list[bytes](), False, False
    number = 0
    for raw in _last_lines(data):
        if not raw or len(raw) > _LONGEST_LINE:
            continue
        line = strip_ansi(_STAMP.sub(b"", raw, count=1)).rstrip()
        mark = _MARK.match(line)
        word = (mark["word"] or b"") if mark else b""
        text = line[mark.end() :] if mark else line
        begins = _RUN.match(text) if word == b"group" else None
        if begins and number < _MOST_PARTS:
            yield LogPart(command, tuple(kept), has_failed)
            number += 1
            command, kept, has_failed = _text(begins["command"]), [], False
            in_command = True
        elif word in (b"group", b"endgroup"):
            in_command = False
        elif in_command:
            in_command = not text.startswith((b"shell:", b"env:", b"with:"))
            if in_command and len(command) < _LONGEST_COMMAND:
                command += f"\n{_text(text)}"
        elif _FAILED.match(text):
            has_failed = True
        else:
            kept.append(text)
    yield LogPart(command, tuple(kept), has_failed)


def log_findings(data: bytes, is_file: Callable[[bytes], bool]) -> tuple[LogFinding, ...]:
    """The findings of a log about files of the tree, each once, in the order of the log.

    ``is_file`` tells whether a path (from the root) is a regular file there. Only parts that
    failed count, where the log says of any with findings that it did.
    """
    found: dict[LogFinding, bool] = {}
    for part in parts(data):
        for finding in _read(part.lines):
            path = _known(finding.path, is_file)
            if path is not None and finding.severity is not Severity.INFO:
                one = LogFinding(_placed(finding, path), part.command)
                found[one] = found.get(one, False) or part.has_failed
    failed = tuple(one for one, has_failed in found.items() if has_failed)
    return failed or tuple(found)


def failing_checks(found: Sequence[LogFinding], checks: Sequence[Check]) -> tuple[Check, ...]:
    """The configured checks that findings of a log come from, in their order.

    A check is known by its program and the words that follow it in a command of the log, else by
    the tool that writes findings of this kind.
    """
    commands = dict.fromkeys(one.command for one in found if one.command)
    tools = {tool for one in found if (tool := one.finding.tool)}
    wanted = {check.name for command in commands for check in _likest(command, checks)}
    if not wanted:
        wanted = {check.name for check in checks if tools.intersection(_names(check))}
    return tuple(check for check in checks if check.name in wanted)


def _last_lines(data: bytes) -> Sequence[bytes]:
    found = data.rsplit(b"\n", _MOST_LINES)
    return found[1:] if len(found) > _MOST_LINES else found


def _read(given: Sequence[bytes]) -> Iterator[Finding]:
    """What the readers of plain lines find, after what they would not know is put their way."""
    plain: list[bytes] = []
    before = b""
    for raw in given:
        line = _WORKSPACE.sub(b"", raw)
        arrow, reformat, test = _ARROW.match(line), _REFORMAT.match(line), _PYTEST.match(line)
        if arrow:  # the message and, in the next line, its place: as ruff writes them
            plain.append(arrow["place"] + b": " + before.strip())
        elif reformat:
            plain.append(reformat["path"] + b":1: it would be reformatted [unformatted]")
        elif test and b"." in test["path"]:
            plain.append(test["path"] + b":1: " + (test["rest"] or b"it failed"))
        else:
            plain.append(line)
        before = line
    yield from lines.read(b"\n".join(plain), b"", None, tool="", root=_NOWHERE)


def _placed(finding: Finding, path: bytes) -> Finding:
    tool = next((name for code, name in _TOOLS if code.fullmatch(finding.code)), "")
    return Finding(
        tool=tool,
        code=finding.code,
        message=finding.message,
        path=path,
        line=finding.line,
        column=finding.column,
        severity=finding.severity,
        is_fixable=finding.is_fixable,
    )


def _known(path: bytes | None, is_file: Callable[[bytes], bool]) -> bytes | None:
    """The path as the tree has it; Windows writes it with other slashes."""
    if path is None:
        return None
    spellings = (path, path.replace(b"\\", b"/"))
    return next((one for one in spellings if is_file(one)), None)


def _likest(command: str, checks: Sequence[Check]) -> Iterator[Check]:
    """The checks whose words are in a command, those with the most of them."""
    words = set(re.findall(r"[^\s;&|<>()`'\"]+", command))
    scores = {}
    for check in checks:
        names = _names(check)
        if names and names[0] in {word.rpartition("/")[2] for word in words}:
            scores[check.name] = sum(name in words for name in names[1:])
    best = max(scores.values(), default=0)
    return (check for check in checks if scores.get(check.name) == best)


_CARRIERS = frozenset({"python", "python3", "sh", "bash", "uv", "run", "uvx", "pipx", "env"})


def _names(check: Check) -> tuple[str, ...]:
    """The words of a check's command that tell it, its program first."""
    names = (word.rpartition("/")[2] for word in program_words(check.command))
    return tuple(
        name for name in names if name and name not in _CARRIERS and not name.startswith("-")
    )


def _text(raw: bytes) -> str:
    return plain_text(raw.decode("utf-8", "replace"))
