"""EDIT and FIX by real agents in whole runs: each with its own tools, in one repository."""

import pytest
from projects import found
from sandboxes import ALL, DISCOUNT, FIXED, KEY, WRONG, agents_of, configure, told
from scripts import creates, edits, talks


@pytest.mark.parametrize("agent", ALL)
def test_an_edit_lands_and_its_tokens_are_those_of_the_server(shop, model, agent) -> None:
    server = model(*edits(agent, "shop/prices.py", WRONG, FIXED))
    configure(shop, server, agent)
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert FIXED in shop.show(done.integration_branch, "shop/prices.py")
    (outcome,) = agents_of(shop, done.run_id, "discount")
    usage = outcome["usage"]
    assert outcome["failure"] is None
    assert (usage["input_tokens"], usage["output_tokens"]) == server.tokens()
    assert usage["requests"] == len(server.journal())
    if agent == "aider":
        assert usage["cost_nusd"] == (1234 * 2 + 45 * 8) * 1000
    else:
        assert usage["session_id"]


@pytest.mark.parametrize("agent", ALL)
def test_a_red_gate_is_fixed_by_the_agent_that_is_told_of_it(shop, model, agent) -> None:
    half = FIXED.replace("(100 - discount) // 100", "discount // 100")
    server = model(
        *edits(agent, "shop/prices.py", WRONG, half),
        *edits(agent, "shop/prices.py", half, FIXED),
    )
    configure(shop, server, agent)
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert FIXED in shop.show(done.integration_branch, "shop/prices.py")
    assert len(agents_of(shop, done.run_id, "discount")) == 2
    assert "is 40, not 360" in told(server, -1)
    assert "is 40, not 360" not in told(server, 0)


@pytest.mark.parametrize("agent", ALL)
def test_an_edit_out_of_scope_is_thrown_away_and_told(shop, model, agent) -> None:
    server = model(
        *creates(agent, "web/stray.js", "let stray = 1;"),
        *edits(agent, "shop/prices.py", WRONG, FIXED),
    )
    configure(shop, server, agent)
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert "web/stray.js" not in shop.git("ls-tree", "-r", "--name-only", done.integration_branch)
    assert "web/stray.js" not in told(server, 0)
    assert "web/stray.js" in told(server, -1)


@pytest.mark.parametrize("agent", ALL)
def test_an_agent_that_only_talks_is_asked_again_and_then_failed(shop, model, agent) -> None:
    server = model(*talks("The discount should be a percentage.") * 3)
    configure(shop, server, agent)
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "failed"
    outcomes = agents_of(shop, done.run_id, "discount")
    assert {outcome["failure"] for outcome in outcomes} == {"no_edits"}
    assert "should be a percentage" in outcomes[0]["answer"]


@pytest.mark.parametrize("agent", ALL)
def test_nothing_to_do_is_believed_where_the_gates_agree(shop, model, agent) -> None:
    server = model(*talks("I looked.\n\nNOTHING TO DO: the total is right already."))
    configure(shop, server, agent)
    shop.bundle("total", tool=agent, **{**DISCOUNT, "acceptance_tests": [["true"]]})
    done = shop.run()
    assert found(done, "total").status == "done", found(done, "total")
    (outcome,) = agents_of(shop, done.run_id, "total")
    assert outcome["has_nothing_to_do"] is True


@pytest.mark.parametrize(
    ("agent", "change"),
    [
        ("aider", ("web/cart.js", "[name]: 1 }", "[name]: (cart[name] ?? 0) + 1 }")),
        ("claude", ("tools/backup.sh", 'cp "$1" "$1.bak"', 'cp -- "$1" "$1.bak"')),
        ("codex", ("tools/Backup.ps1", "param([string]$Path)", "param([Parameter()]$Path)")),
    ],
)
def test_other_languages_are_edited_as_well(shop, model, agent, change) -> None:
    path, old, new = change
    before = (shop.top / path).read_text()
    (line,) = [line for line in before.splitlines() if old in line]
    server = model(*edits(agent, path, line, line.replace(old, new)))
    configure(shop, server, agent)
    shop.bundle("other", tool=agent, tasks=["Change it."], files_scope=[path])
    done = shop.run()
    assert found(done, "other").status == "done", found(done, "other")
    assert shop.show(done.integration_branch, path) + "\n" == before.replace(old, new)


def test_the_key_is_needed_and_right(shop, model) -> None:
    server = model(*edits("claude", "shop/prices.py", WRONG, FIXED), key=KEY)
    configure(shop, server, "claude")
    shop.bundle("discount", tool="claude", **DISCOUNT)
    assert found(shop.run(), "discount").status == "done"
