"""A program without an adapter works in every mode, and what it prints is read as a model's."""

import os
import shlex
from pathlib import Path

import pytest

from pipeline.base.errors import InputError
from pipeline.model.agent import AgentFailure, AgentSettings, Mode, Prompt
from pipeline.model.check import ToolProfile, ToolType
from pipeline.model.patch import Reason
from pipeline.model.workstream import Workstream
from pipeline.work.editors import EditRequest, find_editor

ANSWER = "Here:\n\n```diff\n--- src/util.py\n+++ src/util.py\n@@\n u1\n-u2\n+U2\n```\n"


@pytest.fixture
def edit(project, pool, tmp_path: Path):
    def run(command: str, profile_mode: str = "prompt", *, env=None, driver="agent", **args):
        profile = ToolProfile(
            "mine", ToolType.AI, driver=driver, command=command,
            agent=AgentSettings(mode=profile_mode), env=env or {},
        )  # fmt: skip
        ws = Workstream("w", files_scope=("src/**",), tool="mine", tool_args=args)
        with project.repo.scratch() as scratch, pool.take(project.tree) as slot:
            request = EditRequest(
                ws, profile, project.tree, scratch, slot, Prompt("Do it."),
                logs=tmp_path / "logs" / "edit", environ=os.environ,
            )  # fmt: skip
            result = find_editor(driver).edit(request)
            changed = [
                (change.path, scratch.objects.read(change.after.oid)[1])
                for change in (result.captured.changes if result.captured else ())
            ]
            return result, changed

    return run


def printing(text: str) -> str:
    return f"printf %s {shlex.quote(text)}"


@pytest.mark.parametrize(
    ("mode", "args"),
    [
        ("patch_apply_validate", {}),
        ("prompt", {"mode": "diff"}),
        ("patch_review", {"mode": "patch_apply_validate"}),
    ],
)
def test_a_diff_is_taken_out_of_the_answer(edit, mode: str, args) -> None:
    result, changed = edit(f"echo draft > src/app.py; {printing(ANSWER)}", mode, **args)
    assert changed == [(b"src/util.py", b"u1\nU2\n")]
    assert result.patch.startswith(b"diff --git a/src/util.py b/src/util.py\n")


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        (ANSWER.replace("u1", "u7"), Reason.FORMAT, "'u7' is not in the file"),
        ("I would do it.", Reason.FORMAT, "no diff"),
        (ANSWER.replace("src/util.py", "link"), Reason.FORMAT, "no file link"),
        (ANSWER.replace("u1\n-u2", "u1\n-[redacted]"), Reason.SECRET, "secret"),
    ],
)
def test_an_answer_that_is_not_taken_says_why(edit, answer, reason, said) -> None:
    result, changed = edit(printing(answer), Mode.PATCH_APPLY_VALIDATE)
    assert (result.refusal.reason, changed) == (reason, [])
    assert said in result.refusal.message


@pytest.mark.parametrize(
    "command",
    [
        "echo the-key-of-mine > src/util.py",
        "touch the-key-of-mine",
        "echo the-key-of-mine > src/util.py; exit 1",
    ],
)
@pytest.mark.parametrize("driver", ["agent", "command"])
def test_a_secret_value_in_the_directory_is_refused(edit, command, driver) -> None:
    result, _ = edit(command, driver=driver, env={"MY_TOKEN": "the-key-of-mine"})
    assert result.refusal is not None and result.refusal.reason is Reason.SECRET
    assert "the-key-of-mine" not in str(result)


def test_a_diff_around_such_a_line_is_no_answer_that_nothing_is_to_be_done(edit) -> None:
    answer = "```diff\n--- src/util.py\n+++ src/util.py\n@@\n u1\n-u2\n+ NOTHING TO DO: x\n```\n"
    unmarked = answer.replace("+ NOTHING", "+U2\n NOTHING")  # a line of context, not of the answer
    for text in (answer, unmarked):
        result, _ = edit(printing(text), Mode.PATCH_APPLY_VALIDATE)
        assert result.report.agent is None


@pytest.mark.parametrize("mode", list(Mode))
def test_nothing_to_do_is_an_answer_in_every_mode(edit, mode) -> None:
    result, changed = edit(printing("NOTHING TO DO: it is so\n"), mode)
    assert result.report.agent.has_nothing_to_do and result.refusal is None and changed == []


def test_a_review_is_its_answer_whatever_lies_in_the_directory(edit) -> None:
    result, changed = edit("echo x > src/app.py; echo It is fine.", Mode.PATCH_REVIEW)
    assert result.report.agent.answer == "It is fine.\n"
    assert result.captured.changes == () and changed == []


def test_a_failure_is_read_from_the_errors(edit) -> None:
    result, _ = edit("echo HTTP 429 Too Many Requests >&2; exit 1")
    assert result.report.agent.failure is AgentFailure.RATE_LIMIT
    result, _ = edit("echo HTTP 429; exit 1")  # an answer may speak of such things
    assert result.report.agent is None


def test_much_output_is_no_fault_where_the_directory_counts(edit) -> None:
    result, _ = edit("head -c 5000000 /dev/zero")
    assert result.refusal is None


def test_a_mode_that_is_none(edit) -> None:
    with pytest.raises(InputError, match="patch_review"):
        edit("true", mode="other")
