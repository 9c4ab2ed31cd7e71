from pathlib import Path

import pytest

from pipeline.base.errors import UnfitError
from pipeline.store.layout import Layout, ensure_excluded

RUN = "01JDAAAAAAAAAAAAAAAAAAAAAA"


def test_a_main_checkout_holds_its_own_state(tmp_path: Path) -> None:
    found = Layout.of(git_dir=tmp_path / ".git", common_dir=tmp_path / ".git", top=tmp_path)

    assert found.state_dir == tmp_path / ".pipeline"
    assert found.database.parent == found.lock_file.parent == found.inbox.parent == found.state_dir


def test_a_linked_worktree_leads_to_the_main_checkout(tmp_path: Path) -> None:
    common = tmp_path / "main" / ".git"

    found = Layout.of(
        git_dir=common / "worktrees" / "x", common_dir=common, top=tmp_path / "elsewhere"
    )

    assert found.top == tmp_path / "main"


def test_a_separate_git_directory_is_fine_from_the_main_checkout(tmp_path: Path) -> None:
    store = tmp_path / "store"

    assert Layout.of(git_dir=store, common_dir=store, top=tmp_path / "w").top == tmp_path / "w"
    with pytest.raises(UnfitError, match="linked worktree"):
        Layout.of(git_dir=store / "worktrees" / "x", common_dir=store, top=tmp_path / "x")


def test_refs_hold_run_ids_in_lower_case(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / ".git", ws_prefix="w", run_prefix="p")
    low = RUN.lower()

    assert layout.run_branch(RUN) == f"refs/heads/p/{low}"
    assert layout.run_ref(RUN) == f"refs/pipeline/run/{low}"
    assert layout.journal_ref(RUN) == f"refs/pipeline/journal/{low}"
    assert layout.archive_ref(RUN) == f"refs/pipeline/archive/{low}"
    assert layout.state_ref(RUN, "a") == f"refs/pipeline/state/{low}/a"
    assert layout.ws_branch("change", "a") == "refs/heads/w/change/a"
    assert layout.ws_branch(None, "a") == "refs/heads/w/plan/a"


def test_a_runs_files_lie_together(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / ".git")
    places = [
        layout.events_file(RUN),
        layout.tool_outputs(RUN),
        layout.quarantine(RUN),
        layout.summary_json(RUN),
        layout.summary_md(RUN),
        layout.plan_file(RUN),
    ]

    assert {place.parent for place in places} == {layout.runs / RUN.lower()}
    assert len(set(places)) == len(places)


def test_slots_lie_outside_of_the_checkout(tmp_path: Path) -> None:
    one, two = (Layout(tmp_path / name, tmp_path / name / ".git") for name in "ab")

    assert not one.slots.is_relative_to(one.top)
    assert one.slots != two.slots


def test_configured_worktrees_count_from_the_main_checkout(tmp_path: Path) -> None:
    def layout(worktrees: str) -> Layout:
        return Layout.of(
            git_dir=tmp_path / ".git",
            common_dir=tmp_path / ".git",
            top=tmp_path,
            worktrees=Path(worktrees),
        )

    assert layout("../slots").slots == tmp_path / "../slots"
    assert layout("/slots").slots == Path("/slots")


def test_tags_of_a_repository_share_a_prefix_that_no_other_has(tmp_path: Path) -> None:
    one, two = (Layout(tmp_path / name, tmp_path / name / ".git") for name in "ab")

    assert one.process_tag(RUN).startswith(one.process_tag())
    assert not one.process_tag(RUN).startswith(two.process_tag())


def test_the_state_is_excluded_once(layout: Layout) -> None:
    ensure_excluded(layout)
    ensure_excluded(layout)

    assert layout.exclude_file.read_text() == "/.pipeline/\n"


def test_what_people_wrote_stays(layout: Layout) -> None:
    layout.exclude_file.parent.mkdir()
    layout.exclude_file.write_bytes(b"# mine\r\n*.log")
    (layout.top / ".gitignore").write_bytes(b"build\n")

    ensure_excluded(layout, ".pipeline", ".worktrees")

    assert layout.exclude_file.read_bytes() == b"# mine\r\n*.log\n/.pipeline/\n/.worktrees/\n"
    assert (layout.top / ".gitignore").read_bytes() == b"build\n"


@pytest.mark.parametrize("line", [b".pipeline", b".pipeline/", b"/.pipeline/\r"])
def test_other_spellings_count_as_excluded(layout: Layout, line: bytes) -> None:
    layout.exclude_file.parent.mkdir()
    layout.exclude_file.write_bytes(line + b"\n")

    ensure_excluded(layout)

    assert layout.exclude_file.read_bytes() == line + b"\n"


def test_a_directory_in_the_place_of_the_list_is_named(layout: Layout) -> None:
    layout.exclude_file.mkdir(parents=True)

    with pytest.raises(UnfitError, match=str(layout.exclude_file)):
        ensure_excluded(layout)
