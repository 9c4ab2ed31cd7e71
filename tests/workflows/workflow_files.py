"""The project's workflows and actions as data, for tests that hold them against each other."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
PINS = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1",
    "actions/setup-python": "5fda3b95a4ea91299a34e894583c3862153e4b97",
    "actions/setup-node": "820762786026740c76f36085b0efc47a31fe5020",
    "actions/upload-artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
    "actions/download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
    "actions/create-github-app-token": "1b10c78c7865c340bc4f6099eb2f838309f1e8c3",
    "actions/attest-build-provenance": "a2bbfa25375fe432b6a289bc6b6cd05ecd0c4c32",
}


@lru_cache
def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def parse(text: str) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads the key ``on`` as true."""
    document = yaml.safe_load(text)
    return {("on" if key is True else key): value for key, value in document.items()}


@lru_cache
def workflow(name: str) -> dict[str, Any]:
    return parse(text_of(name))


@lru_cache
def action(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "actions" / name / "action.yml").read_text(encoding="utf-8"))


def jobs(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from document["jobs"].items()


def steps(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step with the id of its job."""
    for name, job in jobs(document):
        yield from ((name, step) for step in job.get("steps", ()))


def call_inputs(name: str) -> dict[str, Any]:
    """The inputs of a reusable workflow."""
    return workflow(name)["on"]["workflow_call"].get("inputs", {})


def rights(document: dict[str, Any]) -> dict[str, str]:
    """The most that any job of a workflow asks for, following the workflows that it calls."""
    wanted: dict[str, str] = {}
    for _, job in jobs(document):
        asked = dict(job.get("permissions") or {})
        if job.get("uses", "").startswith("$/"):
            asked |= rights(workflow(job["uses"].rpartition("/")[2]))
        for scope, right in asked.items():
            wanted[scope] = max(wanted.get(scope, "none"), right)  # "none" < "read" < "write"
    return wanted
