"""What came of a push, read from git's porcelain lines (git-push, OUTPUT)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OK, UNCHANGED, STALE, REFUSED = "ok", "unchanged", "stale", "refused"
FELL, LOCKED, UNTOLD = "fell", "locked", "untold"  # on the way to one of those above
_LINE = re.compile(r"([ +\-*!=])\t([^:\t]*):([^\t]+)\t(.*)")
# Said of every ref of an atomic push that did not land (send-pack.c, builtin/receive-pack.c).
_COMPANION = ("atomic push fail", "atomic transaction failed", "transaction failed to start")
# The words of a lost race: of the client's lease, and of servers (refs.c, files-backend.c).
_LOST = (
    "stale info",
    "reference already exists",
    "already exists",
    "incorrect old value",
    "fetch first",
    "non-fast-forward",
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "unable to resolve reference",
)
NO_ATOMIC = re.compile(r"does not support (?:--)?atomic push", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One ref's move on a remote, by full name.

    ``new`` empty removes it. ``expected`` is the object id it has to have, empty where it must
    not exist, ``None`` for whatever is there.
    """

    ref: str
    new: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class RefOutcome:
    """What came of one `RefUpdate`.

    ``state`` is ``ok`` (moved), ``unchanged`` (it was so already), ``stale`` (another value than
    expected was there: somebody else was faster) or ``refused`` (the server does not take it).
    ``reason`` is in words, empty for an ordinary ``ok``.
    """

    ref: str
    state: str
    reason: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the ref now is as it was asked to be."""
        return self.state in (OK, UNCHANGED)

    @property
    def is_settled(self) -> bool:
        """Whether trying again could not change it."""
        return self.state not in (LOCKED, UNTOLD)

    def given_up(self) -> "RefOutcome":
        """As it is told when it was tried often enough."""
        return self if self.is_settled else RefOutcome(self.ref, REFUSED, self.reason)


def read_report(out: bytes, updates: Sequence[RefUpdate]) -> dict[str, RefOutcome]:
    """The outcomes that git told, by ref; one that is missing was not told of."""
    wanted = {update.ref for update in updates}
    found = {}
    for line in out.decode("utf-8", "backslashreplace").splitlines():
        told = _LINE.fullmatch(line)
        if told and told[3] in wanted:
            found[told[3]] = _outcome(told[3], told[1], told[4])
    return found


def settle(
    told: Mapping[str, RefOutcome], updates: Sequence[RefUpdate], now: Mapping[str, str]
) -> tuple[RefOutcome, ...]:
    """The outcomes in the light of what the remote's refs really are afterwards (``now``).

    What lost a race and what was not told of (the connection broke) is settled by looking: a ref
    that has the wanted value is there, whoever put it. What stays `UNTOLD` or `LOCKED` may land
    when it is tried again. What fell with an atomic push has the state of what made it fall.
    """
    return _blame([_settled(told.get(update.ref), update, now) for update in updates])


def _outcome(ref: str, flag: str, summary: str) -> RefOutcome:
    if flag == "=":
        return RefOutcome(ref, UNCHANGED)
    if flag != "!":
        return RefOutcome(ref, OK)
    reason = (summary.rpartition("(")[2].rstrip(")") if "(" in summary else summary)[:300]
    if any(words in reason for words in _COMPANION):
        return RefOutcome(ref, FELL, reason)
    return RefOutcome(ref, STALE if any(words in reason for words in _LOST) else REFUSED, reason)


def _settled(told: RefOutcome | None, update: RefUpdate, now: Mapping[str, str]) -> RefOutcome:
    if told is not None and told.state in (OK, UNCHANGED, REFUSED):
        return told
    actual = now.get(update.ref, "")
    if actual == update.new:
        return RefOutcome(update.ref, UNCHANGED if told else OK)
    if update.expected is not None and actual != update.expected:
        at = f"it is at {actual[:12]}" if actual else "it is not there"
        return RefOutcome(update.ref, STALE, at)
    if told is None:
        return RefOutcome(update.ref, UNTOLD)
    # Nobody moved it, so it was no race: a lock, or another name in the way.
    return told if told.state == FELL else RefOutcome(update.ref, LOCKED, told.reason)


def _blame(outcomes: Sequence[RefOutcome]) -> tuple[RefOutcome, ...]:
    fell = [one for one in outcomes if one.state == FELL]
    order = {REFUSED: 0, STALE: 1, LOCKED: 2}
    causes = sorted(
        (one for one in outcomes if one.state in order), key=lambda one: order[one.state]
    )
    if not fell:
        return tuple(outcomes)
    if not causes:
        return tuple(
            RefOutcome(one.ref, LOCKED, one.reason) if one.state == FELL else one
            for one in outcomes
        )
    why = f"nothing was moved, because of {causes[0].ref}"
    return tuple(
        RefOutcome(one.ref, causes[0].state, why) if one.state == FELL else one for one in outcomes
    )
