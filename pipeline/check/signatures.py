"""A finding's signature: what stays the same when only the circumstances change.

Taken out are, wherever they stand: terminal colours, kinds of quotation marks, runs of white
space, directories of absolute paths (the file's name stays unless it is temporary itself), names
that temporary files get, positions behind a file's name or a word such as ``line`` or ``pid``,
dates, times, durations, addresses of 6 digits and more, UUIDs, ULIDs and object ids.

All other numbers stay: ``expected 3, got 4`` and ``expected 3, got 5`` are two errors, since the
values of an assertion are its substance and a fix that moves them has moved something. The price
is that a number which varies for no reason hides a repetition; the bound on attempts ends such a
loop. What is lost: two errors that differ in a duration or a hexadecimal id alone are one.
"""

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable

from pipeline.check.findings.reading import plain_text
from pipeline.model.finding import Finding

MAX_LENGTH = 400  # characters of a message; what is longer ends with a digest of the whole

_Replacement = str | Callable[[re.Match[str]], str]

_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})(?!\w))?"
_CLOCK = rf"\d{{1,2}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,9}})?{_ZONE}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )?"
_DATE = (
    r"\d{4}([-/])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])|"
    r"\d{2}([./])\d{2}\2\d{4}|"
    rf"{_DAY}(?:\d{{1,2}} {_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}},? \d{{4}})|"
    rf"{_DAY}{_MONTH} \d{{1,2}}(?= {_CLOCK})"
)
_ISO_CLOCK = rf"\d{{2}}[:-]?\d{{2}}(?:[:-]?\d{{2}}(?:[.,]\d{{1,9}})?)?{_ZONE}"
_UNIT = (
    r"(?:nanoseconds?|microseconds?|milliseconds?|seconds?|minutes?|hours?|"
    r"secs?|mins?|hrs?|ns|us|\xb5s|\u03bcs|ms|s)"
)
_AMOUNT = rf"\d+(?:\.\d+)?(?: ?{_UNIT}|[mh])"
_PLACE = (
    r"lines?|col|cols|columns?|char|chars|characters?|offset|position|pos|"
    r"pid|ppid|process|thread|tid|port|worker"
)
_PART = r"[\w.+@~%=,<>-]+"
_HEAD, _TAIL = r"(?<![0-9A-Za-z_])", r"(?![0-9A-Za-z_])"
_HEX_ID = r"(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}|[0-9a-f]{64}|[0-9a-f]{40}"

_TEMPORARY = re.compile(
    r"(?:private/)?(?:var/)?tmp|(?:private/)?var/folders/.+/T|[A-Za-z]:/.+/Temp"
)


def _file_name(match: re.Match[str]) -> str:
    """Keep what names a file: the last part of its path, unless that is a temporary name too."""
    parts = [part for part in re.split(r"[/\\]+", match["path"]) if part]
    is_temporary = _TEMPORARY.fullmatch("/".join(parts[:-1])) is not None
    quote = match.groupdict().get("quote") or ""
    name = "<path>" if is_temporary or not parts else f"<path>/{parts[-1]}"
    return f"{quote}{name}{quote}"


# The order matters: paths go first, since dates, ids and positions stand in them.
_RULES: tuple[tuple[re.Pattern[str], _Replacement], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        ('["`\xb4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\xab\xbb]', "'"),
        (r"\s+", " "),
        (r"(?P<quote>')(?P<path>(?:file://)?(?:/|[A-Za-z]:[\\/])[^'\n]*)'", _file_name),
        (
            rf"(?<![\w./\\:@%+<>-])(?:file://)?(?P<path>/{_PART}(?:/{_PART})+/?|"
            rf"[A-Za-z]:[\\/]{_PART}(?:[\\/]{_PART})*)",
            _file_name,
        ),
        (rf"{_HEAD}tmp(?:\.[A-Za-z0-9]{{6,10}}|(?=[a-z_]*\d)[a-z0-9_]{{8}})\b", "<tmp>"),
        (r"(?<!\w)pytest-\d+(?!\w)", "pytest-<n>"),
        (r"(?<=\w)(\.[A-Za-z]\w{0,9})(?::\d+)+(?![\w.])", r"\1"),
        (r"(?<=\w)(\.[A-Za-z]\w{0,9})\(\d+(?:,\d+)?\)", r"\1"),
        (rf"(?i)(?<!\w)({_PLACE})(?:[ :=#]{{1,2}}| no\. ?)\d+(?:-\d+)?(?![\w.])", r"\1 <n>"),
        (r"\b(localhost|\d{1,3}(?:\.\d{1,3}){3}|\[::1?\]):\d+\b", r"\1:<n>"),
        (r"\bgw\d{1,3}\b", "gw<n>"),
        (rf"(?<!\d)(?:{_DATE})(?:,? {_CLOCK}(?: \d{{4}}\b)?|[T _]{_ISO_CLOCK})?(?!\d)", "<time>"),
        (rf"(?<![\w:.]){_CLOCK}(?![\w:])", "<time>"),
        (r"(?<![\w.])1[6-9]\d{8}(?:\.\d+|\d{3}|\d{6})?(?![\w.])", "<time>"),
        (rf"(?<![\w.])(?:{_AMOUNT}(?:,? (?:and )?)?)+(?<! )(?<!,)(?!\w)", "<duration>"),
        (r"(?i)\b0x[0-9a-f]{6,16}\b", "<address>"),
        (rf"(?i){_HEAD}[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}{_TAIL}", "<id>"),
        (rf"(?i){_HEAD}[0-7](?=[0-9a-z]*[a-z])[0-9a-hjkmnp-tv-z]{{25}}{_TAIL}", "<id>"),
        (rf"(?i){_HEAD}(?:{_HEX_ID}){_TAIL}", "<id>"),
    )
)


def signature(tool: str, code: str, message: str) -> str:
    """Return ``tool::code::message`` with what varies between two runs taken out."""
    text = _steady(message)
    if len(text) > MAX_LENGTH:
        whole = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        text = f"{text[:MAX_LENGTH]}…{whole[:12]}"
    return f"{_one_line(tool)}::{_one_line(code)}::{text}"


def signed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with their signatures set."""
    return tuple(
        dataclasses.replace(f, signature=signature(f.tool, f.code, f.message)) for f in findings
    )


def _steady(message: str) -> str:
    text = plain_text(message)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()


def _one_line(word: str) -> str:
    return re.sub(r"\s+", " ", plain_text(word)).strip().replace("::", ":")
