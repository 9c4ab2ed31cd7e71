"""Repositories to measure on, made by a fixed recipe."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rounds import timed

TRUE = "/bin/true"


@dataclass(frozen=True, slots=True)
class Task:
    """One patch to one file, and the bundle that asks for it."""

    ws_id: str
    patch: str
    bundle: Mapping[str, Any]


def git(directory: Path, *args: str) -> str:
    """Run git and return what it printed."""
    return timed(("git", *args), cwd=directory)[1].decode()


def make_repository(directory: Path, files: Mapping[str, str]) -> None:
    """A repository with one commit on ``main``."""
    write(directory, files)
    git(directory, "init", "--quiet", "--initial-branch=main")
    git(directory, "config", "gc.auto", "0")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "Start")


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Write files below a directory."""
    for path, content in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


def source_files(count: int, *, per_folder: int = 20) -> dict[str, str]:
    """Small Python files, ``per_folder`` in each folder."""
    return {
        f"src/p{number // per_folder:03d}/m{number:05d}.py": module(number, 12)
        for number in range(count)
    }


def module(number: int, lines: int) -> str:
    """A file whose content differs from every other one's."""
    body = "".join(
        f"def value_{line}():\n    return {number * 100 + line}\n\n\n" for line in range(lines)
    )
    return f'"""Module {number}."""\n\n\n{body}'


def patch_tasks(count: int, gate: Sequence[str]) -> list[Task]:
    """``count`` patches to files of ``source_files`` that have nothing in common."""
    tasks = []
    for number, path in enumerate(source_files(count)):
        ws_id = f"w{number:03d}"
        text = (
            f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,4 +1,4 @@\n"
            f'-"""Module {number}."""\n+"""Module {number}, revised."""\n \n \n def value_0():\n'
        )
        tasks.append(Task(ws_id, text, bundle(ws_id, path, gate)))
    return tasks


def bundle(ws_id: str, path: str, gate: Sequence[str]) -> dict[str, Any]:
    """A workstream that applies its patch and has one acceptance test."""
    return {
        "id": ws_id,
        "title": f"Revise {path}",
        "tasks": [f"Revise {path}."],
        "files_scope": [path],
        "tool": "patch",
        "tool_args": {"patch": f"workstreams/patches/{ws_id}.patch"},
        "acceptance_tests": [list(gate)],
    }


def workstream_files(tasks: Sequence[Task]) -> dict[str, str]:
    """The bundles and patches, as files of a repository."""
    files = {f"workstreams/{task.ws_id}.json": json.dumps(task.bundle) for task in tasks}
    return files | {f"workstreams/patches/{task.ws_id}.patch": task.patch for task in tasks}


def configuration(worktrees: Path, **more: Any) -> dict[str, str]:
    """A ``pipeline.yaml`` that keeps slots in a temporary folder; JSON is YAML too."""
    return {"pipeline.yaml": json.dumps({"paths": {"worktrees": str(worktrees)}, **more})}
