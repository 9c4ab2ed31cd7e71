"""What can drive an EDIT: a table of editors, each a small module."""

from collections.abc import Mapping

from pipeline.base.errors import InputError
from pipeline.work.editors.agent import AgentEditor
from pipeline.work.editors.command import CommandEditor
from pipeline.work.editors.patch import PatchEditor
from pipeline.work.editors.protocol import Editor, EditRequest, EditResult

TABLE: Mapping[str, Editor] = {
    "agent": AgentEditor(),
    "command": CommandEditor(),
    "patch": PatchEditor(),
}

__all__ = ["TABLE", "EditRequest", "EditResult", "Editor", "find_editor"]


def find_editor(driver: str) -> Editor:
    """The editor of a tool profile's ``driver``; InputError where there is none."""
    editor = TABLE.get(driver)
    if editor is None:
        editor = _driven(driver)
    if editor is None:
        raise InputError(
            f"No editor is called {driver!r}.",
            remedy=f"A tool's `driver` is one of: {', '.join(drivers())}.",
        )
    return editor


def drivers() -> tuple[str, ...]:
    """The names of all editors, those of agents with them."""
    from pipeline.work.agents import ADAPTERS

    return tuple(sorted({*TABLE, *ADAPTERS}))


def _driven(driver: str) -> Editor | None:
    """The editor of an agent; what it needs is imported by runs with agents only."""
    from pipeline.work.agents import ADAPTERS

    if driver not in ADAPTERS:
        return None
    from pipeline.work.editors.driven import DrivenEditor

    return DrivenEditor(ADAPTERS[driver])
