"""Each editor makes its change, or says why there is none; agents are played by a script."""

import json
import os
import sys
from pathlib import Path

import pytest

from pipeline.base.errors import BugError, InputError
from pipeline.model.agent import Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.config import CaptureConfig
from pipeline.model.edit import Feedback
from pipeline.model.finding import Finding
from pipeline.model.patch import Reason
from pipeline.model.plan import FrozenFile
from pipeline.model.workstream import Workstream
from pipeline.work.capture import capture
from pipeline.work.editors import TABLE, EditRequest, find_editor
from pipeline.work.prompts import prompt

PATCH = b"""diff --git a/src/util.py b/src/util.py
--- a/src/util.py
+++ b/src/util.py
@@ -1,2 +1,2 @@
 u1
-u2
+U2
"""
# An agent: does the task, badly at first; told what was wrong, it does better.
AGENT = """
import sys, pathlib
prompt = sys.stdin.read()
assert pathlib.Path(sys.argv[1]).read_text() == prompt
better = "line too long" in prompt
text = "better" if better else "worse"
assert "Say hello" in prompt and "src/util.py" in prompt
if sys.argv[2] == "directory":
    pathlib.Path("src/util.py").write_text(text + "\\n")
else:
    pathlib.Path("src/app.py").write_text("a draft that does not count\\n")
    print(f'''diff --git a/src/util.py b/src/util.py
--- a/src/util.py
+++ b/src/util.py
@@ -1,2 +1 @@
-u1
-u2
+{text}''')
"""


@pytest.fixture
def request_of(project, tmp_path: Path):
    with project.repo.scratch() as scratch:

        def make(profile: ToolProfile, slot=None, feedback=None, files=None, **args):
            ws = Workstream(
                "hello",
                title="Greet",
                tasks=("Say hello",),
                files_scope=("src/util.py", "docs/**", "gone.py"),
                tool=profile.id,
                tool_args=args,
            )
            return EditRequest(
                ws=ws,
                profile=profile,
                start_tree=project.tree,
                scratch=scratch,
                slot=slot,
                told=Prompt(prompt(ws, feedback if profile.takes_feedback else None)),
                files=files or {},
                feedback=feedback,
                logs=tmp_path / "logs" / "edit",
                environ=os.environ,
            )

        yield make


def test_the_table_holds_what_it_says() -> None:
    assert sorted(TABLE) == ["agent", "command", "patch"]
    with pytest.raises(InputError, match=r"agent, aider, .*command, .*patch"):
        find_editor("nothing")


def frozen(content: bytes) -> dict[str, FrozenFile]:
    return {"p.patch": FrozenFile("p.patch", "0", content)}


def test_a_patch_needs_no_directory(project, request_of) -> None:
    editor, profile = find_editor("patch"), ToolProfile("patch", driver="patch")
    assert not editor.needs_directory
    assert not editor.takes_feedback(ToolProfile("patch", takes_feedback=True))
    request = request_of(profile, files=frozen(PATCH), patch="p.patch")
    result = editor.edit(request)
    assert result.refusal is None and result.report.exit_code == 0
    assert [change.path for change in result.captured.changes] == [b"src/util.py"]
    entry = result.captured.changes[0].after
    assert request.scratch.objects.read(entry.oid)[1] == b"u1\nU2\n"


@pytest.mark.parametrize(
    "content",
    [
        PATCH.replace(b"u1", b"x1"),
        PATCH.replace(b"src/util.py", b"src/none.py"),
        PATCH.replace(b"@@ -1,2 +1,2", b"@@ -5,2 +5,2"),
        b"no patch\n",
        b"",
    ],
)
def test_a_patch_that_does_not_apply_is_refused(request_of, content: bytes) -> None:
    profile = ToolProfile("patch", driver="patch")
    result = find_editor("patch").edit(request_of(profile, files=frozen(content), patch="p.patch"))
    assert result.captured is None
    assert result.refusal.reason is Reason.FORMAT and result.refusal.is_blocking
    assert not result.report.is_fault


@pytest.mark.parametrize("args", [{}, {"patch": "other"}, {"patch": ["p.patch"]}])
def test_a_patch_that_is_not_in_the_plan(request_of, args) -> None:
    with pytest.raises(InputError, match="hello"):
        find_editor("patch").edit(request_of(ToolProfile("patch"), files=frozen(PATCH), **args))


@pytest.mark.parametrize(
    "command",
    ["sed -i s/u2/U2/ {files}; test ! -t 0; ! read x", ["sed", "-i", "s/u2/U2/", "{files}"]],
)
def test_a_command_changes_the_slot(project, pool, request_of, command) -> None:
    editor = find_editor("command")
    assert editor.needs_directory
    with pool.take(project.tree) as slot:
        request = request_of(ToolProfile("command"), slot, command=command)
        result = editor.edit(request)
        assert result.captured is None and result.refusal is None
        assert result.report.exit_code == 0, result.report
        found = capture(slot, request.scratch, CaptureConfig())
    assert [change.path for change in found.changes] == [b"src/util.py"]
    assert found.objections == ()


@pytest.mark.parametrize("takes", [False, True])
def test_feedback_is_a_file(project, pool, request_of, takes: bool) -> None:
    profile = ToolProfile(
        "t", command="cp {feedback_file} $TMPDIR/../seen; cat {prompt_file}", takes_feedback=takes
    )
    feedback = Feedback("It is red.", (Finding("ruff", "E501", "line too long", b"src/a.py", 3),))
    with pool.take(project.tree) as slot:
        result = find_editor("command").edit(request_of(profile, slot, feedback))
        told = json.loads((slot.directory / "seen").read_text())
        shown = Path(result.report.stdout_log).read_text()
    assert find_editor("command").takes_feedback(profile) is takes
    if takes:
        assert told["reason"] == "It is red."
        assert told["findings"] == [
            {"path": "src/a.py", "line": 3, "tool": "ruff", "code": "E501",
             "message": "line too long"}
        ]  # fmt: skip  # a value in two rows
        assert "src/a.py: 3: ruff: E501: line too long" in shown
    else:
        assert told == {} and "red" not in shown


@pytest.mark.parametrize("command", [7, [1], {"a": 1}])
def test_a_command_that_is_none(project, pool, request_of, command) -> None:
    with pool.take(project.tree) as slot, pytest.raises(InputError, match="hello"):
        find_editor("command").edit(request_of(ToolProfile("command"), slot, command=command))


def test_a_command_without_a_slot_is_our_bug(request_of) -> None:
    with pytest.raises(BugError):
        find_editor("command").edit(request_of(ToolProfile("t", command="true")))


@pytest.mark.parametrize("mode", ["directory", "diff"])
def test_an_agent_learns_from_feedback(project, pool, request_of, tmp_path, mode: str) -> None:
    script = tmp_path / "agent.py"
    script.write_text(AGENT)
    profile = ToolProfile(
        "agent",
        driver="agent",
        command=(sys.executable, str(script), "{prompt_file}", mode),
        takes_feedback=True,
    )
    editor = find_editor("agent")
    assert editor.needs_directory and editor.takes_feedback(profile)
    finding = Finding("ruff", "E501", "line too long", b"src/util.py", 1)
    for feedback, text in ((None, b"worse\n"), (Feedback("Red.", (finding,)), b"better\n")):
        with pool.take(project.tree) as slot:
            request = request_of(profile, slot, feedback, mode=mode)
            result = editor.edit(request)
            assert result.report.exit_code == 0 and result.refusal is None
            found = result.captured or capture(slot, request.scratch, CaptureConfig())
            assert (result.captured is None) == (mode == "directory")
        assert [change.path for change in found.changes] == [b"src/util.py"]
        assert request.scratch.objects.read(found.changes[0].after.oid)[1] == text


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo Here is the patch:; echo '```'", Reason.FORMAT),
        ("head -c 5000000 /dev/zero", Reason.SIZE),
    ],
)
def test_an_agent_that_prints_no_diff_is_refused(
    project, pool, request_of, command, reason
) -> None:
    profile = ToolProfile("agent", driver="agent", command=command)
    with pool.take(project.tree) as slot:
        result = find_editor("agent").edit(request_of(profile, slot, mode="diff"))
    assert result.refusal.reason is reason and result.captured is None


def test_an_agent_that_prints_nothing_changed_nothing(project, pool, request_of) -> None:
    profile = ToolProfile("agent", driver="agent", command="true")
    with pool.take(project.tree) as slot:
        result = find_editor("agent").edit(request_of(profile, slot, mode="diff"))
    assert result.captured.changes == () and result.captured.tree == project.tree


def test_an_agents_failure_is_reported_not_applied(project, pool, request_of) -> None:
    profile = ToolProfile("agent", driver="agent", command="cat {prompt_file}; exit 2")
    with pool.take(project.tree) as slot:
        result = find_editor("agent").edit(request_of(profile, slot, mode="diff"))
        with pytest.raises(InputError, match="mode"):
            find_editor("agent").edit(request_of(profile, slot, mode="other"))
    assert (result.report.exit_code, result.captured, result.refusal) == (2, None, None)
