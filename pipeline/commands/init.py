"""``pipeline init``: an example to start from, or what calls the pipeline; overwrites nothing."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from pipeline.base import console
from pipeline.base.errors import ExitCode, InputError
from pipeline.base.files import as_unfit, make_directory
from pipeline.base.git import Repository
from pipeline.commands import init_callers, init_hooks, init_source, reading, sources
from pipeline.planning.configuration import FILES
from pipeline.planning.documents import SUFFIXES
from pipeline.planning.problem import errors_of

CONFIGURATION = """\
# What a run depends on beside its bundles; everything here is optional.
# `pipeline config show` prints each effective value and where it comes from.

run:
  jobs: 0              # workstreams at work at once; 0: as many as there are cores

landing:
  mode: each           # each: every landed commit is green; batch: one gate run for many

# Checks that every workstream has to pass: `static` before `runtime`. The names are built-in
# tools; `{name: …, command: …}` is any command of yours.
#
# gates:
#   static: [ruff, ruff-format]
#   runtime: [pytest]
"""

EXAMPLE = """\
{
  "id": "example",
  "title": "Write a greeting",
  "description": "Shows what a bundle looks like: change it, or delete it.",
  "files_create": ["greetings/hello.txt"],
  "tasks": ["Create greetings/hello.txt with one friendly sentence."],
  "tool": "command",
  "tool_args": {
    "command": "mkdir -p greetings && echo 'Hello from a workstream.' > greetings/hello.txt"
  },
  "acceptance_tests": ["grep -q Hello greetings/hello.txt"]
}
"""


@click.command(
    "init",
    epilog=reading.examples(
        "pipeline init",
        "pipeline init --github --repository octo/git-pipeline --ref SHA",
        "pipeline init --pre-commit --nox",
    ),
)
@click.option("--github", "for_github", is_flag=True, help="Write workflows for GitHub instead.")
@click.option("--pre-commit", "for_hooks", is_flag=True, help="Write or show the hooks instead.")
@click.option("--nox", "for_nox", is_flag=True, help="Write or show a nox session instead.")
@click.option(
    "--repository",
    default="",
    metavar="OWNER/NAME",
    help="git-pipeline's own repository; where it was installed from by default.",
)
@click.option(
    "--ref",
    default="",
    metavar="SHA",
    help="The commit of git-pipeline to pin; that of this version by default.",
)
@reading.repo_option
def command(
    *, repo: Path, repository: str, ref: str, for_github: bool, for_hooks: bool, for_nox: bool
) -> int:
    """Write an example bundle and a configuration, each only where there is none yet.

    With --github, --pre-commit or --nox what calls the pipeline is written instead: workflows,
    hooks, a session. A file that is there is never changed: what to add to it is shown.
    """
    if (repository or ref) and not (for_github or for_hooks or for_nox):
        raise InputError(
            "--repository and --ref say what is pinned, and nothing would be.",
            remedy="Add --github, --pre-commit or --nox.",
        )
    with Repository.discover(repo) as repo_:
        top = reading.top_of(repo_)
        if not (for_github or for_hooks or for_nox):
            return _example(repo_, top)
    if for_github:
        _show(_workflows(top, init_source.find_source(repository, ref)))
    if for_hooks or for_nox:
        is_known = repository or ref or init_source.installed_source()
        source = init_source.find_source(repository, ref) if is_known else None
        if for_hooks:
            _show(_addition(top, init_hooks.pre_commit(source)))
        if for_nox:
            _show(_addition(top, init_hooks.nox_session(source)))
            if source is None:
                console.tell(
                    "note: It installs git-pipeline by name from your package index; where yours "
                    "is from elsewhere, name that in `session.install`."
                )
    return ExitCode.OK


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        console.emit(console.safe(line))


def _example(repository: Repository, top: Path) -> int:
    for line in (*_configuration(top), *_bundle(repository, top)):
        console.emit(line)
    problems = errors_of(sources.load_specification(repository).problems)
    for problem in problems:
        console.emit(console.safe(f"error: {problem}"))
    if problems:
        return ExitCode.BAD_INPUT
    console.emit("Next: `pipeline validate`, then `pipeline run`.")
    return ExitCode.OK


def _workflows(top: Path, source: init_source.ToolSource) -> Iterator[str]:
    folder = top / init_callers.FOLDER
    if not folder.resolve().is_relative_to(top.resolve()):
        raise InputError(
            f"{init_callers.FOLDER} leads out of the repository.",
            remedy="Make it a folder in the repository.",
        )
    watched = _watched(folder)
    make_directory(folder)
    for name, text in init_callers.callers(source, watched).items():
        yield _write(folder / name, top, text)
    yield f"They call {source.repository} at {source.commit}."
    yield from init_callers.NEXT.splitlines()


def _watched(folder: Path) -> list[str]:
    """The names of the repository's own workflows: what fix-ci mends when it fails."""
    import yaml

    names = []
    for path in sorted((*folder.glob("*.yml"), *folder.glob("*.yaml"))):
        if path.name in init_callers.CALLERS:
            continue
        try:
            said = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError, yaml.YAMLError):
            continue  # GitHub cannot run it either
        name = said.get("name") if isinstance(said, dict) else None
        names.append(str(name or f"{init_callers.FOLDER.as_posix()}/{path.name}"))
    return names or ["ci"]


def _addition(top: Path, addition: init_hooks.Addition) -> Iterator[str]:
    path = top / addition.path
    if not os.path.lexists(path):
        yield _write(path, top, addition.text)
        return
    yield f"Left {addition.path} as it is. Add this {addition.where}:"
    yield ""
    yield from addition.block.splitlines()


def _configuration(top: Path) -> Iterator[str]:
    present = [name for name in FILES if os.path.lexists(top / name)]
    yield f"Left {present[0]} as it is." if present else _write(top / FILES[0], top, CONFIGURATION)


def _bundle(repository: Repository, top: Path) -> Iterator[str]:
    folder = top / sources.read_config(repository).config.paths.workstreams
    shown = console.safe(os.fsencode(os.path.relpath(folder, top)))
    if not folder.resolve().is_relative_to(top.resolve()):
        raise InputError(
            f"The folder of bundles, {shown}, leads out of the repository.",
            remedy="Set paths.workstreams in pipeline.yaml to a folder in it.",
        )
    if folder.is_dir() and any(_is_bundle(entry) for entry in folder.iterdir()):
        yield f"Left {shown}/ as it is: it holds bundles."
        return
    make_directory(folder)
    yield _write(folder / "example.json", top, EXAMPLE)


def _is_bundle(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.startswith((".", "_"))


def _write(path: Path, top: Path, text: str) -> str:
    shown = console.safe(os.fsencode(path.relative_to(top)))
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return f"Left {shown} as it is."
    except OSError as error:
        raise as_unfit(error, path) from error
    return f"Wrote {shown}."
