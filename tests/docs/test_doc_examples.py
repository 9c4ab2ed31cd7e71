"""Every bundle, configuration and format that the documents show is valid as it stands."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from doc_blocks import DOCUMENTS, ROOT, Block, blocks
from doc_runner import environment
from projects import IDENTITY

from pipeline.base.schema import load, violations
from pipeline.model.glob import PatternError
from pipeline.model.scope import parse_scope

DATA = frozenset({"json", "yaml"})
NO_FORMAT_OF_OURS = frozenset({".pre-commit-config.yaml", "lefthook.yml"})


def data_blocks() -> list[Block]:
    return [block for name in DOCUMENTS for block in blocks(name) if block.language in DATA]


def parsed(block: Block) -> Any:
    return json.loads(block.text) if block.language == "json" else yaml.safe_load(block.text)


def format_of(block: Block) -> str | None:
    """The schema that a block is held to; ``name#/key`` is one key of a document."""
    if "is" in block.notes:
        return block.notes["is"]
    path = block.notes.get("file", "")
    if path.startswith("workstreams/"):
        return "workstream.v1.json"
    if path == "pipeline.yaml":
        return "pipeline_config.v1.json"
    return None


def complaints(block: Block) -> list[str]:
    """What is wrong with a block, as sentences."""
    wanted = format_of(block)
    if wanted is None:
        known = block.notes.get("file") in NO_FORMAT_OF_OURS
        return [] if known else ["a note has to say which format this is"]
    name, _, part = wanted.partition("#/")
    value = parsed(block)
    if part:
        value = {part: value[part]} if isinstance(value, dict) and part in value else {part: value}
        if "required" in load(name):
            return [str(v) for v in violations(name, value) if v.rule != "required"]
    return [str(violation) for violation in violations(name, value)]


def test_every_example_is_valid() -> None:
    assert len(data_blocks()) >= 8
    wrong = {block.place: found for block in data_blocks() if (found := complaints(block))}
    assert wrong == {}


def test_the_check_can_fail() -> None:
    def wrong(text: str, **notes: str) -> bool:
        return bool(complaints(Block("x.md", 1, "json", text, notes)))

    assert wrong("{}")
    assert wrong('{"id": "Bad Id", "tasks": ["a"]}', file="workstreams/a.json")
    assert not wrong('{"id": "good", "tasks": ["a"]}', file="workstreams/a.json")
    assert wrong('{"run": {"job": 1}}', file="pipeline.yaml")
    assert wrong('{"tools": {"a": {"kind": "ai"}}}', **{"is": "pipeline_config.v1.json#/tools"})


def test_hooks_in_examples_exist() -> None:
    ours = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    shown = [b for b in data_blocks() if b.notes.get("file") == ".pre-commit-config.yaml"]
    assert shown
    for block in shown:
        for repo in parsed(block)["repos"]:
            assert {hook["id"] for hook in repo["hooks"]} <= ours


def test_patterns_in_the_examples_folder_parse() -> None:
    paths = list((ROOT / "examples").glob("*/workstreams/*.*"))
    assert paths
    for path in paths:
        bundle = yaml.safe_load(path.read_text(encoding="utf-8"))
        for pattern in (*bundle.get("files_scope", ()), *bundle.get("files_create", ())):
            try:
                parse_scope(pattern)
            except PatternError as error:
                raise AssertionError(f"{path}: {error}") from error


def copied(name: str, tmp_path: Path) -> Path:
    top = tmp_path / "repository"
    shutil.copytree(ROOT / "examples" / name, top)
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "Begin"),
    ):
        env = {**os.environ, **IDENTITY}
        subprocess.run(["git", *command], cwd=top, env=env, check=True)
    return top


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "examples").iterdir()))
def test_every_example_repository_runs_to_its_end(name: str, tmp_path: Path) -> None:
    top = copied(name, tmp_path)
    bundles = {p.stem for p in (top / "workstreams").iterdir() if p.is_file()}
    done = subprocess.run(
        ["pipeline", "run", "--quiet", "--format", "json"],
        cwd=top,
        env=environment(top),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert {ws["id"]: ws["status"] for ws in summary["workstreams"]} == dict.fromkeys(
        bundles, "done"
    )


def test_the_example_has_a_bundle_for_each_driver() -> None:
    from pipeline.work.editors import TABLE

    config = yaml.safe_load((ROOT / "examples/shop/pipeline.yaml").read_text(encoding="utf-8"))
    drivers = {"patch": "patch", "command": "command"}
    drivers |= {name: tool["driver"] for name, tool in config["tools"].items()}
    used = set()
    for path in (ROOT / "examples/shop/workstreams").glob("*.*"):
        used.add(drivers[yaml.safe_load(path.read_text(encoding="utf-8")).get("tool", "command")])
    assert used == set(TABLE)
