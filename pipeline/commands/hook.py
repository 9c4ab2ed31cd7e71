"""``pipeline hook``: run one of the pre-commit hooks; what `.pre-commit-hooks.yaml` calls."""

import importlib

import click

from pipeline.commands import reading

HOOKS = ("pipeline-validate", "pipeline-scope", "pipeline-patch")
"""Hook ids; each is a module of the same name in ``hooks/``."""


@click.command(
    "hook",
    context_settings={"ignore_unknown_options": True},
    epilog=reading.examples(
        "pipeline hook pipeline-validate workstreams/add-login.json",
        "pipeline hook pipeline-patch fix.patch",
        "pipeline hook pipeline-scope",
    ),
)
@click.argument("name", type=click.Choice(HOOKS))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(name: str, arguments: tuple[str, ...]) -> int:
    """Run the hook NAME on files; exits 0 when they are fine and 1 when something was found."""
    module = importlib.import_module(f"pipeline.hooks.{name.replace('-', '_')}")
    code: int = module.main(list(arguments))
    return code
