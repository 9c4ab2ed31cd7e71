"""The alarm: what a tool changed outside of its slot, seen by measuring before and after.

Slots keep a tool's git, home and temporary files apart, but without a sandbox a tool may still
write wherever its user may. A change in one of the zones refuses the attempt:

- ``CTL``: the repository's refs, configuration, hooks, heads, info files;
- ``MAIN``: the person's checkout; ``SIB``: linked worktrees and idle slots;
- ``HOME``: files of the home directory that run programs or hold keys; ``OUT``: watched paths.

A person who commits or edits in the checkout during an attempt looks just like that. Refs of our
own move all the time and are left out: they move by compare-and-swap, so a foreign move is found
there. Nothing of a person's is put back: it cannot be proven that nobody else changed it. Slots
are ours and are restored whenever they are taken.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import PipelineError
from pipeline.base.git import Repository
from pipeline.model.edit import ToolReport
from pipeline.model.patch import Objection, Reason
from pipeline.store.layout import REF_ROOT, STATE_DIR, Layout
from pipeline.work import zones
from pipeline.work.discard import Discard
from pipeline.work.slots import SlotPool
from pipeline.work.walk import signature

_REUSE_S = 0.5
_NAMED = 10
_OWN_NAMES = frozenset({b".git", os.fsencode(STATE_DIR), b".worktrees"})
_THINGS = {
    "CTL": "the repository",
    "MAIN": "the checkout",
    "SIB": "another worktree or slot",
    "HOME": "the home directory",
    "OUT": "a watched place",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """How everything was before a tool started; ``idle`` are slots by number with their uses."""

    state: Mapping[str, zones.Measured]
    idle: Mapping[int, int]
    began: int
    had_company: bool
    at: float


class ControlPlane:
    """Measures the surroundings of one repository; safe for use by many threads."""

    def __init__(
        self,
        repo: Repository,
        layout: Layout,
        pool: SlotPool | None = None,
        *,
        home: Path | None = None,
        outside: Iterable[Path] = (),
        discard: tuple[str, ...] = (),
    ) -> None:
        self._repo = repo
        self._pool = pool
        self._home = home
        self._outside = tuple(outside)
        self._discard = discard
        self._files = zones.Files()
        self._own = (
            f"refs/heads/{layout.ws_prefix}/",
            f"refs/heads/{layout.run_prefix}/",
            f"{REF_ROOT}/",
        )
        self._hooks = _hooks_path(repo)
        self._checkouts = _checkouts(repo, layout)
        self._index: tuple[object, str] = (None, "")
        self._lock = threading.Lock()
        self._active = self._begun = 0
        self._last: tuple[float, Mapping[str, zones.Measured], Mapping[int, int]] | None = None

    def before(self) -> Mark:
        """Measure before a tool starts; every mark is given to `after` once."""
        with self._lock:
            had_company = self._active > 0
            self._active += 1
            self._begun += 1
            began, last = self._begun, self._last
        now = time.monotonic()
        if last is None or now - last[0] > _REUSE_S:
            last = self._measure()
        return Mark(last[1], last[2], began, had_company, time.time())

    def after(self, mark: Mark) -> tuple[Objection, ...]:
        """What has changed since the mark, one objection a zone and thing; empty is well.

        To be called when no process of the tool is alive. A change during attempts that overlap
        is held against each of them.
        """
        _, state, idle = self._measure()
        with self._lock:
            self._active -= 1
            had_company = mark.had_company or self._begun > mark.began
        same_slots = {number for number, uses in mark.idle.items() if idle.get(number) == uses}
        return tuple(
            objection
            for zone, before in mark.state.items()
            for objection in self._compare(
                zone, before, state.get(zone, {}), same_slots, had_company=had_company
            )
        )

    def _measure(self) -> tuple[float, Mapping[str, zones.Measured], Mapping[int, int]]:
        began = time.monotonic()
        idle = self._pool.idle() if self._pool else ()
        common = self._repo.common_dir
        control = zones.measure_git_dir(common, self._files, self._hooks)
        control |= zones.measure_refs(common, self._files, self._own)
        control["index"] = self._index_digest()
        siblings: dict[str, object] = {
            f"slot-{slot.number}": zones.measure_slot(slot) for slot in idle
        }
        for watched in self._checkouts[1:]:
            siblings |= {f"{watched.top}/{name}": v for name, v in watched.measure().items()}
        state: dict[str, zones.Measured] = {"CTL": control, "SIB": siblings}
        state["MAIN"] = self._checkouts[0].measure() if self._checkouts else {}
        state["HOME"] = zones.measure_home(self._home) if self._home else {}
        state["OUT"] = zones.measure_outside(self._outside)
        still = self._pool.idle() if self._pool else ()  # one taken meanwhile was measured in use
        found = (began, state, {slot.number: slot.uses for slot in idle if slot in still})
        with self._lock:
            self._last = found
        return found

    def _index_digest(self) -> str:
        """What the person has staged; a refresh of stat data alone is no change."""
        path = self._repo.git_dir / "index"
        try:
            seen = signature(path.lstat())
        except OSError:
            return ""
        if self._index[0] != seen:
            try:
                said = self._repo.shared_git("ls-files", "-s", "-v", "-z").out
            except PipelineError:  # an index that git cannot read is a state like any other
                said = str(seen).encode()
            self._index = (seen, hashlib.sha256(said).hexdigest())
        return self._index[1]

    def _compare(
        self,
        zone: str,
        before: zones.Measured,
        after: zones.Measured,
        same_slots: set[int],
        *,
        had_company: bool,
    ) -> Iterable[Objection]:
        if before == after:  # nearly always
            return
        changed = [
            name
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
            and _is_comparable(name, same_slots)
            and not self._is_cache(name, before.get(name), after.get(name))
        ]
        for name in changed[:_NAMED]:
            yield _objection(zone, _said(name, before.get(name), after.get(name)), had_company)
        if len(changed) > _NAMED:
            yield _objection(zone, f"and {len(changed) - _NAMED} more", had_company)

    def _is_cache(self, name: str, before: object, after: object) -> bool:
        """Whether only caches came or went in a directory of the checkout."""
        if not isinstance(before, frozenset) or not isinstance(after, frozenset):
            return False
        prefix = os.fsencode(name.removesuffix("*"))
        discard = Discard(self._discard)
        return all(
            discard.covers(prefix + one) or discard.covers(prefix + one + b"/")
            for one in before ^ after
        )


def _is_comparable(name: str, same_slots: set[int]) -> bool:
    """Whether a slot was idle all the time; everything else always is."""
    number = name.removeprefix("slot-")
    return number == name or not number.isdecimal() or int(number) in same_slots


def _said(name: str, before: object, after: object) -> str:
    if isinstance(before, frozenset) and isinstance(after, frozenset):
        came, went = sorted(after - before)[:3], sorted(before - after)[:3]
        parts = [f"new: {_names(came)}"] if came else []
        parts += [f"gone: {_names(went)}"] if went else []
        return f"{name} ({'; '.join(parts)})"
    if isinstance(before, bytes | None) and isinstance(after, bytes | None):
        return f"{name} (from {_oid(before)} to {_oid(after)})"
    verb = "made" if before is None else "removed" if after is None else "changed"
    return f"{name} ({verb})"


def _names(names: Iterable[bytes]) -> str:
    return ", ".join(name.decode("utf-8", "backslashreplace") for name in names)


def _oid(value: bytes | None) -> str:
    return value.decode("ascii", "backslashreplace")[:52] if value else "nothing"


def _objection(zone: str, what: str, had_company: bool) -> Objection:
    message = f"{zone}: while the tool ran, {_THINGS[zone]} changed: {what}."
    if had_company:
        message += " Another attempt ran at the same time and is refused too."
    if zone in ("CTL", "MAIN"):
        message += " A person's own work there at that moment looks the same."
    return Objection(Reason.CONTROL_PLANE, message)


def stray_objections(report: ToolReport) -> tuple[Objection, ...]:
    """Objections to processes that outlived their tool."""
    return tuple(
        Objection(Reason.STRAY_PROCESS, f"PROC: the tool left a process running: {name}.")
        for name in report.left_behind
    )


def _hooks_path(repo: Repository) -> Path | None:
    """Where hooks are when the repository's configuration moves them."""
    said = repo.shared_git("config", "--file", "config", "--get", "core.hooksPath", ok=(0, 1)).out
    named = os.fsdecode(said.rstrip(b"\n"))
    return (repo.top or repo.common_dir) / Path(named).expanduser() if named else None


def _checkouts(repo: Repository, layout: Layout) -> tuple[zones.WatchedCheckout, ...]:
    """The main checkout and every linked worktree, each with the files of its HEAD."""
    found = []
    places = [(layout.top, repo.common_dir)]
    for entry in zones.linked(repo.common_dir):
        pointer = entry / "gitdir"
        if pointer.is_file():
            places.append((Path(os.fsdecode(pointer.read_bytes().rstrip(b"\n"))).parent, entry))
    for top, git_dir in places:
        commit = _head(repo, git_dir)
        paths = zones.watched_paths(repo, commit) if commit else ()
        found.append(zones.WatchedCheckout(top, paths, _OWN_NAMES))
    return tuple(found)


def _head(repo: Repository, git_dir: Path) -> str | None:
    try:
        text = (git_dir / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return None
    return repo.refs.read(text.removeprefix("ref: ")) if text.startswith("ref: ") else text
