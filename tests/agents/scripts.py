"""The same changes as each agent's model has to answer them: with that agent's own tools."""

from typing import Any

from scripted_model import calls, says

Turns = tuple[dict[str, Any], ...]


def edits(agent: str, path: str, old: str, new: str) -> Turns:
    """The turns of a model that replaces a text in a file and says that it is done."""
    if agent == "aider":
        block = f"{path}\n```\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n```\n"
        return (says(f"I change it.\n\n{block}", sent=1234, received=45),)
    if agent == "claude":
        return (
            calls("Read", sent=1001, received=21, file_path=path),
            calls("Edit", sent=1102, received=32, file_path=path, old_string=old, new_string=new),
            says("It is changed.", sent=1203, received=13),
        )
    minus = "\n".join(f"-{line}" for line in old.splitlines())
    plus = "\n".join(f"+{line}" for line in new.splitlines())
    patch = f"*** Begin Patch\n*** Update File: {path}\n@@\n{minus}\n{plus}\n*** End Patch"
    return (
        calls("exec_command", sent=901, received=23, cmd=f"apply_patch <<'EOP'\n{patch}\nEOP\n"),
        says("It is changed.", sent=1205, received=11),
    )


def creates(agent: str, path: str, text: str) -> Turns:
    """The turns of a model that makes a file."""
    if agent == "aider":
        return (says(f"{path}\n```\n<<<<<<< SEARCH\n=======\n{text}\n>>>>>>> REPLACE\n```\n"),)
    if agent == "claude":
        return (calls("Write", file_path=path, content=f"{text}\n"), says("It is there."))
    plus = "\n".join(f"+{line}" for line in text.splitlines())
    patch = f"*** Begin Patch\n*** Add File: {path}\n{plus}\n*** End Patch"
    return (calls("exec_command", cmd=f"apply_patch <<'EOP'\n{patch}\nEOP\n"), says("Done."))


def misses(agent: str, path: str) -> Turns:
    """The turns of a model whose edit fits no place in the file, however often it is asked."""
    made = edits(agent, path, "    return nothing_that_is_there", "    return 1")
    return made * 4 if agent == "aider" else made


def talks(text: str) -> Turns:
    """The turn of a model that only says something."""
    return (says(text, sent=700, received=70),)
