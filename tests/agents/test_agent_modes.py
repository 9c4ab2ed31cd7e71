"""Agents that may only answer, and agents that do more in their directory than edit."""

import pytest
from projects import found
from sandboxes import ALL, DISCOUNT, FIXED, WRONG, agents_of, configure, profile, told
from scripted_model import calls, says
from scripts import edits

# As models print it: counts that are wrong, words around it.
DIFF = f"""Here is the change:

```diff
--- a/shop/prices.py
+++ b/shop/prices.py
@@ -4,9 +4,9 @@
 def total(prices: list[int], discount: int = 0) -> int:
     \"\"\"What all of it costs together, less a discount in per cent.\"\"\"
-{WRONG}
+{FIXED}
```
"""


@pytest.mark.parametrize("agent", ALL)
def test_the_diff_of_an_answer_is_applied(shop, model, agent) -> None:
    misfit = DIFF.replace("What all of it costs", "What it costs")
    server = model(says(misfit), says(DIFF))
    tool = profile(agent, server.address, agent={"mode": "patch_apply_validate"})
    shop.configure(tools={agent: tool})
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert FIXED in shop.show(done.integration_branch, "shop/prices.py")
    first, second = agents_of(shop, done.run_id, "discount")
    assert first["failure"] is second["failure"] is None
    assert "shop/prices.py" in told(server, -1)
    with shop.records() as records:
        refused = records.attempts(done.run_id, "discount")[0]
    assert refused.reason[:40] in told(server, -1)


def test_commits_and_branches_of_an_agent_have_no_effect(shop, model) -> None:
    git = "git -c user.name=x -c user.email=x@x"
    commands = f"{git} checkout -b mine; {git} commit -q --allow-empty -m mine; {git} tag mine"
    server = model(
        calls("exec_command", cmd=commands), *edits("codex", "shop/prices.py", WRONG, FIXED)
    )
    configure(shop, server, "codex")
    shop.bundle("discount", tool="codex", **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert "mine" not in shop.refs()
    assert "mine" not in shop.git("log", "--all", "--format=%s")
    assert FIXED in shop.show(done.integration_branch, "shop/prices.py")


def test_what_an_agent_leaves_in_its_directory_is_judged(shop, model) -> None:
    """Everything that the agent's command wrote counts, also what it did not call an edit."""
    server = model(
        calls("exec_command", cmd="echo x > web/stray.js; echo done"),
        says("I looked around."),
        *edits("codex", "shop/prices.py", WRONG, FIXED),
    )
    configure(shop, server, "codex")
    shop.bundle("discount", tool="codex", **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert "web/stray.js" in told(server, -1)
    with pytest.raises(Exception, match="git"):
        shop.show(done.integration_branch, "web/stray.js")
