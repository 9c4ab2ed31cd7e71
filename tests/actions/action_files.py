"""Reads action.yml files: inputs, outputs, steps, the commands of ours that they call."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TOOL = "octo/git-pipeline"
"""What the repository of this project is called in workflows that are run here."""

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / "actions"
NAMES = tuple(sorted(path.parent.name for path in ACTIONS.glob("*/action.yml")))

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_INPUT = re.compile(r"\binputs\.([A-Za-z0-9_-]+)")
_OUTPUT = re.compile(r"\bsteps\.([A-Za-z0-9_-]+)\.outputs\.([A-Za-z0-9_-]+)")
_VARIABLE = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)")
_WRITTEN = re.compile(r'echo "([a-z-]+)=[^"]*" >> "\$GITHUB_OUTPUT"')
_PROGRAM = re.compile(r'"\$GITHUB_ACTION_PATH/([a-z_]+\.py)"')
_APPENDED = re.compile(r'"GITHUB_OUTPUT", f"([a-z-]+)=')
_EXPANSION = re.compile(r"\$\{[A-Z_]+:\+([^}]*)\}")


@dataclass(frozen=True)
class Action:
    """One action as its file has it."""

    name: str
    text: str

    @property
    def content(self) -> Mapping[str, Any]:
        value: Mapping[str, Any] = yaml.safe_load(self.text)
        return value

    @property
    def inputs(self) -> Mapping[str, Any]:
        return self.content.get("inputs", {})

    @property
    def outputs(self) -> Mapping[str, Any]:
        return self.content.get("outputs", {})

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        steps: list[Mapping[str, Any]] = self.content["runs"]["steps"]
        return steps

    @property
    def expressions(self) -> list[str]:
        return _EXPRESSION.findall(self.text)

    @property
    def conditions(self) -> list[str]:
        return [str(step["if"]) for step in self.steps if "if" in step]

    @property
    def used_inputs(self) -> set[str]:
        return {
            name for text in (*self.expressions, *self.conditions) for name in _INPUT.findall(text)
        }

    @property
    def asked_outputs(self) -> set[tuple[str, str]]:
        """Outputs of steps that are read, as (step, name)."""
        texts = (*self.expressions, *self.conditions)
        return {pair for text in texts for pair in _OUTPUT.findall(text)}

    @property
    def written_outputs(self) -> set[tuple[str, str]]:
        """Outputs that steps write: by ``pipeline outputs``, by ``echo``, or another action's."""
        found: set[tuple[str, str]] = set()
        for step in self.steps:
            if "id" in step and "run" in step:
                found |= {(step["id"], name) for name in written_by(step["run"])}
                for script in _PROGRAM.findall(step["run"]):
                    source = (ACTIONS / self.name / script).read_text(encoding="utf-8")
                    found |= {(step["id"], name) for name in _APPENDED.findall(source)}
        return found


def load(name: str) -> Action:
    return Action(name, (ACTIONS / name / "action.yml").read_text(encoding="utf-8"))


def written_by(script: str) -> set[str]:
    """The outputs that a script sets."""
    names = set(_WRITTEN.findall(script))
    for words in calls(script):
        if words[:1] == ["outputs"]:
            names |= {word.partition("=")[0] for word in words[1:]}
        if "--format=github" in words:
            names |= {"verdict", "sarif"}
    return names


def calls(script: str) -> Iterator[list[str]]:
    """Every call of ``pipeline`` in a script, as words; what expands on a condition counts."""
    plain = _EXPANSION.sub(lambda found: found[1], script)
    for line in plain.replace("\\\n", " ").splitlines():
        for part in re.split(r"\|\|?|&&|;", line):
            words = shlex.split(part, comments=True)
            if words[:1] == ["pipeline"]:
                yield words[1:]


def options_in(script: str) -> list[str]:
    """Options that a script puts into its array ``options``."""
    arrays = re.findall(r"options\+?=\(([^)]*)\)", _EXPANSION.sub(lambda found: found[1], script))
    return [word for array in arrays for word in shlex.split(array) if word.startswith("--")]


def variables(script: str) -> set[str]:
    return set(_VARIABLE.findall(script))


def tables(action: Action) -> str:
    """The inputs and outputs of an action as its README has to show them."""
    given = [
        (f"`{name}`", one["description"], _default(one)) for name, one in action.inputs.items()
    ]
    made = [(f"`{name}`", one["description"]) for name, one in action.outputs.items()]
    text = ""
    if given:
        text += _table("Inputs", ("input", "meaning", "default"), given)
    if made:
        text += _table("Outputs", ("output", "meaning"), made)
    return text


def _default(given: Mapping[str, Any]) -> str:
    if given["required"]:
        return "required"
    return f"`{given['default']}`" if given["default"] else "empty"


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return f"## {title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


def readme(name: str) -> str:
    return (ACTIONS / name / "README.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """The workflow of a README, with names in place of what people put in themselves."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", readme(name), re.DOTALL | re.MULTILINE)
    return text.replace("OWNER/git-pipeline/", f"{TOOL}/").replace("@COMMIT", f"@{COMMIT} # v0.1.0")
