"""A pushed branch with bundles becomes pull requests and check runs; tools get no token."""

import json

import pytest
from workflows.acting import Stage

pytestmark = [pytest.mark.workflows, pytest.mark.slow]


def bundle(ws_id: str, command: str, **more: object) -> str:
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


def test_a_pushed_bundle_is_run_and_published(stage: Stage) -> None:
    stage.github.commit(
        "workstreams/first",
        {"workstreams/tax.json": bundle("tax", "echo 'TAX = 0.2' >> shop.py")},
        "Ask for a tax",
    )
    played = stage.run("pipeline.yml", "push", {}, ref="workstreams/first")
    print(played.log)
    assert played.code == 0
