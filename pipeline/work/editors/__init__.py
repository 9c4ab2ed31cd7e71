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
        raise InputError(
            f"No editor is called {driver!r}.",
            remedy=f"A tool's `driver` is one of: {', '.join(sorted(TABLE))}.",
        )
    return editor
