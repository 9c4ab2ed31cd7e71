"""Bundles for the sample repository."""

import json


def bundle(ws_id: str, command: object, **more: object) -> str:
    """A bundle that changes shop.py with a command; ``more`` are further fields."""
    return json.dumps(
        {
            "id": ws_id,
            "title": f"The workstream {ws_id}",
            "tasks": ["Do it."],
            "files_scope": ["shop.py"],
            "tool": "command",
            "tool_args": {"command": command},
            "acceptance_tests": [["true"]],
            **more,
        }
    )
