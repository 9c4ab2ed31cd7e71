"""What an engine that carries on takes for landed."""

import contextlib
import sqlite3

import pytest

from pipeline.base.errors import InterruptedRunError, UnfitError
from pipeline.flow.run import Watch
from pipeline.model.states import WorkstreamState


def _stop_when_landed(project, ws_id):
    """Run until a workstream has landed, and stop there; the run's authority ref."""
    runs = []

    def has_landed() -> str:
        with project.records() as records:
            state = records.workstream(runs[0], ws_id).state
        return f"{ws_id} has landed" if state is WorkstreamState.DONE else ""

    watch = Watch(observers=(lambda _, run_id: runs.append(run_id),), should_stop=has_landed)
    with pytest.raises(InterruptedRunError):
        project.run(watch=watch)
    return f"refs/pipeline/run/{runs[0]}"


@pytest.fixture
def stopped(project):
    """A project whose run was stopped between two landings, and the run's authority ref."""
    project.writes("one", "a.txt", "A\n")
    project.writes("two", "b.txt", "B\n", depends_on=["one"])
    return project, _stop_when_landed(project, "one")


def test_landings_found_on_the_branch_are_built_on(stopped, ended):
    project, _ = stopped
    assert ended(project.run()) == {"one": "done", "two": "done"}


@pytest.mark.parametrize("shape", ["on top", "merge", "other tree"])
def test_commit_that_somebody_put_on_the_branch_is_not_built_on(stopped, shape):
    """Whoever may write to the repository could else bring in what nobody judged."""
    project, ref = stopped
    tip = project.git("rev-parse", ref)
    blob = project.git("hash-object", "-w", "pipeline.yaml")
    project.git("read-tree", tip)
    project.git("update-index", "--add", "--cacheinfo", f"100644,{blob},smuggled")
    tree = project.git("write-tree")
    project.git("read-tree", "main")
    parents = {
        "on top": [tip],
        "merge": [tip, "main"],
        "other tree": project.git("show", "-s", "--format=%P", tip).split(),
    }[shape]
    options = [word for parent in parents for word in ("-p", parent)]
    project.git("update-ref", ref, project.git("commit-tree", "-m", "x", *options, tree))
    with pytest.raises(UnfitError, match="not where the engine left it"):
        project.run()


def test_branch_that_lost_what_had_landed_is_not_built_on(stopped):
    project, ref = stopped
    project.git("update-ref", "-d", ref)
    with pytest.raises(UnfitError, match="not where the engine left it"):
        project.run()


@pytest.fixture
def killed(project):
    """A run whose engine was killed when ``two`` was on the branch and not yet stored as done."""
    project.configure(journal={"enabled": False})  # so that its refs are as then, not folded
    project.writes("one", "a.txt", "A\n", priority=1)
    project.writes("two", "b.txt", "B\n")
    summary = project.run()
    with contextlib.closing(sqlite3.connect(project.layout.database)) as database:
        database.execute(
            "UPDATE workstreams SET state = 'merging', landing_commit = '' WHERE ws_id = 'two'"
        )
        database.execute("UPDATE runs SET state = 'running', integration_commit = ''")
        database.commit()
    return project, summary


def test_merge_that_a_killed_engine_had_made_counts(killed, ended):
    project, before = killed
    after = project.run()
    assert (after.run_id, after.integration_commit) == (before.run_id, before.integration_commit)
    assert ended(after) == {"one": "done", "two": "done"}


def test_merge_of_what_was_to_land_with_another_tree_does_not_count(killed):
    project, before = killed
    parents = project.git("show", "-s", "--format=%P", before.integration_commit).split()
    options = [word for parent in parents for word in ("-p", parent)]
    forged = project.git("commit-tree", "-m", "x", *options, "main^{tree}")
    project.git("update-ref", f"refs/pipeline/run/{before.run_id}", forged)
    with pytest.raises(UnfitError, match="not where the engine left it"):
        project.run()
