"""A good run verifies; whatever was changed afterwards is named by the check that is for it."""

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_run import ENDS, Output, Small, go, make_repository

from pipeline.base.errors import UnfitError
from pipeline.base.files import sha256
from pipeline.base.git import Repository
from pipeline.flow.verify import Verification, verify
from pipeline.model.codec import canonical
from pipeline.planning.freeze import plan_key
from pipeline.store.lock import RunLock


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Small:
    top = tmp_path_factory.mktemp("verify") / "made"
    make_repository(top, journal=False)
    return Small(top, go(top))


@pytest.fixture
def small(made: Small, tmp_path: Path) -> Small:
    return made.copy_to(tmp_path / "repository")


@pytest.fixture
def judge(small: Small) -> Callable[[], dict[str, tuple[str, ...]]]:
    """What does not agree, by check; checks that agree are left out."""

    def look() -> dict[str, tuple[str, ...]]:
        found = look_at(small)
        assert found.is_sound == (not any(check.disagreements for check in found.checks))
        return {check.name: check.disagreements for check in found.checks if check.disagreements}

    return look


def look_at(small: Small) -> Verification:
    with small.records as records, Repository.discover(small.top) as repo:
        return verify(records, repo, small.layout, small.run_id)


def one(found: dict[str, tuple[str, ...]], check: str) -> str:
    """The only sentence of the only check that does not agree."""
    assert list(found) == [check], found
    (what,) = found[check]
    return what


def test_good_run_verifies(small, judge, capfd):
    states = small.sql("SELECT ws_id, state FROM workstreams")
    assert dict(states) == ENDS
    assert judge() == {}
    assert look_at(small).notes == ()
    assert all(check.count for check in look_at(small).checks)


def test_command_tells_it_as_a_table_and_as_json(small, capfd):
    done: Output = small.cli(capfd, "verify")
    assert done.code == 0
    assert "Everything agrees" in done.out
    shown = json.loads(small.cli(capfd, "verify", small.run_id[:20], "--format", "json").out)
    assert shown["is_sound"] is True
    assert {check["name"] for check in shown["checks"]} >= {"patches", "landing", "events"}
    small.git("update-ref", "-d", small.layout.run_ref(small.run_id))
    done = small.cli(capfd, "verify")
    assert done.code == 1
    assert "is gone" in done.out


def test_nothing_is_changed_by_looking(small):
    def everything() -> dict[Path, bytes]:
        files = (path for path in small.top.rglob("*") if path.is_file())
        return {p: p.read_bytes() for p in files if p.suffix not in (".db-shm", ".db-wal")}

    before = everything()
    look_at(small)
    assert everything() == before


def test_batch_landing_verifies(tmp_path):
    make_repository(tmp_path / "repository", landing="batch")
    assert look_at(Small(tmp_path / "repository", go(tmp_path / "repository"))).is_sound


def test_run_that_took_work_over_verifies(tmp_path):
    top = tmp_path / "repository"
    make_repository(top)
    first = go(top)
    bundle = json.loads((top / "workstreams/loud.json").read_text())
    bundle["tool_args"]["command"][2] = "sed -i 's/^line 15$/allowed/' app.txt"
    (top / "workstreams/loud.json").write_text(json.dumps(bundle))
    found = look_at(Small(top, go(top)))
    assert [check.disagreements for check in found.checks if check.disagreements] == []
    assert sum(first in note for note in found.notes) == 3


def test_run_that_was_cut_off_verifies_as_far_as_it_came(small, judge):
    """What a killed engine leaves: it was running, and the export lags behind the database."""
    ((seq,),) = small.sql("SELECT min(seq) FROM events WHERE type = 'run_finished'")
    small.sql("DELETE FROM events WHERE seq >= ?", seq)
    small.sql("UPDATE runs SET state = 'running', integration_commit = ''")
    path = small.layout.events_file(small.run_id)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[: seq - 3])[:-5])
    assert judge() == {}
    assert any("events.jsonl is behind" in note for note in look_at(small).notes)
    path.write_bytes(b"{}" + path.read_bytes())
    assert list(judge()) == ["export"]


def test_live_run_is_left_alone(small):
    small.sql("UPDATE runs SET state = 'running'")
    with RunLock(small.layout), pytest.raises(UnfitError, match="still going on"):
        look_at(small)


# Patches


def test_changed_patch_text_is_named(small, judge):
    patch_id = small.ws("top").patch_id
    text = b"--- a/app.txt\n+++ b/app.txt\n@@ -1 +1 @@\n-line 1\n+mine\n"
    small.sql("UPDATE patch_texts SET content = ? WHERE id = ?", zlib.compress(text), patch_id)
    assert patch_id[:12] in one(judge(), "patches")


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("result_tree", "BASE", "makes the tree"),
        ("base_tree", "RESULT", "does not apply"),
        ("added", 7, "adds 1 lines"),
        ("size", 7, "bytes, not 7"),
        ("paths", '["other.txt"]', "other paths"),
        ("scope_ok", 0, "its flag scope_ok"),
    ],
)
def test_changed_patch_row_is_named(small, judge, column, value, word):
    patch_id = small.ws("top").patch_id
    ((base, result),) = small.sql(
        "SELECT base_tree, result_tree FROM patches WHERE id = ?", patch_id
    )
    value = {"BASE": base, "RESULT": result}.get(value, value)
    small.sql(f"UPDATE patches SET {column} = ? WHERE id = ?", value, patch_id)
    assert word in one(judge(), "patches")


def test_patch_that_is_gone_is_named(small, judge):
    small.sql("DELETE FROM patches WHERE ws_id = 'top'")
    assert "top names the patch" in one(judge(), "patches")


def test_accepted_change_out_of_scope_is_named(small, judge):
    """The plan that is stored grants less, and everything else about it agrees."""
    with small.records as records:
        plan = records.plan(small.run_id)
    bundles = [replace(ws, files_create=()) if ws.id == "note" else ws for ws in plan.workstreams]
    plan = replace(plan, workstreams=tuple(bundles))
    plan = replace(plan, key=plan_key(plan))
    content = canonical(plan)
    small.sql("PRAGMA foreign_keys = OFF")
    small.sql("UPDATE runs SET key = ?, plan_digest = ?", plan.key, sha256(content))
    small.sql("UPDATE plans SET digest = ?, content = ?", sha256(content), zlib.compress(content))
    assert "note.txt is created, which files_create does not allow" in one(judge(), "policy")


def test_changed_plan_is_named(small, judge):
    small.sql("UPDATE plans SET content = ?", zlib.compress(b"{}"))
    assert "the plan of" in judge()["plan"][0]


def test_another_key_is_named(small, judge):
    small.sql("UPDATE runs SET key = ?", "f" * 64)
    assert "ffffffffffff" in one(judge(), "plan")


# Commits and refs


def test_changed_tree_in_a_row_is_named(small, judge):
    small.sql("UPDATE workstreams SET tree = ? WHERE ws_id = 'top'", small.ws("bottom").tree)
    assert one(judge(), "commits").startswith("top: its commit")


def test_start_that_is_no_ancestor_is_named(small, judge):
    other = small.git("commit-tree", small.ws("top").tree, stdin=b"elsewhere\n")
    small.sql("UPDATE workstreams SET start_commit = ? WHERE ws_id = 'stray'", other)
    assert any("does not descend" in what for what in judge()["commits"])


def test_missing_commit_is_named(small, judge):
    commit = small.ws("loud").commit
    small.git("update-ref", "-d", small.layout.state_ref(small.run_id, "loud"))
    small.git("update-ref", "-d", "refs/heads/ws/plan/loud")
    (small.top / ".git/objects" / commit[:2] / commit[2:]).unlink()
    assert any(commit[:12] in what and "missing" in what for what in judge()["commits"])


def test_object_that_does_not_hold_what_its_id_says_is_named(small, judge):
    blobs = [
        small.git("rev-parse", f"{small.ws('note').commit}:{n}") for n in ("note.txt", "app.txt")
    ]
    files = [small.top / ".git/objects" / oid[:2] / oid[2:] for oid in blobs]
    files[0].chmod(0o644)
    files[0].write_bytes(files[1].read_bytes())
    assert any(blobs[0] in what for what in judge()["objects"])


@pytest.mark.parametrize("where", ["state", "run"])
def test_moved_authority_is_named(small, judge, where):
    layout = small.layout
    name = (
        layout.state_ref(small.run_id, "top") if where == "state" else layout.run_ref(small.run_id)
    )
    small.git("update-ref", name, small.git("rev-parse", "main"))
    assert name in one(judge(), "refs")
    small.git("update-ref", "-d", name)
    assert f"{name} is gone" in one(judge(), "refs")


def test_visible_branch_moved_by_somebody_is_a_note(small, judge):
    mine = small.git("commit-tree", "main^{tree}", "-p", "main", stdin=b"mine\n")
    small.git("update-ref", "refs/heads/ws/plan/top", mine)
    small.git("update-ref", small.layout.run_branch(small.run_id), mine)
    small.git("update-ref", "-d", "refs/heads/ws/plan/bottom")
    assert judge() == {}
    notes = look_at(small).notes
    assert [note.split()[2] for note in notes] == [
        f"pipeline/{small.run_id}",
        "ws/plan/top",
        "ws/plan/bottom",
    ]
    assert all("moved by somebody" in note for note in notes[:2])


# Landing


def land(small: Small, *order: str, tree_of: dict[str, str] | None = None) -> None:
    """Rebuild the integration branch in another way, and all records and refs with it."""
    tip = small.git("rev-parse", "main")
    for ws_id in order:
        ws = small.ws(ws_id)
        root = small.git("commit-tree", f"{ws.start_commit}^{{tree}}", stdin=b"x\n")
        sides = [
            small.git("commit-tree", f"{commit}^{{tree}}", "-p", root, stdin=b"x\n")
            for commit in (tip, ws.commit)
        ]
        tree = small.git("merge-tree", "--write-tree", *sides)
        tree = (tree_of or {}).get(ws_id, tree)
        tip = small.git("commit-tree", tree, "-p", tip, "-p", ws.commit, stdin=b"Land\n")
        move_landing(small, ws_id, tip)
    move_tip(small, tip)


def move_landing(small: Small, ws_id: str, commit: str) -> None:
    small.sql("UPDATE workstreams SET landing_commit = ? WHERE ws_id = ?", commit, ws_id)
    tell = "UPDATE events SET payload = json_set(payload, '$.commit', ?) "
    small.sql(tell + "WHERE ws_id = ? AND type = 'merged'", commit, ws_id)


def move_tip(small: Small, tip: str) -> None:
    small.sql("UPDATE runs SET integration_commit = ?", tip)
    small.git("update-ref", small.layout.run_ref(small.run_id), tip)
    small.git("update-ref", small.layout.run_branch(small.run_id), tip)
    with small.records as records:
        from pipeline.store.export import EventExport

        EventExport(small.layout, records).catch_up(small.run_id)


def test_order_that_is_not_the_plans_is_named(small, judge):
    land(small, "bottom", "top", "note")
    assert any("top landed after bottom" in what for what in judge()["landing"])


def test_landing_as_it_was_made_can_be_rebuilt(small, judge):
    """So what the tests above and below find is not the fault of their own rebuilding."""
    land(small, "top", "bottom", "note")
    assert judge() == {}


def test_merge_that_git_would_not_make_is_named(small, judge):
    evil = small.git("mktree", stdin=small.git("ls-tree", "main").encode() + b"\n")
    land(small, "top", "bottom", "note", tree_of={"note": evil})
    found = judge()["landing"]
    assert any("note landed as the tree" in what and "git merges it to" in what for what in found)
    assert any("no green verdict" in what for what in found)


def test_extra_commit_on_the_branch_is_named(small, judge):
    tip = small.git("rev-parse", small.layout.run_ref(small.run_id))
    extra = small.git("commit-tree", f"{tip}^{{tree}}", "-p", tip, stdin=b"extra\n")
    small.git("update-ref", small.layout.run_ref(small.run_id), extra)
    assert list(judge()) == ["refs"]
    move_tip(small, extra)
    assert f"{extra[:12]} is no merge" in one(judge(), "landing")


def test_merge_of_foreign_work_is_named(small, judge):
    tip = small.git("rev-parse", small.layout.run_ref(small.run_id))
    extra = small.git(
        "commit-tree", f"{tip}^{{tree}}", "-p", tip, "-p", small.ws("loud").commit, stdin=b"x\n"
    )
    move_tip(small, extra)
    assert "the work of no workstream that is done" in one(judge(), "landing")


def test_done_without_a_landing_is_named(small, judge):
    land(small, "top", "bottom")
    assert any("note is done, but is on the integration branch 0" in w for w in judge()["landing"])


def test_landed_tree_without_a_green_verdict_is_named(small, judge):
    tree = small.git("rev-parse", f"{small.ws('bottom').landing_commit}^{{tree}}")
    small.sql("DELETE FROM verdicts WHERE instr(CAST(key AS TEXT), ?)", tree)
    small.sql("DELETE FROM verdicts WHERE result = 'failed'")
    if small.sql("SELECT 1 FROM events WHERE instr(payload, ?) AND type LIKE 'gate%'", tree):
        small.sql("UPDATE events SET payload = '{}' WHERE instr(payload, ?)", tree)
        move_tip(small, small.git("rev-parse", small.layout.run_ref(small.run_id)))
    assert f"bottom landed as the tree {tree[:12]}, for which there is no green verdict" in one(
        judge(), "landing"
    )


# Events


def test_missing_event_is_named(small, judge):
    small.sql("DELETE FROM events WHERE seq = 9")
    assert "Event 9 is missing" in judge()["events"][0]


def test_missing_last_events_are_named(small, judge):
    small.sql("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
    found = judge()
    assert "its events lead to running" in found["events"][0]
    assert "lines for" in found["export"][0]


def test_missing_landing_event_is_named(small, judge):
    small.sql("UPDATE events SET type = 'resumed' WHERE type = 'merged' AND ws_id = 'note'")
    assert any("no event tells of its landing" in what for what in judge()["landing"])


def test_state_that_no_event_leads_to_is_named(small, judge):
    small.sql("UPDATE workstreams SET state = 'done' WHERE ws_id = 'loud'")
    found = judge()
    assert "loud is stored as done, but its events lead to quarantined" in found["events"][0]
    assert "loud is done, but is on the integration branch 0 times" in found["landing"][0]


@pytest.mark.parametrize("change", ["edit", "append", "cut", "remove"])
def test_export_that_differs_is_named(small, judge, change):
    path = small.layout.events_file(small.run_id)
    data = path.read_bytes()
    if change == "remove":
        path.unlink()
    else:
        path.write_bytes(
            {
                "edit": data.replace(b"landed", b"lended", 1),
                "append": data + b"{}\n",
                "cut": data[:-40],
            }[change]
        )
    assert str(path) in one(judge(), "export")
