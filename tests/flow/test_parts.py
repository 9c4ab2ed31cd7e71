"""A task whose files do not fit into one prompt is done in parts, each on top of the last."""

import sys

import pytest
from projects import Project, found

from pipeline.base.git import Repository
from pipeline.flow.verify import verify

AGENT = """
import re, sys
told = sys.stdin.read()
named = re.search(r"Work now on: (.*?)\\. Leave", told, re.DOTALL)
if named is None:
    sys.exit("the task was not split")
paths = re.findall(r"(f\\d\\.txt)", named[1])
open({log!r}, "a").write(" ".join(paths) + chr(10))
if {fails!r} in paths and {log!r} and open({log!r}).read().count({fails!r}) == 1:
    open("stray.txt", "w").write("out of scope")
else:
    for path in paths:
        text = open(path).read()
        open(path, "w").write("done " + text)
"""


def split(project: Project, fails: str = "") -> Project:
    project.commit({f"f{n}.txt": f"line {n}\n" * 400 for n in range(3)})
    log = project.top.parent / "asked"
    project.configure(
        prompts={"max_tokens": 2500, "strategies": ["chunk"]},
        tools={
            "scribe": {
                "driver": "agent",
                "type": "ai",
                "takes_feedback": True,
                "command": [
                    sys.executable,
                    "-S",
                    "-c",
                    AGENT.format(log=str(log), fails=fails or "none"),
                ],
            }
        },
    )
    texts = "(open(f'f{n}.txt').read() for n in range(3))"
    check = f"import sys; sys.exit(not all(t.startswith('done line') for t in {texts}))"
    project.bundle(
        "one",
        tool="scribe",
        files_scope=["f0.txt", "f1.txt", "f2.txt"],
        acceptance_tests=[[sys.executable, "-S", "-c", check]],
    )
    return project


@pytest.mark.parametrize("fails", ["", "f1.txt"])
def test_each_part_is_asked_for_and_a_refused_one_again(project, fails) -> None:
    done = split(project, fails).run()
    assert done.status == "completed", done.workstreams
    asked = (project.top.parent / "asked").read_text().splitlines()
    assert len(asked) == (4 if fails else 3)
    assert {path for line in asked for path in line.split()} == {"f0.txt", "f1.txt", "f2.txt"}
    for number in range(3):
        text = project.show(done.integration_branch, f"f{number}.txt")
        assert text.startswith("done line") and "done done" not in text
    with project.records() as records:
        edits = [a for a in records.attempts(done.run_id, "one") if a.step == "edit"]
    parts = [a.details["prompt"]["part"] for a in edits if a.state == "succeeded"]
    assert parts == [1, 2, 3]
    assert found(done, "one").attempts >= len(edits)
    with project.records() as records, Repository.discover(project.top) as repo:
        assert verify(records, repo, project.layout, done.run_id).is_sound
