"""What goes wrong with agents and the models behind them, each told apart and survived."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from projects import found
from sandboxes import ALL, DISCOUNT, FIXED, WRONG, agents_of, configure, profile, told
from scripted_model import Silent, breaks_off, fails, free_port
from scripts import edits, misses, talks

QUICK = {"backoff_s": 0.05, "retries": 1}
ONCE = {"max_attempts": 1}


def failures(project, done, ws_id: str = "discount") -> list[str | None]:
    return [agent["failure"] for agent in agents_of(project, done.run_id, ws_id)]


@pytest.mark.parametrize("agent", ALL)
def test_malformed_edits_are_told_and_made_well(shop, model, agent) -> None:
    server = model(*misses(agent, "shop/prices.py"), *edits(agent, "shop/prices.py", WRONG, FIXED))
    configure(shop, server, agent)
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert failures(shop, done) == ["malformed_edits", None]
    assert "malformed edits" in told(server, -1)


@pytest.mark.parametrize("agent", ALL)
def test_after_a_rate_limit_it_goes_on(shop, model, agent) -> None:
    limited = fails(429, "Rate limit reached for requests", "rate_limit_error")
    server = model(*[limited] * 2, *edits(agent, "shop/prices.py", WRONG, FIXED))
    configure(shop, server, agent, repair=QUICK)
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert [f for f in failures(shop, done) if f] in ([], ["rate_limit"])


@pytest.mark.parametrize(("agent", "limit_s"), [("aider", 25), ("claude", 60), ("codex", 60)])
def test_a_rate_limit_that_stays_is_told_apart_from_a_hang(shop, model, agent, limit_s) -> None:
    server = model(*[fails(429, "Rate limit reached for requests", "rate_limit_error")] * 40)
    shop.configure(
        tools={agent: profile(agent, server.address, timeout_s=limit_s)}, repair={"retries": 0}
    )
    shop.bundle("discount", tool=agent, circuit_breaker=ONCE, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "failed"
    assert failures(shop, done) == ["rate_limit"]


@pytest.mark.parametrize(
    ("agent", "error", "failure"),
    [
        (agent, error, failure)
        for agent in ALL
        for error, failure in (
            ((401, "Incorrect API key provided", "authentication_error"), "no_credentials"),
            ((400, "maximum context length is 8192 tokens", "invalid_request_error"),
             "context_too_long"),
            ((404, "The model `gpt-9` does not exist.", "not_found_error"), "model"),
        )
    ]
    + [
        (agent, (429, "You exceeded your current quota (insufficient_quota)", "insufficient_quota"),
         "quota")
        for agent in ("claude", "codex")  # aider waits for more than a minute
    ],
)  # fmt: skip  # a table of errors
def test_what_the_server_says_is_understood(shop, model, agent, error, failure) -> None:
    server = model(*[fails(*error)] * 12)
    configure(shop, server, agent, repair=QUICK)
    shop.bundle("discount", tool=agent, circuit_breaker=ONCE, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "failed"
    assert failures(shop, done)[0] == failure
    assert failure.replace("_", " ") in found(done, "discount").reason


@pytest.mark.parametrize("agent", ALL)
def test_a_server_that_is_not_there(shop, agent) -> None:
    shop.configure(tools={agent: profile(agent, f"http://127.0.0.1:{free_port()}")}, repair=QUICK)
    shop.bundle("discount", tool=agent, circuit_breaker=ONCE, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "failed"
    assert set(failures(shop, done)) == {"unreachable"}
    assert "base_url" in found(done, "discount").reason
    said = agents_of(shop, done.run_id, "discount")
    assert not any("version" in one["details"] for one in said)  # it was not even started


@pytest.mark.parametrize(("agent", "limit_s"), [("aider", 25), ("claude", 6), ("codex", 6)])
def test_a_server_that_never_answers(shop, agent, limit_s) -> None:
    with Silent() as server:
        shop.configure(tools={agent: profile(agent, server.address, timeout_s=limit_s)})
        shop.bundle("discount", tool=agent, circuit_breaker=ONCE, **DISCOUNT)
        done = shop.run()
        assert server.is_asked
    assert found(done, "discount").status == "failed"
    assert failures(shop, done) == ["timeout"]


@pytest.mark.parametrize("agent", ALL)
def test_an_agent_that_is_killed_in_the_middle(shop, agent) -> None:
    with Silent() as server, killed_when_it_asks(shop, server):
        shop.configure(tools={agent: profile(agent, server.address)})
        shop.bundle("discount", tool=agent, circuit_breaker=ONCE, **DISCOUNT)
        done = shop.run()
    assert found(done, "discount").status == "failed"
    assert failures(shop, done) == ["crashed"]


@pytest.mark.parametrize("agent", ALL)
def test_a_server_that_breaks_off(shop, model, agent) -> None:
    server = model(breaks_off("never"), *edits(agent, "shop/prices.py", WRONG, FIXED))
    configure(shop, server, agent, repair=QUICK)
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", (found(done, "discount"), failures(shop, done))


@pytest.mark.parametrize(("first", "second"), [("codex", "claude"), ("claude", "codex")])
def test_another_agent_is_asked_where_one_cannot(shop, model, first, second) -> None:
    broken = model(*[fails(401, "Incorrect API key provided", "authentication_error")] * 9)
    server = model(*edits(second, "shop/prices.py", WRONG, FIXED))
    shop.configure(
        tools={first: profile(first, broken.address), second: profile(second, server.address)},
        routing={"fallback": {first: [second]}},
        repair=QUICK,
    )
    shop.bundle("discount", tool=first, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    assert failures(shop, done) == ["no_credentials", None]


def test_an_agent_that_is_not_installed_is_named_and_the_others_go_on(
    shop, model, tmp_path
) -> None:
    server = model(*talks("never asked"))
    (tmp_path / "programs/claude").unlink()
    configure(shop, server, "claude")
    shop.bundle("discount", tool="claude", **DISCOUNT)
    shop.writes("other", "b.txt", "changed\n")
    done = shop.run()
    assert found(done, "other").status == "done"
    assert found(done, "discount").status == "failed"
    assert "not on PATH" in found(done, "discount").reason
    assert server.journal() == []


@contextmanager
def killed_when_it_asks(project, server: Silent) -> Iterator[None]:
    """Kill every process of an agent as soon as one has connected to its model."""
    is_over = threading.Event()

    def wait_and_kill() -> None:
        while not server.is_asked and not is_over.wait(0.05):
            pass
        for process in psutil.Process().children(recursive=True):
            try:
                where = process.cwd()
            except psutil.Error:
                continue
            if where.startswith(f"{project.slots}{os.sep}") and where.endswith("/tree"):
                process.kill()

    thread = threading.Thread(target=wait_and_kill)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
