"""The editor of agents: it looks before the call, and believes nothing that it cannot see."""

import os
import socket
import sys
import threading
from dataclasses import replace

import pytest
from agent_player import Player, install

from pipeline.base.process import CancelToken
from pipeline.model.agent import AgentFailure, AgentSettings, Mode, Prompt
from pipeline.model.check import ToolProfile
from pipeline.model.config import CaptureConfig
from pipeline.model.patch import Reason
from pipeline.model.workstream import Workstream
from pipeline.work.capture import capture
from pipeline.work.editors import EditRequest, drivers, find_editor
from pipeline.work.editors.driven import DrivenEditor

KEY = "key-of-the-player-1"
DIFF = """Here it is.

```diff
--- a/src/util.py
+++ b/src/util.py
@@ -1,2 +1,2 @@
 u1
-u2
+{}
```
"""


@pytest.fixture
def programs(tmp_path):
    return install(tmp_path / "programs")


@pytest.fixture
def call(project, pool, programs, tmp_path):
    """Runs the editor on a prompt; gives its result and what then lies in the slot."""

    def edit(prompt, adapter=None, *, environ=None, agent=None, cancel=None, **fields):
        fields = {"timeout_s": 30.0, "takes_feedback": True, **fields}
        settings = AgentSettings(**{"api_key": "env:MY_KEY", **(agent or {})})
        profile = ToolProfile("player", driver="player", agent=settings, **fields)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        known = {"PATH": path, "HOME": "/home/somebody", "MY_KEY": KEY, "PLAYER_API_KEY": ""}
        with project.repo.scratch() as scratch, pool.take(project.tree, with_git=True) as slot:
            request = EditRequest(
                ws=Workstream("hello", files_scope=("src/util.py", "docs/**", "src/gone.py")),
                profile=profile,
                start_tree=project.tree,
                scratch=scratch,
                slot=slot,
                told=Prompt(prompt),
                logs=tmp_path / "logs" / "edit",
                cancel=cancel,
                environ={**known, **(environ or {})},
            )
            before = set(slot.directory.iterdir())
            result = DrivenEditor(adapter or Player()).edit(request)
            captured = result.captured
            if captured is None:
                captured = capture(slot, scratch, CaptureConfig())
        left = [*slot.tmp.iterdir(), *slot.home.iterdir(), *set(slot.directory.iterdir()) - before]
        assert left == [], "an agent's state stays behind"
        return result, [change.path for change in captured.changes]

    return edit


def test_agents_are_among_the_drivers() -> None:
    assert {"aider", "claude", "codex", "command"} <= set(drivers())
    assert isinstance(find_editor("aider"), DrivenEditor)
    assert find_editor("aider").takes_feedback(ToolProfile("a", takes_feedback=True))


def test_an_agent_edits_its_directory(call) -> None:
    result, changed = call("write src/util.py better\nread deep/settings\nvariable HOME")
    agent = result.report.agent
    assert changed == [b"src/util.py"] and result.refusal is None
    assert agent.failure is None and agent.usage.input_tokens == 7
    assert agent.details == {"version": "1.9.3", "mode": "prompt"}
    assert "files: src/util.py\n" in agent.answer
    assert "somebody" not in agent.answer


def test_what_a_profile_sets_is_above_what_the_adapter_sets(call) -> None:
    result, _ = call("variable PLAYER_KEY", env={"PLAYER_KEY": "mine"})
    assert "PLAYER_KEY=mine" in result.report.agent.answer


@pytest.mark.parametrize(
    ("fields", "failure", "words"),
    [
        ({"environ": {"PATH": "/nonexistent"}}, AgentFailure.MISSING, "not on PATH"),
        ({"environ": {"MY_KEY": ""}}, AgentFailure.NO_CREDENTIALS, "MY_KEY"),
        ({"agent": {"api_key": ""}}, AgentFailure.NO_CREDENTIALS, "PLAYER_API_KEY"),
        ({"agent": {"mode": "patch_review"}}, AgentFailure.MISSING, "mode"),
        ({"agent": {"base_url": "env:NO_ADDRESS"}}, AgentFailure.NO_CREDENTIALS, "NO_ADDRESS"),
    ],
)
def test_an_agent_that_is_not_fit_is_not_started(call, programs, fields, failure, words) -> None:
    result, changed = call("write src/util.py x", Player(modes=frozenset({Mode.PROMPT})), **fields)
    report = result.report
    assert report.is_fault and report.agent.failure is failure
    assert words in report.summary and words in report.agent.message
    assert changed == [] and not (programs / "started").exists()


@pytest.mark.parametrize("version", ["1.1.99", "1.10", "2.0.0", "none"])
def test_a_version_that_the_adapter_does_not_know_is_not_started(call, programs, version) -> None:
    install(programs, version)
    result, _ = call("write src/util.py x")
    assert result.report.agent.failure is AgentFailure.VERSION
    assert "from 1.2 to before 1.10" in result.report.summary
    assert not (programs / "started").exists()


def test_the_version_is_asked_once(call, programs) -> None:
    call("say a")
    call("say b")
    assert (programs / "asked").read_text() == "x"


def test_a_version_that_hangs_stops_with_the_run_and_holds_up_no_other(call, tmp_path) -> None:
    asked, cancel = tmp_path / "asked", CancelToken()
    hanging = (sys.executable, "-c", f"open({str(asked)!r}, 'x'); import time; time.sleep(600)")
    ended = []
    waiting = threading.Thread(
        target=lambda: ended.append(call("say a", cancel=cancel, version_command=hanging)),
        daemon=True,
    )
    waiting.start()
    while not asked.exists():
        assert waiting.is_alive()
        waiting.join(0.01)
    result, _ = call("say b")
    assert result.report.agent.answer == "b\n" and not ended
    cancel.cancel()
    waiting.join(30)
    assert not waiting.is_alive()
    report = ended[0][0].report
    assert (report.ending, report.agent.usage.cost_nusd) == ("cancelled", 0)


def test_a_server_that_nobody_runs_is_noticed_before_the_call(call, programs) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://somebody:secret-word@127.0.0.1:{probe.getsockname()[1]}/v1"
    result, _ = call("say hello", agent={"base_url": address})
    assert result.report.agent.failure is AgentFailure.UNREACHABLE
    assert "secret-word" not in result.report.summary
    assert not (programs / "started").exists()


@pytest.mark.parametrize(
    ("prompt", "read", "expected"),
    [
        ("sleep 60", None, AgentFailure.TIMEOUT),
        ("sleep 60", AgentFailure.NO_EDITS, AgentFailure.TIMEOUT),
        ("sleep 60", AgentFailure.UNREACHABLE, AgentFailure.UNREACHABLE),
        ("die", None, AgentFailure.CRASHED),
        ("say done", AgentFailure.REFUSED, AgentFailure.REFUSED),
    ],
)
def test_how_it_ended_counts_more_than_what_it_printed(call, prompt, read, expected) -> None:
    result, _ = call(f"say NOTHING TO DO: x\n{prompt}", Player(read), timeout_s=1.0)
    assert result.report.agent.failure is expected
    assert not result.report.agent.has_nothing_to_do


def test_a_reviewer_changes_nothing(call) -> None:
    prompt = "write src/util.py better\nsay It is fine."
    result, changed = call(prompt, agent={"mode": "patch_review"})
    assert changed == [] and result.refusal is None
    assert "It is fine." in result.report.agent.answer


def said(text: str) -> str:
    return "\n".join(f"say {line}" for line in text.splitlines())


def test_a_diff_in_the_answer_is_all_that_counts(call) -> None:
    prompt = f"write src/app.py a draft\n{said(DIFF.format('U2'))}"
    result, changed = call(prompt, agent={"mode": "patch_apply_validate"})
    assert changed == [b"src/util.py"] and b"+U2" in result.patch


def test_a_diff_that_does_not_fit_is_refused_with_a_reason(call) -> None:
    prompt = said(DIFF.format("U2").replace(" u1", " x1"))
    result, changed = call(prompt, agent={"mode": "patch_apply_validate"})
    assert changed == [] and result.refusal.reason is Reason.FORMAT
    assert result.refusal.message


def test_no_diff_where_nothing_is_to_be_done(call) -> None:
    prompt = "say NOTHING TO DO: it is done."
    result, changed = call(prompt, agent={"mode": "patch_apply_validate"})
    assert changed == [] and result.refusal is None
    assert result.report.agent.has_nothing_to_do


@pytest.mark.parametrize("secret", [KEY, "given-by-adapter", "pass%20word-1", "pass word-1"])
def test_secrets_are_in_no_log_and_no_answer(call, tmp_path, secret) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        address = f"http://me:pass%20word-1@127.0.0.1:{listener.getsockname()[1]}"
        result, _ = call(
            f"say It is {secret}.",
            Player(secrets=("given-by-adapter",)),
            environ={"MY_ADDRESS": address},
            agent={"base_url": "env:MY_ADDRESS"},
        )
    assert "It is [redacted]." in result.report.agent.answer
    for log in (tmp_path / "logs").iterdir():
        assert secret not in log.read_text()
    assert secret not in str(replace(result.report))


@pytest.mark.parametrize("path", ["src/util.py", "docs.md", f"{KEY}.txt"])
def test_a_change_that_holds_a_secret_is_refused(call, path) -> None:
    text = "x" if KEY in path else f"the key is {KEY}"
    result, _ = call(f"write {path} {text}")
    assert result.refusal.reason is Reason.SECRET and result.refusal.is_blocking
    assert KEY not in str(result.refusal)


def test_what_stood_there_before_is_no_leak(call) -> None:
    known = {"MY_KEY": "line 1\nline 2"}
    result, changed = call("write src/new.py x", environ=known)
    assert result.refusal is None and changed == [b"src/new.py"]


def test_a_diff_that_holds_a_secret_is_refused(call) -> None:
    prompt = said(DIFF.format(KEY))
    result, changed = call(prompt, agent={"mode": "patch_apply_validate"})
    assert changed == [] and result.refusal.reason is Reason.SECRET
