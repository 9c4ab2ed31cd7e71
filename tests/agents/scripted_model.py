"""The model behind an agent, played: scripted answers on loopback, and a journal of requests."""

import json
import os
import re
import select
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
_START_S = 60


def says(text: str, *, sent: int = 1000, received: int = 50, **fields: Any) -> dict[str, Any]:
    """A turn of text."""
    return {"response": {"content": text, "usage": _usage(sent, received)}, **fields}


def calls(name: str, *, sent: int = 1000, received: int = 50, **arguments: Any) -> dict[str, Any]:
    """A turn that calls one of the agent's tools."""
    call = {"name": name, "arguments": arguments}
    return {"response": {"toolCalls": [call], "usage": _usage(sent, received)}}


def fails(status: int, message: str, kind: str = "error") -> dict[str, Any]:
    """A turn that is refused by the server."""
    return {"response": {"error": {"message": message, "type": kind}, "status": status}}


def breaks_off(text: str) -> dict[str, Any]:
    """A turn whose connection is closed before it is answered."""
    return {**says(text), "chaos": {"disconnectRate": 1}}


def _usage(sent: int, received: int) -> dict[str, int]:
    """The numbers as every provider spells them; the server takes those that it knows."""
    return {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "input_tokens": sent,
        "output_tokens": received,
    }


def in_turn(turns: Sequence[dict[str, Any]], **match: Any) -> list[dict[str, Any]]:
    """Fixtures that are served one after the other to the requests that ``match`` describes."""
    return [
        {**turn, "match": {"endpoint": "chat", **match, "sequenceIndex": number}}
        for number, turn in enumerate(turns)
    ]


@dataclass
class Model:
    """A running server: its address, and what was asked of it."""

    address: str
    process: subprocess.Popen[bytes]
    key: str = ""

    @property
    def openai(self) -> str:
        """The address as programs want it that add the path of an endpoint only."""
        return f"{self.address}/v1"

    def journal(self) -> list[dict[str, Any]]:
        """The requests, oldest first, each with ``body`` and ``response``."""
        request = urllib.request.Request(f"{self.address}/__aimock/journal")
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            entries: list[dict[str, Any]] = json.load(answer)
        return [entry for entry in entries if entry["method"] == "POST"]

    def prompts(self) -> list[str]:
        """What was asked, as the JSON of each request."""
        return [json.dumps(entry.get("body")) for entry in self.journal()]

    def tokens(self) -> tuple[int, int]:
        """The tokens sent and received that the script of the answered requests says."""
        usages = [
            (((entry["response"].get("fixture") or {}).get("response")) or {}).get("usage") or {}
            for entry in self.journal()
        ]
        return (
            sum(usage.get("prompt_tokens", 0) for usage in usages),
            sum(usage.get("completion_tokens", 0) for usage in usages),
        )

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_model(home: Path, folder: Path, fixtures: list[dict[str, Any]], key: str = "") -> Model:
    """Start a server on a free port that answers by these fixtures and fails for all else."""
    folder.mkdir(parents=True, exist_ok=True)
    script, log = folder / "fixtures.json", folder / "server.log"
    script.write_text(json.dumps({"fixtures": fixtures}))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    if key:
        env["AIMOCK_API_KEYS"] = key
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                str(home / "node_modules/.bin/llmock"),
                *("-p", "0", "-h", "127.0.0.1", "-f", str(script)),
                *("--strict", "--validate-on-load", "--log-level", "info"),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        found = _LISTENING.search(log.read_text(errors="replace"))
        if found:
            return Model(found[1], process, key)
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError(f"The model server did not start: {log.read_text(errors='replace')}")


@dataclass
class Silent:
    """A server that accepts connections and never answers."""

    listener: socket.socket = field(default_factory=socket.socket)
    accepted: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> "Silent":
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake the thread that waits for a connection.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.accepted:
            connection.close()

    @property
    def is_asked(self) -> bool:
        """Whether a request has come; a connection alone may be a look whether anybody is there."""
        readable, _, _ = select.select(self.accepted, (), (), 0) if self.accepted else ((), (), ())
        return any(connection.recv(1, socket.MSG_PEEK) for connection in readable)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                self.accepted.append(self.listener.accept()[0])
            except OSError:
                return


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
