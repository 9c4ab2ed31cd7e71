"""Six workstreams, three agents at once, a cap on the costs: what is booked is what was sent."""

import pytest
from projects import found
from sandboxes import agents_of, profile
from scripts import edits

from pipeline.base.errors import InterruptedRunError
from pipeline.model.states import RunState

# Its agent, its file, a line of it, and what is put after that line.
WORK = {
    "one": ("aider", "shop/prices.py", "    return sum(prices) - discount", "  # in cents"),
    "two": ("claude", "shop/stock.py", "    left = stock[name] - count", "  # may be less"),
    "three": ("codex", "shop/__init__.py", '"""A small shop."""', "  # of ours"),
    "four": ("aider", "web/cart.js", "  return Object.values(cart).length;", " // kinds"),
    "five": ("claude", "tools/backup.sh", "set -eu", "  # stop early"),
    "six": ("codex", "tools/Backup.ps1", '$ErrorActionPreference = "Stop"', "  # early"),
}
NUSD = {"aider": (2000, 8000), "claude": (3000, 15000), "codex": (2000, 8000)}
CAP = 0.025


@pytest.fixture
def servers(shop, model):
    """A server for each workstream, so that every one has its own script and its own log."""
    made, tools = {}, {}
    for ws_id, (agent, path, line, more) in WORK.items():
        made[ws_id] = model(*edits(agent, path, line, line + more))
        tools[ws_id] = profile(agent, made[ws_id].address, agent={"max_output_tokens": 500})
        shop.bundle(ws_id, tool=ws_id, tasks=["Change it."], files_scope=[path])
    shop.configure(tools=tools, budget={"max_cost_total": CAP})
    return made


def price(ws_id: str, server) -> int:
    """What the requests that a server answered cost, in billionths of a dollar."""
    each, tokens = NUSD[WORK[ws_id][0]], server.tokens()
    return sum(one * number for one, number in zip(each, tokens, strict=True))


def test_totals_are_those_of_the_servers(shop, model, servers) -> None:
    shop.settings["budget"] = {"max_cost_total": 1.0}
    shop.configure()
    done = shop.run(overrides={"run.jobs": 3})
    for ws_id, server in servers.items():
        assert found(done, ws_id).status == "done", found(done, ws_id)
        (outcome,) = agents_of(shop, done.run_id, ws_id)
        usage = outcome["usage"]
        assert (usage["input_tokens"], usage["output_tokens"]) == server.tokens(), ws_id
        assert usage["requests"] == len(server.journal()), ws_id
        assert usage["cost_nusd"] == price(ws_id, server), ws_id


def test_a_cap_is_passed_by_no_more_than_one_attempt(shop, servers) -> None:
    with pytest.raises(InterruptedRunError, match="max_cost_total"):
        shop.run(overrides={"run.jobs": 1})
    with shop.records() as records:
        (run,) = records.runs()
        booked = {
            ws_id: sum(
                a.details["agent"]["usage"]["cost_nusd"]
                for a in records.attempts(run.run_id, ws_id)
                if "agent" in a.details
            )
            for ws_id in servers
        }
    assert run.state is RunState.INTERRUPTED
    assert booked == {ws_id: price(ws_id, server) for ws_id, server in servers.items()}
    # An agent that asks more often than foreseen may pass it, by that one attempt only.
    assert 0 < sum(booked.values()) <= CAP * 1_000_000_000 + max(booked.values())
    assert 0 in booked.values()
