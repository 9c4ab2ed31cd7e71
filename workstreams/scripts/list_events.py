"""Writes the types of events, as the engine has them, to the Markdown file named."""

import ast
import sys
from pathlib import Path

SOURCE = Path("pipeline/model/event.py")


def event_types() -> list[str]:
    """The values of ``EventType``, in the order of the source; the package is not imported."""
    (enum,) = (
        node
        for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == "EventType"
    )
    return [ast.literal_eval(node.value) for node in enum.body if isinstance(node, ast.Assign)]


def main(target: Path) -> None:
    """Write the document."""
    lines = [
        "# Types of events",
        "",
        "What `type` may be in a line of `events.jsonl`; `schema/event.v1.json` has the rest.",
        "",
        *(f"- `{name}`" for name in event_types()),
    ]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
