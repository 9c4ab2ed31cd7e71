"""Six workstreams by three real agents at once, under a cap on costs, counted to the token."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from projects import TRUE
from sandboxes import ALL, PRICES, profile
from scripts import edits

from pipeline.cli import main
from pipeline.flow.budget import BudgetReachedError

# Claude Code counts by a price list of its own, in dollars for a million tokens.
_PRICES = {"aider": PRICES, "claude": {"input": 3.0, "output": 15.0}, "codex": PRICES}
_PLACES = (
    "shop/prices.py",
    "shop/names.py",
    "web/cart.js",
    "web/page.js",
    "tools/a.sh",
    "tools/b.sh",
)


def _cost_nusd(agent: str, sent: int, received: int) -> int:
    prices = {name: Fraction(str(price)) for name, price in _PRICES[agent].items()}
    return int((sent * prices["input"] + received * prices["output"]) * 1000)


@pytest.fixture
def six(shop, model):
    """The project, and by workstream its agent and the server behind it alone."""
    shop.commit({path: f"# {path}\nold\n" for path in _PLACES})
    behind = {}
    tools = {}
    for number, path in enumerate(_PLACES):
        agent, ws_id = ALL[number % 3], f"w{number}"
        server = model(*edits(agent, path, "old", f"new {number}"))
        behind[ws_id] = (agent, server)
        short = {"max_output_tokens": 200}  # or a single attempt is expected to cost too much
        tools[f"{agent}-{number}"] = profile(agent, server.address, agent=short)
        shop.bundle(ws_id, tool=f"{agent}-{number}", files_scope=[path], acceptance_tests=[TRUE])
    return shop, behind, tools


def test_totals_agree_with_the_servers_to_the_cent_and_the_token(six, capsys, monkeypatch) -> None:
    shop, behind, tools = six
    shop.configure(tools=tools, budget={"max_cost_total": 1.0, "expected_cost": 0.05})
    done = shop.run(overrides={"run.jobs": 3})
    assert {ws.status for ws in done.workstreams} == {"done"}, done.workstreams
    for number, path in enumerate(_PLACES):
        assert f"new {number}" in shop.show(done.integration_branch, path)
    logged = {ws_id: server.tokens() for ws_id, (_, server) in behind.items()}
    monkeypatch.chdir(Path(shop.top))
    assert main(["costs", done.run_id, "--by", "workstream", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in told["rows"]}
    for ws_id, (agent, _) in behind.items():
        assert (rows[ws_id]["input_tokens"], rows[ws_id]["output_tokens"]) == logged[ws_id]
        assert rows[ws_id]["cost_nusd"] == _cost_nusd(agent, *logged[ws_id])
    total = told["total"]
    assert total["input_tokens"] == sum(sent for sent, _ in logged.values())
    assert total["output_tokens"] == sum(received for _, received in logged.values())
    assert total["cost_nusd"] == sum(
        _cost_nusd(agent, *logged[ws_id]) for ws_id, (agent, _) in behind.items()
    )


def test_a_cap_is_passed_by_no_more_than_the_attempt_in_flight(six) -> None:
    shop, behind, tools = six
    cap = 0.02
    shop.configure(tools=tools, budget={"max_cost_total": cap})
    with pytest.raises(BudgetReachedError, match="limit"):
        shop.run(overrides={"run.jobs": 3})
    used = [_cost_nusd(agent, *server.tokens()) for agent, server in behind.values()]
    assert 0 < sum(used) <= cap * 1e9 + max(used)
    assert 0 in used, "nobody was held back"
    shop.configure(tools=tools, budget={"max_cost_total": 1.0, "expected_cost": 0.05})
    done = shop.run(overrides={"run.jobs": 3})
    assert {ws.status for ws in done.workstreams} == {"done"}
    assert all(server.journal() for _, server in behind.values())
