"""Gates in a run: what they may see, and what cannot be judged."""

import sys

import pytest

from pipeline.base.errors import UnfitError

PYTHON = [sys.executable, "-S", "-c"]
HISTORY = {
    "name": "history",
    "command": [
        *PYTHON,
        "import subprocess as s; assert s.run(['git', 'log', '-1', '--format=%s'], check=True,"
        " capture_output=True, text=True).stdout == 'Do one\\n'",
    ],
    "history": True,
}
NO_GIT = {
    "name": "no-git",
    "command": [*PYTHON, "import os; assert not os.path.exists('.git')"],
}


def _setup(project, code):
    project.commit({"needs.txt": "good\n"})
    step = {"name": "env", "command": [*PYTHON, code], "files": ["needs.txt"]}
    project.configure(setup=[{**step, "directories": ["env"]}])


def test_check_that_declares_history_sees_it_and_no_other_does(project, ended):
    project.writes("one", "a.txt", "A\n", acceptance_tests=[NO_GIT, HISTORY, NO_GIT])
    assert ended(project.run()) == {"one": "done"}


def test_tree_whose_set_up_cannot_be_made_ends_its_workstream_alone(project, ended):
    _setup(project, "import os; assert open('needs.txt').read() == 'good\\n'; os.mkdir('env')")
    project.writes("breaks", "needs.txt", "bad\n")
    project.writes("harmless", "a.txt", "A\n")
    summary = project.run()
    assert ended(summary) == {"breaks": "quarantined", "harmless": "done"}
    (broken,) = [ws for ws in summary.workstreams if ws.id == "breaks"]
    assert "set-up step 'env' failed" in broken.reason


def test_base_whose_set_up_cannot_be_made_stops_the_run(project):
    _setup(project, "raise SystemExit(1)")
    patch = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+A\n"
    project.write("one.patch", f"diff --git a/a.txt b/a.txt\n{patch}")
    project.bundle("one", files_scope=["a.txt"], tool="patch", tool_args={"patch": "one.patch"})
    with pytest.raises(UnfitError, match="set-up step 'env' failed"):
        project.run()
