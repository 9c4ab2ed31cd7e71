"""What actions use is declared, what they declare is used, and they call what exists."""

import importlib
import re

import click
import pytest
from action_files import NAMES, ROOT, Action, calls, load, options_in, variables

from pipeline.cli import COMMANDS

WANTED = {
    "setup", "validate", "static-gate", "runtime-gate", "run", "publish", "fix-ci", "review",
    "cleanup", "report", "deploy",
}  # fmt: skip  # a list of words reads better in rows
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
FROM_THE_RUNNER = {
    "GITHUB_ACTION_PATH", "GITHUB_OUTPUT", "RUNNER_TEMP", "GITHUB_WORKSPACE",
}  # fmt: skip  # a list of words reads better in rows
TOKENS = {"PIPELINE_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"}


def wrong_inputs(action: Action) -> list[str]:
    declared = set(action.inputs)
    return [
        *(f"inputs.{name} is not declared" for name in sorted(action.used_inputs - declared)),
        *(f"inputs.{name} is not used" for name in sorted(declared - action.used_inputs)),
    ]


def wrong_outputs(action: Action) -> list[str]:
    """Outputs that are read and not written; those of other actions are theirs."""
    foreign = {step["id"] for step in action.steps if "uses" in step and "id" in step}
    asked = {pair for pair in action.asked_outputs if pair[0] not in foreign}
    return [
        f"{step}: {name} is never written" for step, name in sorted(asked - action.written_outputs)
    ]


def wrong_uses(action: Action) -> list[str]:
    lines = [line.strip().removeprefix("- ") for line in action.text.splitlines()]
    return [line for line in lines if line.startswith("uses:") and not PINNED.fullmatch(line)]


def wrong_scripts(action: Action) -> list[str]:
    """Expressions in scripts, which the shell would run, and variables that nobody sets."""
    found = []
    for step in action.steps:
        script = step.get("run", "")
        if "${{" in script:
            found.append(f"{step['name']}: an expression in a script")
        unknown = variables(script) - set(step.get("env", {})) - FROM_THE_RUNNER
        found += [f"{step['name']}: ${name} is not in env" for name in sorted(unknown)]
        idle = set(step.get("env", {})) - variables(script) - TOKENS
        found += [f"{step['name']}: {name} is in env for nothing" for name in sorted(idle)]
        if script and step.get("shell") != "bash":
            found.append(f"{step['name']}: shell is not bash")
    return found


def command_of(words: list[str]) -> tuple[click.Command | None, list[str]]:
    verb, rest = words[0], words[1:]
    if verb not in COMMANDS:
        return None, rest
    command = importlib.import_module(f"pipeline.commands.{verb.replace('-', '_')}").command
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def wrong_calls(action: Action) -> list[str]:
    """Verbs and options that do not exist, and values that a choice does not allow."""
    found = []
    for step in action.steps:
        script = step.get("run", "")
        for words in calls(script):
            command, rest = command_of(words)
            if command is None:
                found.append(f"there is no verb {words[0]}")
                continue
            named = [word for word in rest if word.startswith("--") and word != "--"]
            if '"${options[@]}"' in script and words[0] != "outputs":
                named += options_in(script)
            found += [text for word in named if (text := wrong_option(command, word))]
            if isinstance(command, click.Group):
                found.append(f"{' '.join(words[:2])} is no command")
    return found


def wrong_option(command: click.Command, word: str) -> str:
    name, equals, value = word.partition("=")
    options = [one for one in command.params if isinstance(one, click.Option)]
    option = next((one for one in options if name in (*one.opts, *one.secondary_opts)), None)
    if option is None:
        return f"{command.name} has no option {name}"
    is_free = option._flag_needs_value  # click tells of a value that may be left out only so
    if option.is_flag is bool(equals) and not is_free:
        return f"{command.name} {name}: {'takes no' if equals else 'needs a'} value"
    is_fixed = equals and "$" not in value and isinstance(option.type, click.Choice)
    if is_fixed and value not in option.type.choices:
        return f"{command.name} {name} does not know {value}"
    return ""


def test_every_action_is_there() -> None:
    assert set(NAMES) == WANTED


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "wrong", [wrong_inputs, wrong_outputs, wrong_uses, wrong_scripts, wrong_calls]
)
def test_nothing_is_wrong(name: str, wrong: object) -> None:
    assert wrong(load(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_outputs_lead_somewhere_and_everything_is_described(name: str) -> None:
    action = load(name)
    for output in action.outputs.values():
        assert "${{" in output["value"] and output["description"]
    for given in action.inputs.values():
        assert given["description"] and isinstance(given["required"], bool)
        assert ("default" in given) is not given["required"]


@pytest.mark.parametrize("name", NAMES)
def test_no_token_is_an_input_and_none_is_on_a_command_line(name: str) -> None:
    action = load(name)
    assert not re.search(r"secrets\.|github\.token", action.text)
    for step in action.steps:
        assert not TOKENS & variables(step.get("run", ""))


def wrong_tokens(action: Action) -> list[str]:
    """Steps that read foreign files, or only write files, and still get a token."""
    return [
        step["name"]
        for step in action.steps
        for words in calls(step.get("run", ""))
        if words[0] in ("handover", "report")
        if {name for name, value in step.get("env", {}).items() if value == ""} < TOKENS
    ]


@pytest.mark.parametrize("name", ["publish", "fix-ci"])
def test_who_reads_what_was_handed_over_gets_no_token(name: str) -> None:
    assert wrong_tokens(load(name)) == []


PLANTED = [
    (wrong_tokens, "publish", '        GITHUB_TOKEN: ""\n        GH_TOKEN: ""\n', ""),
    (wrong_inputs, "run", "${{ inputs.only }}", "${{ inputs.onli }}"),
    (wrong_inputs, "run", "ONLY: ${{ inputs.only }}", "ONLY: everything"),
    (wrong_outputs, "run", "run-id=run_id status=status", "run-id=run_id"),
    (wrong_uses, "setup", "@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0", "@v7"),
    (wrong_uses, "setup", " # v7.0.0", ""),
    (wrong_scripts, "run", "for id in $ONLY", "for id in ${{ inputs.only }}"),
    (wrong_scripts, "run", "for id in $ONLY", "for id in $ONLI"),
    (wrong_calls, "validate", "pipeline validate", "pipeline validat"),
    (wrong_calls, "validate", "pipeline validate", "pipeline validate --frobnicate"),
    (wrong_calls, "run", "--jobs=$JOBS", "--jops=$JOBS"),
    (wrong_calls, "run", "--format=json", "--format=jason"),
    (wrong_calls, "run", "--format=json", "--format"),
]


@pytest.mark.parametrize(("wrong", "name", "old", "new"), PLANTED)
def test_the_check_can_fail(wrong: object, name: str, old: str, new: str) -> None:
    action = load(name)
    assert old in action.text
    assert wrong(Action(name, action.text.replace(old, new)))


def test_what_setup_pins_is_what_the_project_needs() -> None:
    """Everything that the package asks for has an exact version in the constraints."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extra = project["project"]["optional-dependencies"]["github"]
    needed = [*project["project"]["dependencies"], *extra, *project["build-system"]["requires"]]
    lines = (ROOT / "actions/setup/constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {re.split(r"[<>=~]", one)[0].lower() for one in needed} <= set(pins)
    assert all(re.fullmatch(r"\d+(\.\d+)*", version) for version in pins.values())
