"""Comment commands: the first line of a comment, matched whole against a fixed set of forms.

    /pipeline run [SHA]
    /pipeline retry WS [SHA]
    /pipeline approve WS [reason="…"]
    /pipeline reject WS [reason="…"]
    /pipeline adjust WS (scope=… | create=… | task="…" | advice="…" | reason="…")…
    /pipeline adjust WS advice in plain words
    /pipeline status
    /pipeline cancel

Verbs, ids and keys are lower-case ASCII. A value is one word, or stands between double quotes,
where ``\\"`` and ``\\\\`` are a quote and a backslash. Nothing here ever reaches a shell.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.base.errors import InputError
from pipeline.model.review import Answer, Option, Overlay

WORD = "/pipeline"
_LONGEST_LINE = 4000
_MOST_VALUES = 20
_LONGEST_VALUE = 1000
_ID = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_LONGEST_ID = 64
_SHA = r"[0-9a-f]{7,64}"
_VALUE = r'(?:"(?:[^"\\]|\\["\\])*"|[^\s"\\=]+)'
_PAIR = re.compile(rf"([a-z]+)=({_VALUE})")
_PAIRS = re.compile(rf"{_PAIR.pattern}(?: +{_PAIR.pattern})*")


class Verb(StrEnum):
    """What a comment may ask for."""

    RUN = "run"
    RETRY = "retry"
    APPROVE = "approve"
    REJECT = "reject"
    ADJUST = "adjust"
    STATUS = "status"
    CANCEL = "cancel"


ANSWERING = {
    Verb.APPROVE: Option.APPROVE,
    Verb.REJECT: Option.REJECT,
    Verb.ADJUST: Option.ADJUST,
}
"""The verbs that answer a review."""

STARTING = frozenset({Verb.RUN, Verb.RETRY})
"""The verbs that have a workflow start."""

_FORMS = {
    Verb.RUN: re.compile(rf"(?P<sha>{_SHA})?"),
    Verb.RETRY: re.compile(rf"(?P<ws>{_ID})(?: +(?P<sha>{_SHA}))?"),
    Verb.APPROVE: re.compile(rf"(?P<ws>{_ID})(?: +(?P<rest>reason={_VALUE}))?"),
    Verb.REJECT: re.compile(rf"(?P<ws>{_ID})(?: +(?P<rest>reason={_VALUE}))?"),
    Verb.ADJUST: re.compile(rf"(?P<ws>{_ID}) +(?P<rest>.+)"),
    Verb.STATUS: re.compile(""),
    Verb.CANCEL: re.compile(""),
}
_USAGE = {
    Verb.RUN: "/pipeline run [SHA]",
    Verb.RETRY: "/pipeline retry WORKSTREAM [SHA]",
    Verb.APPROVE: '/pipeline approve WORKSTREAM [reason="…"]',
    Verb.REJECT: '/pipeline reject WORKSTREAM [reason="…"]',
    Verb.ADJUST: '/pipeline adjust WORKSTREAM scope=… create=… task="…" advice="…"',
    Verb.STATUS: "/pipeline status",
    Verb.CANCEL: "/pipeline cancel",
}
_KEYS = frozenset({"scope", "create", "task", "advice"})


class MisreadError(InputError):
    """A comment that begins as a command and is none; ``remedy`` is the form it should have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One command: ``sha`` and ``workstream`` are empty where none was named."""

    verb: Verb
    workstream: str = ""
    sha: str = ""
    message: str = ""
    overlay: Overlay = field(default_factory=Overlay)

    def answer(self, by: str) -> Answer:
        """The answer to a review that it is; only for verbs that answer one."""
        return Answer(ANSWERING[self.verb], message=self.message, by=by, overlay=self.overlay)

    @property
    def is_sha_whole(self) -> bool:
        """Whether the commit was named by its whole id."""
        return len(self.sha) in (40, 64)

    def means(self, head: str) -> bool:
        """Whether a commit is the one that was named; any is where none was."""
        return head == self.sha if self.is_sha_whole else head.startswith(self.sha)


def first_line(body: str) -> str:
    """The first line of a comment, without the spaces at its end."""
    return body.partition("\n")[0].removesuffix("\r").rstrip(" ")


def is_command(body: str) -> bool:
    """Whether a comment begins as a command of ours, right or wrong."""
    line = first_line(body)
    return line == WORD or line.startswith(f"{WORD} ")


def parse(body: str) -> Asked:
    """The command of a comment's first line; raises ``MisreadError`` that says what is wrong."""
    line = first_line(body)
    if len(line) > _LONGEST_LINE:
        raise _wrong(f"The line has {len(line):,} characters; {_LONGEST_LINE:,} are read.")
    if not line.isprintable():
        raise _wrong("The line holds characters that cannot be seen.")
    name, _, rest = line.removeprefix(WORD).lstrip(" ").partition(" ")
    rest = rest.strip(" ")
    if name not in set(Verb):
        raise _wrong("There is no such command." if name else "No command is named.")
    verb = Verb(name)
    found = _FORMS[verb].fullmatch(rest)
    if found is None:
        raise _wrong("The line does not have the form of this command.", verb)
    parts = found.groupdict()
    ws_id, more = parts.get("ws") or "", parts.get("rest") or ""
    if len(ws_id) > _LONGEST_ID or ws_id.endswith(".lock"):
        raise _wrong("No workstream has such an id.", verb)
    if more and verb is Verb.ADJUST and "=" not in more.partition(" ")[0]:
        overlay, message = Overlay(advice=(_bounded(more, verb),)), ""
    else:
        overlay, message = _values(more, verb)
    return Asked(verb, ws_id, parts.get("sha") or "", message, overlay)


def _values(text: str, verb: Verb) -> tuple[Overlay, str]:
    """What ``key=value`` pairs add, and the reason among them."""
    if text and not _PAIRS.fullmatch(text):
        raise _wrong("What follows the workstream is no list of key=value.", verb)
    found: dict[str, list[str]] = {}
    for key, raw in _PAIR.findall(text):
        if key != "reason" and key not in _KEYS:
            raise _wrong("A key is none that can be adjusted.", verb)
        value = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith('"') else raw
        found.setdefault(key, []).append(_bounded(value, verb))
    if sum(map(len, found.values())) > _MOST_VALUES:
        raise _wrong(f"There are more than {_MOST_VALUES} values.", verb)
    reasons = found.pop("reason", [])
    if len(reasons) > 1:
        raise _wrong("There is more than one reason.", verb)
    if verb is Verb.ADJUST and not found:
        raise _wrong("Nothing is said that should be done otherwise.", verb)
    given = {key: tuple(values) for key, values in found.items()}
    overlay = Overlay(
        files_scope=given.get("scope", ()),
        files_create=given.get("create", ()),
        tasks=given.get("task", ()),
        advice=given.get("advice", ()),
    )
    return overlay, "".join(reasons)


def _bounded(value: str, verb: Verb) -> str:
    if not value.strip():
        raise _wrong("A value is empty.", verb)
    if len(value) > _LONGEST_VALUE:
        raise _wrong(f"A value has more than {_LONGEST_VALUE:,} characters.", verb)
    return value


def _wrong(what: str, verb: Verb | None = None) -> MisreadError:
    """What was written is never repeated here: it is foreign, and stands above the reply."""
    forms = [_USAGE[verb]] if verb else [*_USAGE.values()]
    return MisreadError(what, remedy="\n".join(forms))
