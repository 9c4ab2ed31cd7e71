"""Copilot, Gemini CLI, OpenCode and a program of one's own in whole runs, without an account.

The model behind them is scripted; nothing of GitHub's, Google's or OpenCode's own services is
reached, so what those add (accounts, quotas, catalogues of models) is not tried here.
"""

import json
import sys

import pytest
from projects import found
from sandboxes import DISCOUNT, FIXED, KEY, KEY_NAME, PRICES, WRONG, agents_of, told
from scripted_model import calls, fails, free_port, says

OTHERS = ("copilot", "gemini", "opencode")
PATH = "shop/prices.py"
DIFF = f"""The discount is in per cent.

```diff
--- {PATH}
+++ {PATH}
@@
-{WRONG}
+{FIXED}
```
"""


@pytest.fixture(autouse=True)
def _others_on_path(_agents_on_path, agents_home, tmp_path) -> None:
    for name in OTHERS:
        (tmp_path / "programs" / name).symlink_to(agents_home / "node_modules/.bin" / name)


def profile(agent: str, address: str, **settings) -> dict:
    model = {"copilot": "gpt-4.1", "gemini": "gemini-2.5-flash", "opencode": "mock-model"}[agent]
    base = address if agent == "gemini" else f"{address}/v1"
    given = {"model": model, "base_url": base, "api_key": f"env:{KEY_NAME}", **settings}
    return {"driver": agent, "agent": given, "cost": PRICES, "timeout_s": 120}


def run(project, agent: str, address: str, *, attempts: int = 3, **settings):
    """Run one workstream; with one attempt where only the first outcome is looked at."""
    project.configure(tools={agent: profile(agent, address, **settings)}, repair={"retries": 0})
    limits = {"max_attempts": attempts}
    project.bundle("discount", tool=agent, circuit_breaker=limits, **DISCOUNT)
    done = project.run()
    return done, found(done, "discount"), agents_of(project, done.run_id, "discount")


def edit(agent: str, old: str = WRONG, new: str = FIXED, path: str = PATH) -> list:
    """The turns by which an agent's model edits a file, with the agent's own tools."""
    if agent == "copilot":
        return [calls("edit", path=path, old_str=old, new_str=new)]
    if agent == "gemini":
        replace = {"file_path": path, "instruction": "fix", "old_string": old, "new_string": new}
        return [calls("replace", **replace)]
    arguments = {"filePath": path, "oldString": old, "newString": new}
    return [calls("read", filePath=path), calls("edit", **arguments)]


@pytest.mark.parametrize("agent", OTHERS)
def test_an_edit_lands_and_its_tokens_are_those_of_the_server(shop, model, agent) -> None:
    server = model(*edit(agent), says("Done.", sent=700, received=9))
    done, workstream, outcomes = run(shop, agent, server.address)
    assert workstream.status == "done", (workstream, outcomes)
    assert FIXED in shop.show(done.integration_branch, PATH)
    usage = outcomes[0]["usage"]
    assert outcomes[0]["failure"] is None and usage["session_id"]
    assert (usage["input_tokens"], usage["output_tokens"]) == server.tokens()
    assert usage["requests"] == len(server.journal())
    if agent == "opencode":
        sent, received = server.tokens()
        assert usage["cost_nusd"] == (sent * 2 + received * 8) * 1000
    assert KEY not in json.dumps(outcomes)


@pytest.mark.parametrize("agent", OTHERS)
def test_a_diff_in_the_answer_lands_without_an_edit(shop, model, agent) -> None:
    server = model(says(DIFF))
    done, workstream, outcomes = run(shop, agent, server.address, mode="patch_apply_validate")
    assert workstream.status == "done", (workstream, outcomes)
    assert FIXED in shop.show(done.integration_branch, PATH)


@pytest.mark.parametrize("agent", OTHERS)
def test_edits_are_denied_to_who_is_asked_for_a_diff(shop, model, agent) -> None:
    server = model(*edit(agent), says(DIFF), says(DIFF))
    _, workstream, outcomes = run(shop, agent, server.address, mode="patch_apply_validate")
    assert workstream.status == "done", (workstream, outcomes)


@pytest.mark.parametrize("agent", OTHERS)
def test_an_agent_that_only_talks_is_told_so(shop, model, agent) -> None:
    talk = says("One should change the discount.")
    server = model(talk, *edit(agent), says("Done."))
    _, workstream, outcomes = run(shop, agent, server.address)
    assert workstream.status == "done", (workstream, outcomes)
    assert [outcome["failure"] for outcome in outcomes] == ["no_edits", None]


@pytest.mark.parametrize("agent", OTHERS)
def test_edits_that_do_not_fit_are_told_apart(shop, model, agent) -> None:
    wrong = edit(agent, old="no such line")
    server = model(*wrong, says("I could not."))
    _, workstream, outcomes = run(shop, agent, server.address, attempts=1)
    assert workstream.status != "done"
    assert outcomes[0]["failure"] == "malformed_edits"


@pytest.mark.parametrize("agent", OTHERS)
@pytest.mark.parametrize(
    ("turn", "failure"),
    [
        (fails(429, "Rate limit reached", "rate_limit_error"), "rate_limit"),
        (fails(429, "You exceeded your current quota.", "insufficient_quota"), "quota"),
        (fails(400, "This model's maximum context length is 9 tokens"), "context_too_long"),
    ],
)
def test_an_error_of_the_server_has_its_name(shop, model, agent, turn, failure) -> None:
    server = model(*[turn] * 12)
    _, workstream, outcomes = run(shop, agent, server.address, attempts=1)
    assert workstream.status != "done" and outcomes[0]["failure"] == failure


@pytest.mark.parametrize("agent", OTHERS)
def test_a_key_that_is_wrong_is_never_shown(shop, model, agent) -> None:
    server = model(says("unread"), key="sk-quite-another-key")
    _, workstream, outcomes = run(shop, agent, server.address, attempts=1)
    assert workstream.status != "done" and outcomes[0]["failure"] == "no_credentials"
    assert KEY not in json.dumps(outcomes)


@pytest.mark.parametrize("agent", OTHERS)
def test_nobody_answers(shop, agent) -> None:
    _, workstream, outcomes = run(shop, agent, f"http://127.0.0.1:{free_port()}", attempts=1)
    assert workstream.status != "done" and outcomes[0]["failure"] == "unreachable"


@pytest.mark.parametrize("agent", OTHERS)
def test_nothing_of_the_agent_s_lies_in_the_change(shop, model, agent) -> None:
    server = model(*edit(agent), says("Done."))
    done, _, _ = run(shop, agent, server.address)
    names = shop.git("diff", "--name-only", "main", done.integration_branch).split()
    assert names == [PATH]
    assert "Make the discount" in told(server, 0)


def test_a_program_of_one_s_own_prints_a_diff(shop) -> None:
    script = f"import sys; assert 'discount' in sys.stdin.read(); print({DIFF!r})"
    mine = {
        "driver": "agent",
        "type": "ai",
        "command": [sys.executable, "-S", "-c", script],
        "agent": {"mode": "patch_apply_validate"},
    }
    shop.configure(tools={"mine": mine})
    shop.bundle("discount", tool="mine", **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert FIXED in shop.show(done.integration_branch, PATH)
