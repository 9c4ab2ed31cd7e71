"""What a schema cannot say about one bundle is said all the same."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"files_scope": []}, "has no scope: nothing may be changed."),
        ({"files_scope": ["/etc/passwd"]}, "$.files_scope[0] starts with a slash"),
        ({"files_scope": ["a", "../b"]}, "$.files_scope[1] has an empty name, `.` or `..` in it"),
        ({"files_create": ["a/./b"]}, "$.files_create[0] has an empty name"),
        ({"files_create": ["a//b"]}, "has an empty name"),
        ({"files_scope": ["!src/**"]}, "starts with `!`: exceptions are not supported"),
        ({"files_scope": [".git/config"]}, "names `.git`"),
        ({"files_scope": ["a/.GIT/**"]}, "names `.git`"),
        ({"files_scope": [".g\\it/x"]}, "names `.git`"),
        ({"files_scope": [".[g]it"]}, "names `.git`"),
        ({"files_scope": ["a[b"]}, "has a `[` without its `]`"),
        ({"acceptance_tests": ...}, "has nothing that checks it."),
        (
            {"gate": "unti"},
            "$.gate names the gate `unti`, which does not exist. Did you mean `unit`",
        ),
        ({"phase": "secnd"}, "$.phase names the phase `secnd`, which does not exist. Did you mean"),
        ({"tool": "nope"}, "$.tool names the tool `nope`, which does not exist."),
        ({"tool_args": {}}, "$.tool_args.command is missing."),
        ({"tool_args": {"command": [1]}}, "$.tool_args.command must be text or a list of texts."),
        ({"tool_args": {"command": "x", "cwd": "y"}}, "$.tool_args.cwd is an unknown argument"),
        ({"tool": "patch", "tool_args": {}}, "$.tool_args.patch is missing."),
        ({"tool": "patch", "tool_args": {"patch": 7}}, "$.tool_args.patch must be a path."),
        ({"tool": "patch", "tool_args": {"patch": "p.diff"}}, "`p.diff`, which cannot be read: No"),
        ({"tool": "patch", "tool_args": {"patch": "../p"}}, "does not lie in the repository"),
        ({"tool": "patch", "tool_args": {"patch": "/etc/passwd"}}, "does not lie in the reposit"),
        ({"tool": "patch", "tool_args": {"patch": "src"}}, "is not a regular file"),
        ({"tool": "patch", "tool_args": {"patch": "out/x"}}, "leads out of the repository"),
        ({"fix": ["mechanicl"]}, "$.fix[0] names the rung `mechanicl`, which does not exist. Did"),
        (
            {"static": ["ruf"]},
            "$.static[0] names the tool profile `ruf`, which does not exist. Did",
        ),
        ({"static": ["patch"]}, "which has no command to check with"),
        ({"static": [{"name": "x"}]}, "must have exactly one of `nox`, `tool` and `command`"),
        ({"static": [{"nox": "x", "tool": "ruff"}]}, "must have exactly one of"),
        ({"static": ["ruff", {"tool": "ruff"}]}, "$.static has two checks called `ruff`"),
        ({"policy": {"allow_binary": True}}, "$.policy.allow_binary asks for more than"),
        (
            {"policy": {"max_files_changed": 51}},
            "asks for more than the configuration permits (50)",
        ),
        (
            {"acceptance_tests": [{"command": "x", "env": {"API_TOKEN": "hunter2hunter2"}}]},
            "$.acceptance_tests[0].env.API_TOKEN looks like a secret",
        ),
    ],
)
def test_a_bundle_that_is_wrong_in_itself(
    folder: Any,
    make_bundle: Make,
    fields: dict[str, Any],
    expected: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder.write(
        "pipeline.yaml",
        "gates: {unit: [pytest]}\nphases: {first: {}, second: {}}\n"
        "policy: {max_files_changed: 50}\n",
    )
    folder.write("src/x.py", "")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x").write_text("")
    (folder.top / "out").symlink_to(outside)
    folder.add(make_bundle("a", **fields))

    (complaint,) = folder.complaints()
    assert expected in complaint


@pytest.mark.parametrize(
    "fields",
    [
        {"acceptance_tests": ..., "gate": "unit"},
        {"policy": {"max_files_changed": 50, "allow_mode_change": False}},
        {"tool": "patch", "tool_args": {"patch": "patches/with space.diff"}},
        {"tool": "agent", "tool_args": {"model": "x", "depth": 3}},
        {"tool_args": {"command": "make"}},
        {"fix": []},
        {"fix": ["mechanical", "tool", "agent"]},
        {"static": []},
        {"phase": "first"},
        {"files_scope": [], "files_create": [".gitignore", "..x", "a b"]},
        {"acceptance_tests": [{"command": "x", "env": {"API_TOKEN": "env:API_TOKEN"}}]},
    ],
)
def test_a_bundle_that_is_right(folder: Any, make_bundle: Make, fields: dict[str, Any]) -> None:
    folder.write(
        "pipeline.yaml",
        "gates: {unit: [pytest]}\nphases: {first: {}}\npolicy: {max_files_changed: 50}\n"
        "tools: {agent: {type: ai, command: [agent]}}\n",
    )
    folder.write("patches/with space.diff", "")
    folder.add(make_bundle("a", **fields))

    assert folder.complaints() == []


def test_a_configured_runtime_gate_checks_everything(folder: Any, make_bundle: Make) -> None:
    folder.add(make_bundle("a", acceptance_tests=[]))
    folder.write("pipeline.yaml", "gates: {runtime: []}\n")
    assert "has nothing that checks it" in folder.complaints()[0]

    folder.write("pipeline.yaml", "gates: {runtime: [pytest]}\n")
    assert folder.complaints() == []
