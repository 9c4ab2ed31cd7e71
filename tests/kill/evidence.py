"""What a run came to and what it left behind, read with plain git and plain SQLite."""

import json
import os
import sqlite3
import subprocess
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_shop import Shop

Row = tuple[Any, ...]

_WORKSTREAM = (
    'ws_id, state, generation, start_commit, "commit", tree, checked_start, checked_commit, '
    "landing_commit, returns, attempts, findings, patch_id, reason, reason_code"
)
_ATTEMPT = (
    "ws_id, step, number, state, tool, ending, exit_code, start_tree, result_tree, patch_id, "
    "findings, reason, details"
)


@dataclass(frozen=True)
class Landed:
    """Where a run ended: what any run of the same plan has in common with it."""

    state: str
    statuses: dict[str, str]
    integration_commit: str
    integration_tree: str
    order: tuple[str, ...]
    branches: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """A whole run, without times and names that were made up."""

    landed: Landed
    workstreams: tuple[Row, ...]
    attempts: tuple[Row, ...]
    errors: tuple[Row, ...]


def git(top: Path, *arguments: str) -> str:
    """What git says; its complaints are part of it."""
    done = subprocess.run(
        ["git", *arguments], cwd=top, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    said = done.stdout.decode("utf-8", "backslashreplace").strip()
    return said if done.returncode == 0 else f"exit {done.returncode}: {said}"


def open_store(shop: Shop) -> "closing[sqlite3.Connection]":
    return closing(sqlite3.connect(f"file:{shop.top}/.pipeline/state.db?mode=ro", uri=True))


def outcome(shop: Shop) -> Outcome:
    """The newest run, as stored and as git holds it."""
    with open_store(shop) as store:
        run, state, base, branch = store.execute(
            "SELECT run_id, state, base_commit, integration_branch FROM runs "
            "ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        ask = f"SELECT {_WORKSTREAM} FROM workstreams WHERE run_id = ? ORDER BY seq"
        workstreams = tuple(store.execute(ask, (run,)))
        ask = (
            f"SELECT {_ATTEMPT} FROM step_attempts WHERE run_id = ? AND state <> 'crashed' "
            "ORDER BY ws_id, rowid"
        )
        attempts = tuple(store.execute(ask, (run,)))
        ask = "SELECT code, signature, count FROM errors WHERE run_id = ? ORDER BY 1, 2"
        errors = tuple(store.execute(ask, (run,)))
    names = git(
        shop.top, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/ws"
    )
    tip = git(shop.top, "rev-parse", branch)
    landed = Landed(
        state,
        {row[0]: row[1] for row in workstreams},
        tip,
        git(shop.top, "rev-parse", f"{branch}^{{tree}}"),
        _order(shop, base, tip),
        dict(line.split(" ") for line in names.splitlines()),  # type: ignore[misc]
    )
    return Outcome(landed, workstreams, attempts, errors)


def _order(shop: Shop, base: str, tip: str) -> tuple[str, ...]:
    form = "--format=%(trailers:key=Pipeline-Workstream,valueonly,separator=)"
    return tuple(
        git(shop.top, "log", "--first-parent", "--reverse", form, f"{base}..{tip}").split()
    )


def runs(shop: Shop) -> int:
    """How many runs the store holds."""
    with open_store(shop) as store:
        (count,) = store.execute("SELECT count(*) FROM runs").fetchone()
    return int(count)


def faults(shop: Shop) -> list[str]:
    """Everything that is wrong with what lies there while no engine lives."""
    found = [
        f"fsck: {said}" for said in [git(shop.top, "fsck", "--strict", "--no-dangling")] if said
    ]
    with open_store(shop) as store:
        store.row_factory = sqlite3.Row
        found += _store_faults(store)
        found += _event_faults(shop, store)
        found += _object_faults(shop, store)
        found += _ref_faults(shop, store)
    found += [f"a lock is left: {path}" for path in (shop.top / ".git").rglob("*.lock")]
    found += [f"unfinished: {path}" for path in shop.top.glob(".pipeline/**/.tmp-*")]
    found += [f"temporary: {path}" for path in (shop.root / "tmp").iterdir() if not _is_probe(path)]
    if (shop.top / ".pipeline/run.lock.owner").exists():
        found.append("the run lock still names an owner")
    return found + _slot_faults(shop)


def _is_probe(path: Path) -> bool:
    """Whether it is Python's own: ``tempfile`` writes one word to see whether it can."""
    return path.is_file() and path.read_bytes() in (b"", b"blat")


def _store_faults(store: sqlite3.Connection) -> list[str]:
    found = []
    for check in ("integrity_check", "foreign_key_check"):
        said = [tuple(row) for row in store.execute(f"PRAGMA {check}")]
        if said not in ([("ok",)], []):
            found.append(f"{check}: {said}")
    started = store.execute("SELECT count(*) FROM step_attempts WHERE state = 'started'")
    if (open_attempts := started.fetchone()[0]) != 0:
        found.append(f"{open_attempts} attempts are still open")
    ask = "SELECT run_id, state FROM runs WHERE state IN ('pending', 'running', 'interrupted')"
    found += [f"run {row['run_id']} is {row['state']}" for row in store.execute(ask)]
    return found


def _event_faults(shop: Shop, store: sqlite3.Connection) -> list[str]:
    """The journal is whole, equal to its file, and leads to the state that is stored."""
    found = []
    by_run: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in store.execute("SELECT * FROM events ORDER BY run_id, seq"):
        by_run[row["run_id"]].append(row)
    for run_id, events in by_run.items():
        if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
            found.append(f"the events of {run_id} have a gap")
        stored = [{**dict(e), "payload": json.loads(e["payload"])} for e in events]
        path = shop.top / ".pipeline/runs" / run_id / "events.jsonl"
        told = [json.loads(line) for line in path.read_bytes().splitlines()]
        if told != stored:
            found.append(f"{path} has {len(told)} lines and differs from {len(stored)} events")
        found += _journey_faults(store, run_id, events)
        for name in ("summary.json", "summary.md"):
            if not path.with_name(name).exists():
                found.append(f"run {run_id} has no {name}")
    return found


def _journey_faults(store: sqlite3.Connection, run_id: str, events: list[sqlite3.Row]) -> list[str]:
    """Each move begins where the last one ended, up to the state that is stored."""
    found = []
    at: dict[str | None, str] = {}
    for event in events:
        if event["type"] == "illegal_transition":
            found.append(f"illegal: {event['message']}")
        if event["type"] == "state_transition":
            payload = json.loads(event["payload"])
            who = event["ws_id"]
            if at.get(who, payload["from"]) != payload["from"]:
                found.append(f"{who} jumped from {at[who]} to {payload['from']}")
            at[who] = payload["to"]
    states = dict(store.execute("SELECT ws_id, state FROM workstreams WHERE run_id = ?", (run_id,)))
    found += [
        f"{who} is {states[who]}, its events end at {state}"
        for who, state in at.items()
        if who is not None and states[who] != state
    ]
    return found


def _object_faults(shop: Shop, store: sqlite3.Connection) -> list[str]:
    """Every commit and tree that a row names is there."""
    named = set()
    columns = {
        "workstreams": ("start_commit", "commit", "tree", "checked_commit", "landing_commit"),
        "runs": ("base_commit", "integration_commit"),
        "step_attempts": ("start_tree",),
    }
    for table, names in columns.items():
        for row in store.execute(f"SELECT * FROM {table}"):
            named |= {row[name] for name in names if row[name]}
    asked = "".join(f"{oid}\n" for oid in sorted(named)).encode()
    done = subprocess.run(
        ["git", "cat-file", "--batch-check"],
        cwd=shop.top,
        input=asked,
        capture_output=True,
        check=True,
    )
    return [line.decode() for line in done.stdout.splitlines() if line.endswith(b"missing")]


def _ref_faults(shop: Shop, store: sqlite3.Connection) -> list[str]:
    """The refs of ours are where the rows say."""
    listed = git(shop.top, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    refs = dict(line.split(" ") for line in listed)
    for archive in [name for name in refs if name.startswith("refs/pipeline/archive/")]:
        refs |= _folded(shop, archive)
    found = []
    for row in store.execute("SELECT w.*, base_commit FROM workstreams w JOIN runs USING (run_id)"):
        name = f"refs/pipeline/state/{row['run_id']}/{row['ws_id']}"
        if row["commit"] not in ("", row["base_commit"], refs.get(name)):
            found.append(f"{name} is at {refs.get(name)}, stored is {row['commit']}")
    for row in store.execute("SELECT * FROM runs WHERE integration_commit <> base_commit"):
        for name in (f"refs/pipeline/run/{row['run_id']}", row["integration_branch"]):
            if refs.get(name) != row["integration_commit"]:
                found.append(f"{name} is at {refs.get(name)}, not {row['integration_commit']}")
    return found


def _folded(shop: Shop, archive: str) -> dict[str, str]:
    """What the refs of a run were that has ended, by the message of its archive."""
    told = git(shop.top, "log", "-1", "--format=%B", "--grep=^Archive of run", archive)
    words = [line.split(" ") for line in told.splitlines() if line.startswith("Pipeline-Ref: ")]
    return {f"refs/pipeline/{name}": oid for _, oid, name in words}


def _slot_faults(shop: Shop) -> list[str]:
    slots = [Path(folder) for folder, _, _ in os.walk(shop.root / "cache") if "/slot-" in folder]
    tops = [path for path in slots if path.name.startswith("slot-")]
    found = [f"{path} was given up" for path in tops if (path / "broken").exists()]
    if len(tops) > 5:  # two workers with a tool and a gate each, and landing's gate
        found.append(f"{len(tops)} slots for two jobs")
    return found
