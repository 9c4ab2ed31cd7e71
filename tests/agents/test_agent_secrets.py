"""Secrets in the environment, the configuration and the model's answers are kept nowhere."""

import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import closing

import pytest
from projects import Project, found
from sandboxes import ALL, DISCOUNT, FIXED, KEY, WRONG, agents_of, profile
from scripted_model import says
from scripts import edits

PASSWORD = "loop-Back7Password"
ELSEWHERE = "tok-elsewhere-9876543210"


def texts(value: object) -> Iterator[bytes]:
    """A stored value as it is, and unpacked where it is packed."""
    data = value if isinstance(value, bytes) else str(value).encode()
    yield data
    try:
        yield zlib.decompress(data)
    except zlib.error:
        return


def kept(project: Project) -> Iterator[tuple[str, bytes]]:
    """All that is left of a run, by where it is: files, rows of the database, git's objects."""
    for top in (project.top / ".pipeline", project.slots, project.top / ".git"):
        for path in sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield from ((str(path), text) for text in texts(path.read_bytes()))
    with closing(sqlite3.connect(project.layout.database)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f"SELECT * FROM {table}"):
                yield from ((table, text) for value in row for text in texts(value))
    objects = subprocess.run(
        ["git", "cat-file", "--batch", "--batch-all-objects"],
        cwd=project.top,
        capture_output=True,
        check=True,
    )
    yield "git", objects.stdout


def leaks(project: Project, planted: tuple[str, ...]) -> list[tuple[str, str]]:
    return [
        (secret, where)
        for where, text in kept(project)
        for secret in planted
        if secret.encode() in text
    ]


@pytest.mark.parametrize("agent", ALL)
def test_planted_secrets_are_found_nowhere(shop, model, agent, monkeypatch) -> None:
    # Claude Code refuses an address with a password.
    planted = (KEY, ELSEWHERE) if agent == "claude" else (KEY, ELSEWHERE, PASSWORD)
    aloud = f"Your secrets are {' and '.join(planted)}."
    server = model(
        *edits(agent, "shop/prices.py", WRONG, f"{WRONG}  # {KEY}"),
        *edits(agent, "shop/prices.py", WRONG, FIXED)[:-1],
        _aloud(agent, aloud),
    )
    address = server.address
    if PASSWORD in planted:
        address = address.replace("http://", f"http://someone:{PASSWORD}@")
    monkeypatch.setenv("SANDBOX_URL", address if agent == "claude" else f"{address}/v1")
    monkeypatch.setenv("ELSEWHERE", ELSEWHERE)
    tool = profile(agent, address, agent={"base_url": "env:SANDBOX_URL"})
    tool["env"] = {**tool.get("env", {}), "OTHER": "env:ELSEWHERE"}
    shop.configure(tools={agent: tool})
    shop.bundle("discount", tool=agent, **DISCOUNT)
    done = shop.run()
    assert found(done, "discount").status == "done", found(done, "discount")
    first, second = agents_of(shop, done.run_id, "discount")
    assert "[redacted]" in second["answer"]
    assert KEY not in shop.git("log", "--all", "-p")
    assert leaks(shop, planted) == []
    assert first["failure"] is None
    with shop.records() as records:
        attempts = records.attempts(done.run_id, "discount")
    assert "secret" in attempts[0].reason


def _aloud(agent: str, text: str) -> dict:
    if agent != "aider":
        return says(text)
    (turn,) = edits(agent, "shop/prices.py", WRONG, FIXED)
    return says(f"{text}\n\n{turn['response']['content']}")
