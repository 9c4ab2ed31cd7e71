"""A good run replays; a record that its events do not lead to is named by the check for it."""

import json
from pathlib import Path

import pytest
from small_run import Small, go, make_repository

from pipeline.base.errors import UnfitError
from pipeline.base.git import Repository
from pipeline.base.schema import violations
from pipeline.flow.replay import replay
from pipeline.store.lock import RunLock


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Small:
    top = tmp_path_factory.mktemp("replay") / "made"
    make_repository(top)
    return Small(top, go(top))


@pytest.fixture
def small(made: Small, tmp_path: Path) -> Small:
    return made.copy_to(tmp_path / "repository")


def against(small: Small) -> dict[str, str]:
    """What does not agree, by check; checks that agree are left out."""
    with small.records as records, Repository.discover(small.top) as repo:
        found = replay(records, repo, small.layout, small.run_id)
    told = {check.name: " ".join(check.disagreements) for check in found.checks}
    assert found.is_sound == (not any(told.values()))
    return {name: what for name, what in told.items() if what}


def payload(small: Small, kind: str, ws_id: str) -> tuple[int, dict[str, object]]:
    """The first event of a kind: its number and payload."""
    ((seq, text),) = small.sql(
        "SELECT seq, payload FROM events WHERE type = ? AND ws_id = ? ORDER BY seq LIMIT 1",
        kind,
        ws_id,
    )
    return seq, json.loads(text)


def test_good_run_replays(made):
    assert against(made) == {}


RECORDS = {
    "state of the run": ("UPDATE runs SET state = 'completed'", "states", "state is partial"),
    "state of a workstream": (
        "UPDATE workstreams SET state = 'done' WHERE ws_id = 'loud'", "states", "quarantined"
    ),
    "generation": (
        "UPDATE workstreams SET generation = 2 WHERE ws_id = 'top'", "states", "generation is 1"
    ),
    "commit": (
        "UPDATE workstreams SET \"commit\" = start_commit WHERE ws_id = 'loud'", "states", "commit"
    ),
    "landing": (
        "UPDATE workstreams SET landing_commit = \"commit\" WHERE ws_id = 'top'",
        "states",
        "landing commit",
    ),
    "state of an attempt": (
        "UPDATE step_attempts SET state = 'failed' WHERE ws_id = 'top' AND step = 'edit'",
        "attempts",
        "state is succeeded",
    ),
    "tool of an attempt": (
        "UPDATE step_attempts SET tool = 'x' WHERE ws_id = 'top'", "attempts", "identity"
    ),
    "attempt that is gone": (
        "DELETE FROM step_attempts WHERE ws_id = 'top' AND step = 'static'",
        "attempts",
        "told of and not stored",
    ),
    "patch that is gone": (
        "DELETE FROM patches WHERE ws_id = 'top'", "patches", "told of and not stored"
    ),
    "tree of a patch": (
        "UPDATE patches SET result_tree = base_tree WHERE ws_id = 'loud'", "trees", "result tree"
    ),
    "tree of an attempt": (
        "UPDATE step_attempts SET result_tree = start_tree WHERE ws_id = 'loud' AND step = 'edit'",
        "trees",
        "tree is",
    ),
    "integration": (
        "UPDATE runs SET integration_commit = base_commit", "landings", "integration branch"
    ),
    "event that is gone": (
        "DELETE FROM events WHERE type = 'merged' AND ws_id = 'top'", "landings", "parents"
    ),
    "start that is gone": (
        "DELETE FROM events WHERE type = 'attempt_started' AND ws_id = 'top'",
        "moves",
        "not started",
    ),
    "move that is gone": (
        "DELETE FROM events WHERE type = 'state_transition' AND ws_id = 'loud' "
        "AND payload LIKE '%\"to\":\"fixing\"%'",
        "moves",
        "but was runtime_check",
    ),
    "journal that is of other events": (
        "UPDATE events SET id = '01jd3v00000000000000000000' WHERE seq = 1",
        "journal",
        "other events",
    ),
}  # fmt: skip  # one case in a line or two reads better


@pytest.mark.parametrize("what", RECORDS)
def test_record_that_events_do_not_lead_to_is_named(small, what):
    statement, check, words = RECORDS[what]
    small.sql(statement)
    assert words in against(small)[check]


def test_illegal_move_and_unknown_state_are_named(small):
    seq, told = payload(small, "state_transition", "loud")
    change = "UPDATE events SET payload = ? WHERE seq = ?"
    small.sql(change, json.dumps({**told, "to": "done"}), seq)
    assert "from pending to done" in against(small)["moves"]
    small.sql(change, json.dumps({**told, "to": "winning"}), seq)
    assert "'winning'" in against(small)["moves"]


def test_landing_that_is_no_merge_of_the_work_is_named(small):
    """A commit with other content in the place of a landing, and all records changed to fit."""
    _, told = payload(small, "merged", "note")
    old = str(told["commit"])
    parents = small.git("show", "-s", "--format=%P", old).split()
    blob = small.git("hash-object", "-w", "--stdin", stdin=b"smuggled\n")
    listed = small.git("ls-tree", old)
    tree = small.git("mktree", stdin=f"{listed}\n100644 blob {blob}\tsmuggled\n".encode())
    new = small.git("commit-tree", "-m", "x", *[w for p in parents for w in ("-p", p)], tree)
    small.sql("UPDATE events SET payload = replace(payload, ?, ?)", old, new)
    small.sql("UPDATE workstreams SET landing_commit = ? WHERE landing_commit = ?", new, old)
    small.sql("UPDATE runs SET integration_commit = ? WHERE integration_commit = ?", new, old)
    assert "The landing of note: replayed, its tree" in against(small)["landings"]


def test_tampered_journal_is_named(small):
    archive = small.layout.archive_ref(small.run_id)
    small.git("update-ref", archive, small.git("rev-parse", "main"))
    assert "refused at the commit" in against(small)["journal"]


def test_command_exits_with_one_where_something_differs(small, capfd):
    good = small.cli(capfd, "replay", "--format", "json")
    value = json.loads(good.out)
    assert good.code == 0 and list(violations("verification.v1.json", value)) == []
    small.sql("UPDATE runs SET state = 'completed'")
    done = small.cli(capfd, "replay", small.run_id)
    assert done.code == 1 and "recorded is completed" in done.out
    assert json.loads(small.cli(capfd, "replay", "--format", "json").out)["is_sound"] is False


def test_live_run_is_not_replayed(small):
    small.sql("UPDATE runs SET state = 'running'")
    with RunLock(small.layout, command="a test"), pytest.raises(UnfitError, match="going on"):
        against(small)
