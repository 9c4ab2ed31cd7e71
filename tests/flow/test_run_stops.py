"""Where a run is stopped from within, what is stored is good for carrying on."""

import sys
import time

import pytest

from pipeline.base.errors import InterruptedRunError, UnfitError
from pipeline.flow.run import Watch
from pipeline.model.states import RunState


def test_run_that_is_out_of_time_blames_no_tool(project, ended, tmp_path):
    go = tmp_path / "go"
    project.script(
        "slow",
        f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        "open('a.txt', 'w').write('A\\n')",
        files_scope=["a.txt"],
    )

    def look_late() -> str:
        time.sleep(1.2)  # the tool starts when the run's time is over, before anybody has looked
        return ""

    with pytest.raises(InterruptedRunError, match="time limit"):
        project.run(
            overrides={"run.jobs": 1, "run.timeout_s": 1.0}, watch=Watch(should_stop=look_late)
        )
    go.touch()
    assert ended(project.run()) == {"slow": "done"}


def test_unfit_surroundings_leave_an_interrupted_run_that_says_why(project):
    project.configure(
        setup=[{"name": "env", "command": [sys.executable, "-c", "raise SystemExit(1)"],
                "files": ["a.txt"], "directories": ["env"]}]
    )  # fmt: skip
    project.writes("one", "a.txt", "A\n")
    with pytest.raises(UnfitError, match="'env' failed"):
        project.run()
    with project.records() as records:
        (stopped,) = records.runs()
    assert stopped.state is RunState.INTERRUPTED
    assert "'env' failed" in stopped.reason
