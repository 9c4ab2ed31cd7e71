"""What ``pipeline init --pre-commit`` and ``--nox`` write, or show where there is a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import __version__
from pipeline.commands.init_source import ToolSource

PRE_COMMIT = Path(".pre-commit-config.yaml")
NOXFILE = Path("noxfile.py")

_HOOKS = {
    "pipeline-validate": r"files: ^(workstreams/.*\.(json|ya?ml)|pipeline\.(ya?ml|json))$",
    "pipeline-scope": "always_run: true\n        pass_filenames: false",
    "pipeline-patch": r"files: \.(patch|diff)$",
}

_SESSION = '''\
@nox.session
def pipeline(session: nox.Session) -> None:
    """Run the workstreams; what stands after `--` is another command: `-- show-run`."""
    session.install(@REQUIREMENT@)
    session.run("pipeline", *(session.posargs or ["run"]))
'''
_FILE = '''\
"""Sessions of this repository: `nox -s pipeline` runs its workstreams."""

import nox


'''


@dataclass(frozen=True, slots=True)
class Addition:
    """A file to write where there is none, and what to add where there is one."""

    path: Path
    text: str
    block: str
    where: str


def pre_commit(source: ToolSource | None) -> Addition:
    """The three hooks: from git-pipeline's repository, else by the installed command."""
    block = "\n".join(_repository(source) if source else _local()) + "\n"
    return Addition(PRE_COMMIT, f"repos:\n{block}", block, "below `repos:`")


def _repository(source: ToolSource) -> Iterator[str]:
    yield f"  - repo: {source.url}"
    yield f"    rev: {source.commit} # {__version__}"
    yield "    hooks:"
    yield from (f"      - id: {name}" for name in _HOOKS)


def _local() -> Iterator[str]:
    yield "  - repo: local"
    yield "    hooks:"
    for name, rest in _HOOKS.items():
        yield f"      - id: {name}"
        yield f"        name: {name}"
        yield f"        entry: pipeline hook {name}"
        yield "        language: system # the `pipeline` that is on PATH"
        yield f"        {rest}"


def nox_session(source: ToolSource | None) -> Addition:
    """The session ``pipeline``, which installs this very version."""
    requirement = source.requirement if source else f"git-pipeline=={__version__}"
    block = _SESSION.replace("@REQUIREMENT@", f'"{requirement}"')
    return Addition(NOXFILE, _FILE + block, block, "at its end")
