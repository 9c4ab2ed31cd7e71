"""What was refused can be looked at, given to a person, and dropped; it never lands by that."""

import json
from pathlib import Path

import pytest
from small_run import Small, go, make_repository

from pipeline.flow.quarantine import export_quarantine, quarantined
from pipeline.model.states import PatchState
from pipeline.store.lock import RunLock
from pipeline.store.patches import patch_ledger


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Small:
    top = tmp_path_factory.mktemp("quarantine") / "made"
    make_repository(top)
    return Small(top, go(top))


@pytest.fixture
def small(made: Small, tmp_path: Path) -> Small:
    return made.copy_to(tmp_path / "repository")


@pytest.fixture
def cli(small, capfd):
    return lambda *arguments: small.cli(capfd, "quarantine", *arguments)


def kept(small: Small) -> dict[str, str]:
    """Workstreams with a patch in quarantine, and its id."""
    with small.records as records:
        return {k.ws_id: k.patch.id for k in quarantined(records, small.run_id)}


def life(small: Small, ws_id: str) -> list[PatchState]:
    with small.records as records:
        (entry,) = (e for e in patch_ledger(records, small.run_id) if e.ws_id == ws_id)
        assert all(step.is_legal for step in entry.steps)
        return [step.state for step in entry.steps]


def landed(small: Small) -> tuple[str, ...]:
    names = (small.layout.archive_ref(small.run_id), small.layout.run_branch(small.run_id), "main")
    return (*(small.git("rev-parse", name) for name in names), small.git("status", "--porcelain"))


def test_refused_and_failed_patches_are_listed(small, cli):
    assert set(kept(small)) == {"stray", "loud"}
    done = cli("list")
    assert [line.split()[2] for line in done.out.splitlines()[1:]] == ["stray", "loud"] or [
        line.split()[2] for line in done.out.splitlines()[1:]
    ] == ["loud", "stray"]
    assert "elsewhere.txt is created, which files_create does not allow" in done.out
    (first, second) = json.loads(cli("list", "--format", "json").out)["patches"]
    assert {first["ws_id"], second["ws_id"]} == {"stray", "loud"}
    assert {first["state"], second["state"]} == {"quarantined"}


def test_patches_that_landed_are_not_in_quarantine(small):
    assert not {"top", "bottom", "note"} & set(kept(small))


def test_show_tells_reason_evidence_and_difference(small, cli):
    patch_id = kept(small)["loud"]
    for name in ("loud", patch_id, patch_id[:12], patch_id[:4]):
        out = cli("show", name).out
        assert "+FORBIDDEN" in out
        assert "runtime" in out
        assert "created > validated > applied > quarantined" in out
    told = json.loads(cli("show", "stray", "--format", "json").out)
    assert told["kept"]["patch"]["id"] == kept(small)["stray"]
    assert told["findings"][0]["code"] == "scope"
    assert [attempt["step"] for attempt in told["attempts"]] == ["edit"]


def test_difference_alone_still_applies(small, cli):
    text = cli("show", "loud", "--diff").out
    small.git("apply", "--check", stdin=text.encode())


@pytest.mark.parametrize("name", ["nothing", "top", "abc", "zzzzzzzz"])
def test_unknown_name_is_an_input_error(cli, name):
    done = cli("show", name)
    assert done.code == 2
    assert "in quarantine" in done.err


def test_release_of_what_was_only_red_makes_a_branch_and_leaves(small, cli):
    before = landed(small)
    done = cli("release", "loud", "--branch", "rescue")
    assert done.code == 0
    assert "lands nowhere" in done.out
    assert "FORBIDDEN" in small.git("show", "rescue:app.txt")
    assert small.git("rev-parse", "rescue^") == small.ws("loud").start_commit
    assert life(small, "loud")[-1] is PatchState.VALIDATED
    assert "loud" not in kept(small)
    assert small.ws("loud").state == "quarantined"
    assert landed(small) == before
    assert "(released)" in cli("list", "--all").out


def test_release_of_what_policy_refused_stays_in_quarantine(small, cli):
    before = landed(small)
    done = cli("release", "stray")
    assert done.code == 0
    branch = f"quarantine/stray-{kept(small)['stray'][:12]}"
    assert small.git("show", f"{branch}:elsewhere.txt") == "other"
    assert "still refused" in done.out
    assert life(small, "stray")[-1] is PatchState.QUARANTINED
    assert landed(small) == before


def test_release_to_the_same_branch_again_changes_nothing(small, cli):
    assert cli("release", "stray").code == 0
    branches = small.git("for-each-ref", "refs/heads")
    assert cli("release", "stray").code == 0
    assert small.git("for-each-ref", "refs/heads") == branches


def test_refusal_that_no_tree_shows_is_remembered(small, cli):
    """A tool that changed the user's repository is not forgiven because its patch looks fine."""
    findings = [{"tool": "policy", "code": "control_plane", "message": "refs were moved"}]
    small.sql(
        "UPDATE step_attempts SET findings = ? WHERE ws_id = 'loud' AND step = 'edit'",
        json.dumps(findings),
    )
    assert "refs were moved" in cli("release", "loud").out
    assert "loud" in kept(small)


@pytest.mark.parametrize(
    ("name", "code"),
    [("main", 2), ("ws/plan/mine", 2), ("pipeline/mine", 2), ("a..b", 2), ("main/below", 3)],
)
def test_branch_that_is_not_free_is_refused(small, cli, name, code):
    before = small.git("for-each-ref")
    done = cli("release", "loud", "--branch", name)
    assert done.code == code, done.err
    assert small.git("for-each-ref") == before
    assert "loud" in kept(small)


def test_release_to_a_file(small, cli, tmp_path):
    target = tmp_path / "rescue.patch"
    assert cli("release", "stray", "--output", target).code == 0
    assert "+other" in target.read_text()
    assert cli("release", "stray", "--output", target).code == 2
    assert cli("release", "stray", "--output", tmp_path / "no" / "x").code == 2
    assert cli("release", "stray", "--output", tmp_path / "y", "--branch", "z").code == 2


def test_drop_removes_the_files_after_it_is_recorded(small, cli):
    with small.records as records:
        files = export_quarantine(records, small.layout, small.run_id)
    done = cli("drop", "stray")
    assert (done.code, "2 files removed" in done.out) == (0, True)
    assert [path.name.split("-")[0] for path in files if path.exists()] == ["loud", "loud"]
    assert life(small, "stray")[-1] is PatchState.DROPPED
    with small.records as records:
        export_quarantine(records, small.layout, small.run_id)
    assert not any(path.name.startswith("stray") for path in files[0].parent.iterdir())
    files[0].with_name("stray").touch()  # what is not ours stays
    assert cli("drop", "stray").code == 0
    assert life(small, "stray").count(PatchState.DROPPED) == 1
    assert files[0].with_name("stray").exists()


def test_files_left_by_a_drop_that_was_cut_off_go_with_the_next(small, cli):
    with small.records as records:
        files = export_quarantine(records, small.layout, small.run_id)
    mine = [path for path in files if path.name.startswith("stray")]
    saved = {path: path.read_bytes() for path in mine}
    cli("drop", "stray")
    for path, data in saved.items():
        path.write_bytes(data)
    cli("drop", "stray")
    assert not any(path.exists() for path in mine)


@pytest.mark.parametrize("verb", ["drop", "release"])
def test_live_engine_is_named_and_nothing_changes(small, cli, verb):
    before = small.git("for-each-ref")
    with RunLock(small.layout, command="pipeline run"):
        done = cli(verb, "stray")
    assert done.code == 3
    assert "pipeline run" in done.err
    assert "stray" in kept(small)
    assert small.git("for-each-ref") == before


def test_evidence_files_hold_the_patch_and_what_is_known(small):
    with small.records as records:
        files = export_quarantine(records, small.layout, small.run_id)
        again = {path: path.stat().st_mtime_ns for path in files}
        assert export_quarantine(records, small.layout, small.run_id) == files
    assert {path: path.stat().st_mtime_ns for path in files} == again
    patch_id = kept(small)["loud"]
    stem = small.layout.quarantine(small.run_id) / f"loud-{patch_id[:12]}"
    assert b"+FORBIDDEN" in stem.with_suffix(".patch").read_bytes()
    told = json.loads(stem.with_suffix(".json").read_bytes())
    assert told["kept"]["patch"]["id"] == patch_id
    assert told["kept"]["reason"]


def test_evidence_that_was_changed_is_written_anew(small):
    with small.records as records:
        files = export_quarantine(records, small.layout, small.run_id)
        good = files[0].read_bytes()
        files[0].write_bytes(b"changed")
        export_quarantine(records, small.layout, small.run_id)
    assert files[0].read_bytes() == good


def test_run_still_verifies_after_release_and_drop(small, cli, capfd):
    cli("release", "loud")
    cli("drop", "stray")
    assert small.cli(capfd, "verify").code == 0


def test_same_patch_of_two_runs_is_that_of_the_newest(small, cli):
    newest = go(small.top, is_fresh=True)
    assert json.loads(cli("show", "stray", "--format", "json").out)["kept"]["run_id"] == newest
    old = cli("show", "stray", "--run", small.run_id, "--format", "json")
    assert json.loads(old.out)["kept"]["run_id"] == small.run_id


def test_nothing_has_run_yet(tmp_path, capfd):
    make_repository(tmp_path / "new")
    assert (
        "Nothing is in quarantine"
        in Small(tmp_path / "new", "").cli(capfd, "quarantine", "list").out
    )
