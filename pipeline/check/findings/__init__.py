"""Findings readers: from any tool's output to findings, by a table that plug-ins can extend."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.base.errors import InputError, UnfitError
from pipeline.check.findings import junit, lines, ruff, sarif
from pipeline.check.findings.reading import Reader, UnreadableOutputError
from pipeline.model.check import OutputFormat
from pipeline.model.finding import Finding

if TYPE_CHECKING:
    import pluggy

__all__ = [
    "PLUGIN_GROUP",
    "TABLE",
    "Reader",
    "UnreadableOutputError",
    "find_reader",
    "plugin_manager",
    "plugins",
]

TABLE: Mapping[str, Reader] = {
    OutputFormat.LINES: lines.read,
    OutputFormat.RUFF: ruff.read,
    OutputFormat.JUNIT: junit.read,
    OutputFormat.SARIF: sarif.read,
}
PLUGIN_GROUP = "git_pipeline"  # the entry-point group, and the name that hooks are marked with


def find_reader(name: str, *, manager: "pluggy.PluginManager | None" = None) -> Reader:
    """Return the reader of an output format: ours first, then those of installed plug-ins.

    A plug-in is a package with an entry point in the group ``git_pipeline``; its object has a
    function ``finding_readers()`` marked ``pluggy.HookimplMarker("git_pipeline")`` that returns
    a mapping from format names to readers. Raises InputError for a name that nobody reads.
    """
    if name in TABLE:
        return TABLE[name]
    extra: dict[str, Reader] = {}
    for mapping in (manager or plugins()).hook.finding_readers():
        extra.update(mapping)
    if name not in extra:
        known = ", ".join(sorted({OutputFormat.NONE.value, *map(str, TABLE), *extra}))
        raise InputError(
            f"No findings reader is called {name!r}.",
            remedy=f"Use one of {known}, or install the plug-in that reads it.",
        )
    return _guarded(name, extra[name])


@functools.cache
def plugins() -> "pluggy.PluginManager":
    """Return the manager of installed plug-ins; raises UnfitError when one cannot be loaded."""
    manager = plugin_manager()
    try:
        manager.load_setuptools_entrypoints(PLUGIN_GROUP)
    except Exception as error:  # a plug-in may raise anything when it is imported
        raise UnfitError(
            f"A findings plug-in cannot be loaded: {error}.",
            remedy=f"Repair or remove the package with the entry point in {PLUGIN_GROUP!r}.",
        ) from error
    return manager


def plugin_manager() -> "pluggy.PluginManager":
    """Return a manager that knows the hook and has no plug-in yet."""
    import pluggy

    manager = pluggy.PluginManager(PLUGIN_GROUP)
    specify = pluggy.HookspecMarker(PLUGIN_GROUP)

    class Specification:
        """What a plug-in may offer."""

        @staticmethod
        @specify
        def finding_readers() -> Mapping[str, Reader]:
            """Return readers by the name of the output format."""
            raise NotImplementedError  # a specification is never called

    manager.add_hookspecs(Specification)
    return manager


def _guarded(name: str, reader: Reader) -> Reader:
    """Return a plug-in's reader whose every failure is an unreadable output, not our bug."""

    def read(
        stdout: bytes, stderr: bytes, report: bytes | None, *, tool: str, root: bytes
    ) -> tuple[Finding, ...]:
        try:
            return tuple(reader(stdout, stderr, report, tool=tool, root=root))
        except UnreadableOutputError:
            raise
        except Exception as error:  # foreign code may raise anything
            raise UnreadableOutputError(f"the plug-in for {name} failed: {error!r}") from error

    return read
