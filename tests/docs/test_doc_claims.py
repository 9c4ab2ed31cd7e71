"""What the documents say about the command line, exit codes, hooks and versions is so."""

import importlib
import re
import subprocess
import sys
import tomllib

import click
import pytest
import yaml
from doc_blocks import DOCUMENTS, ROOT, blocks, code_spans, commands, text_of

from pipeline import __version__
from pipeline.base.errors import ExitCode
from pipeline.cli import COMMANDS
from pipeline.model.event import EventType

OPERATING = "docs/operating.md"


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words after ``pipeline`` name, and the words that are left."""
    verb, rest = words[0], words[1:]
    command = importlib.import_module(f"pipeline.commands.{verb.replace('-', '_')}").command
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def options_of(command: click.Command) -> set[str]:
    names = {"--help"}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            names.update((*parameter.opts, *parameter.secondary_opts))
    return names


def said(document: str) -> list[str]:
    """Everything in a document that is typed as a command of ours."""
    lines = code_spans(text_of(document))
    for block in blocks(document):
        if block.language in ("sh", "console"):
            lines += [line for one in commands(block) for line in one.text.splitlines()]
    return [
        match[1]
        for line in lines
        for match in re.finditer(r"(?:^|&& |\| |; )(?:git )?pipeline ([a-z][^|;&]*)", line)
    ]


def wrong(line: str) -> str:
    """What is wrong with a command of ours, empty where nothing is."""
    words = line.partition(" -- ")[0].split()
    if words[0] not in COMMANDS:
        return f"there is no verb {words[0]}"
    command, rest = command_of(words)
    if words[0] == "hook":
        return ""
    for word in rest:
        option = re.match(r"--?[a-z][a-z-]*", word.lstrip("["))
        if option and option[0] not in options_of(command):
            return f"{' '.join(words[:2])} has no option {option[0]}"
    return ""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_named_exists(document: str) -> None:
    assert [found for line in said(document) if (found := wrong(line))] == []


def test_the_check_can_fail() -> None:
    assert wrong("frobnicate")
    assert wrong("run --frobnicate")
    assert not wrong("run --jobs 4")
    assert not wrong("exec --timeout 5 -- ls --all")


def test_every_verb_is_documented() -> None:
    typed = {line.split()[0] for line in said(OPERATING)}
    assert typed == set(COMMANDS)
    table = re.findall(r"^\| `pipeline ([a-z-]+)", text_of(OPERATING), re.MULTILINE)
    assert sorted(set(table)) == sorted(COMMANDS)


def test_every_subcommand_is_documented() -> None:
    text = text_of(OPERATING)
    for verb in COMMANDS:
        command, _ = command_of([verb])
        if isinstance(command, click.Group):
            for name in command.commands:
                assert f"`pipeline {verb} {name}" in text, f"{verb} {name}"


def test_every_option_of_run_is_documented() -> None:
    text = text_of(OPERATING)
    for option in options_of(command_of(["run"])[0]) - {"--help", "--no-reproducible", "--repo"}:
        assert f"`{option}" in text, option


def exit_codes(text: str) -> dict[int, str]:
    return {int(n): m for n, m in re.findall(r"^\| `?(\d+)`? \| (.+?) \|$", text, re.MULTILINE)}


def test_the_exit_codes_of_the_readme_are_those_of_the_code() -> None:
    assert set(exit_codes(text_of("README.md"))) == {int(code) for code in ExitCode}


def test_hooks_are_documented_both_ways() -> None:
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    named = set(re.findall(r"^\| `(pipeline-[a-z]+)`", text_of("docs/hooks.md"), re.MULTILINE))
    assert named == hooks


def test_the_changelog_has_this_version() -> None:
    assert re.search(rf"^## \[{re.escape(__version__)}\]", text_of("CHANGELOG.md"), re.MULTILINE)


IMPORTED_AS = {"pyyaml": "yaml", "python-ulid": "ulid"}


def imported() -> set[str]:
    """The packages that the engine imports anywhere, by the names of their modules."""
    line = re.compile(r"^\s*(?:import|from) (\w+)", re.MULTILINE)
    sources = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "hooks").glob("*.py")]
    return {name for path in sources for name in line.findall(path.read_text(encoding="utf-8"))}


def test_the_dependencies_explained_are_those_declared_and_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=~]", line)[0] for line in project["dependencies"]}
    explained = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text_of("README.md"), re.MULTILINE))
    assert explained == {name for name in declared if IMPORTED_AS.get(name, name) in imported()}


def test_sessions_are_documented_both_ways() -> None:
    """The noxfile is read, not run: nox need not be installed where the tests are."""
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = set(re.findall(r"^@nox\.session.*\ndef (\w+)", source, re.MULTILINE))
    table = re.findall(r"^\| `nox -s (\w+)", text_of("CONTRIBUTING.md"), re.MULTILINE)
    assert set(table) == sessions


def test_markers_are_documented() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = {m.split(":")[0] for m in config["tool"]["pytest"]["ini_options"]["markers"]}
    table = re.findall(
        r"^\| `([a-z]+)` \| (?:takes|drives|kills|replays|needs)", text_of("CONTRIBUTING.md"), re.M
    )
    assert set(table) == markers


def test_the_working_copy_has_what_tests_and_checks_need() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = config["dependency-groups"]
    needed = {re.split(r"[<>=~]", name)[0] for name in (*groups["test"], *groups["lint"])}
    (typed,) = (b.text for b in blocks("CONTRIBUTING.md") if "pip install -e" in b.text)
    assert needed - set(typed.split()) == set()


def test_event_types_that_are_asked_for_exist() -> None:
    asked = [
        kind
        for document in DOCUMENTS
        for line in said(document)
        for kind in re.findall(r"--type (\S+)", line)
    ]
    assert asked
    assert set(asked) <= {kind.value for kind in EventType}


def test_generated_documents_are_current() -> None:
    for script, target in (("docs/reference.py", "docs/reference.md"),):
        done = subprocess.run(
            [sys.executable, str(ROOT / script)], capture_output=True, text=True, check=True
        )
        assert done.stdout == text_of(target), f"run: python {script} > {target}"
