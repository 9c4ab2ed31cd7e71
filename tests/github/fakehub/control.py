"""What tests may do to a running fake, as JSON posted below `/_fake/`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import events, runs
from .failures import failure
from .state import Comment
from .world import World

if TYPE_CHECKING:
    from .server import Server

Control = Callable[[World, dict[str, Any]], Any]


def answer(server: "Server", name: str, body: bytes) -> tuple[int, bytes, str]:
    """Status, content and type of the answer to a control request."""
    values = json.loads(body) if body else {}
    try:
        if name == "worlds":
            found: Any = _another(server, values)
        elif name == "close":
            found = _close(server)
        elif name == "event":
            with server.world.lock:
                found = _event(server, values)
        else:
            with server.world.lock:
                found = _CONTROLS[name](server.world, values)
        status = 200
    except Exception as error:  # noqa: BLE001 - told to the test that asked, who raises it there
        status, found = 400, {"error": repr(error)}
    return status, json.dumps(found, default=str).encode(), "application/json"


def _another(server: "Server", values: dict[str, Any]) -> dict[str, str]:
    """A world of its own on a port of its own, in the same process."""
    made = type(server)(world_from(values))
    made.start()
    return {"url": made.url}


def _close(server: "Server") -> dict[str, str]:
    server.shutdown_soon()
    return {}


def world_from(values: dict[str, Any]) -> World:
    """A world with a repository and a token, from the values that `starting.start` takes."""
    world = World(Path(values["folder"]))
    world.add_repository(
        values["repo"],
        private=values.get("private", False),
        files=values.get("files"),
        default_branch=values.get("default_branch", "main"),
        collaborators=values.get("collaborators"),
    )
    world.add_token(values["token"], rights=values.get("rights"), login=values.get("login", ""))
    return world


def _add_token(world: World, values: dict[str, Any]) -> dict[str, str]:
    return {"name": world.add_token(values.pop("value"), **values).name}


def _add_repository(world: World, values: dict[str, Any]) -> dict[str, str]:
    repo = world.add_repository(values.pop("full_name"), **values)
    return {"bare": str(repo.bare.path)}


def _fail(world: World, values: dict[str, Any]) -> None:
    world.failures.append(failure(**values))


def _limit(world: World, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(world.limits, name, value)


def _collaborator(world: World, values: dict[str, Any]) -> None:
    repo = world.repositories[values["repo"].lower()]
    repo.collaborators[values["login"]] = values["role"]


def _settings(world: World, values: dict[str, Any]) -> None:
    """Switch what an owner can; see `state.Settings`."""
    settings = world.repositories[values["repo"].lower()].settings
    for name, value in values["settings"].items():
        setattr(settings, name, value)


def _commit(world: World, values: dict[str, Any]) -> dict[str, str]:
    """A commit that somebody else pushes."""
    repo = world.repositories[values["repo"].lower()]
    sha = repo.bare.commit_files(
        values["ref"],
        values["files"],
        values["message"],
        start=f"refs/heads/{repo.default_branch}",
    )
    world.notice_pushes(repo)
    return {"sha": sha}


def _comments(world: World, values: dict[str, Any]) -> list[int]:
    repo, made = world.repositories[values["repo"].lower()], []
    for body in values["bodies"]:
        one = Comment(world.new_id(), values["number"], body, values["login"])
        repo.comments[one.id] = one
        made.append(one.id)
    return made


def _run(world: World, values: dict[str, Any]) -> Any:
    return runs.add_run(world, world.repositories[values.pop("repo").lower()], values)


def _artifact(world: World, values: dict[str, Any]) -> Any:
    repo = world.repositories[values["repo"].lower()]
    return runs.add_artifact(world, repo, values["name"], values["files"], values["run"])


def _change(world: World, values: dict[str, Any]) -> None:
    """Set fields of a record: ``kind`` is a field of the repository's, ``id`` a key in it."""
    record = getattr(world.repositories[values["repo"].lower()], values["kind"])[values["id"]]
    for name, value in values["fields"].items():
        if isinstance(record, dict):
            record[name] = value
        else:
            setattr(record, name, value)


def _event(server: "Server", values: dict[str, Any]) -> dict[str, Any]:
    return events.payload(server.world, server.url, values.pop("event"), values)


_CONTROLS: dict[str, Control] = {
    "log": lambda world, _: [asdict(one) for one in world.log],
    "clear-log": lambda world, _: world.log.clear(),
    "violations": lambda world, _: world.violations,
    "forgive": lambda world, _: world.violations.clear(),
    "state": lambda world, _: world.dump(),
    "heal": lambda world, _: world.failures.clear(),
    "fail": _fail,
    "limit": _limit,
    "token": _add_token,
    "repository": _add_repository,
    "collaborator": _collaborator,
    "commit": _commit,
    "settings": _settings,
    "comments": _comments,
    "run": _run,
    "artifact": _artifact,
    "change": _change,
}
