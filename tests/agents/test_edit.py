"""EDIT by real agents, whole runs: each with its own tools, against the same repository."""

import pytest
from projects import found
from sandboxes import PYTHON, agent_of, configure, files_of
from scripted_model import says

WANTED = "return sum(prices) * (100 - discount) // 100"
AIDER_EDIT = """The discount is in per cent.

shop/prices.py
```python
<<<<<<< SEARCH
    return sum(prices) - discount
=======
    return sum(prices) * (100 - discount) // 100
>>>>>>> REPLACE
```
"""
DISCOUNT = {
    "tasks": ["Make the discount of `total` a percentage."],
    "files_scope": ["shop/prices.py"],
    "acceptance_tests": [[*PYTHON, "tests/test_discount.py"]],
}


@pytest.fixture
def shop(new_project, monkeypatch):
    monkeypatch.setenv("SANDBOX_KEY", "sk-loop-back-0123456789")
    return new_project("shop", files_of("mixed"))


def test_aider_edits(shop, model) -> None:
    server = model(says(AIDER_EDIT, sent=1234, received=45))
    configure(shop, server, "aider")
    shop.bundle("discount", tool="aider", **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert WANTED in shop.show(done.integration_branch, "shop/prices.py")
    (agent,) = agent_of(shop, done.run_id, "discount")
    usage = agent["usage"]
    assert (usage["requests"], usage["input_tokens"], usage["output_tokens"]) == (1, 1234, 45)
    assert usage["cost_nusd"] == (1234 * 2 + 45 * 8) * 1000
    assert server.tokens() == (1234, 45)
    assert agent["failure"] is None
