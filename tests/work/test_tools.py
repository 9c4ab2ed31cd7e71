"""Tools get what they ask for, see what they are allowed to, and are reported as they were."""

import os
import sys
from pathlib import Path

import pytest

from pipeline.base.errors import InputError, UnfitError
from pipeline.model.check import ToolProfile
from pipeline.work.tools import (
    as_argument,
    has_succeeded,
    render,
    run_tool,
    slot_values,
    tool_environment,
)

VALUES = {"files": ("a b.py", "c.py"), "tree": "abc", "none": ()}


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        (("x", "{files}", "--tree={tree}"), (), ("x", "a b.py", "c.py", "--tree=abc")),
        (("x", "{none}"), ("-v", "{tree}"), ("x", "-v", "abc")),
        (("x", "{{tree}}", "${tree}"), (), ("x", "{tree}", "${tree}")),
        (("x", '{"a": {"b": 1}}'), (), ("x", '{"a": {"b": 1}}')),
        ("x {files} | y", ("{tree}",), "x 'a b.py' c.py | y abc"),
        ("awk '{print $1}' ${files} {{tree}}", (), "awk '{print $1}' ${files} {tree}"),
    ],
)  # fmt: skip  # a table
def test_templates(command, args, expected) -> None:
    assert render(ToolProfile("t", command=command, args=args), VALUES) == expected


def test_a_value_cannot_start_anything_in_a_shell_string() -> None:
    profile = ToolProfile("t", command="echo {tree}")
    assert render(profile, {"tree": "$(touch x); y"}) == "echo '$(touch x); y'"


@pytest.mark.parametrize("command", [("x", "{nothing}"), "x {nothing}", ("x", "-{files}"), ()])
def test_templates_that_cannot_be_filled(command) -> None:
    with pytest.raises(InputError, match="t "):
        render(ToolProfile("t", command=command), VALUES)


def test_a_path_is_no_option() -> None:
    assert [as_argument(b"-rf"), as_argument(b"a-b"), as_argument(b"\xff")] == [
        "./-rf",
        "a-b",
        "\udcff",
    ]


def test_the_environment_is_built_from_what_is_allowed(project, pool) -> None:
    environ = {
        "PATH": ".:/usr/bin::/bin",
        "HOME": "/home/person",
        "XDG_CONFIG_HOME": "/home/person/.config",
        "LANG": "C.UTF-8",
        "SECRET": "s3cret-value",
        "ALLOWED_X": "yes",
        "GIT_DIR": "/somewhere",
    }
    profile = ToolProfile("t", env_allow=("ALLOWED_*",), env={"KEY": "env:SECRET", "A": "b"})
    with pool.take(project.tree) as slot:
        env = tool_environment(profile, environ=environ, own=slot_values(slot))
        person = ToolProfile("t", env_allow=("HOME",))
        kept = tool_environment(person, environ=environ, own=slot_values(slot))
    assert env["PATH"] == "/usr/bin:/bin"
    assert env["HOME"] == str(slot.home) and env["TMPDIR"] == str(slot.tmp)
    assert (env["KEY"], env["A"], env["ALLOWED_X"]) == ("s3cret-value", "b", "yes")
    assert {"SECRET", "GIT_DIR", "XDG_CONFIG_HOME"}.isdisjoint(env)
    assert kept["HOME"] == "/home/person"
    with pytest.raises(UnfitError, match="SECRET"):
        tool_environment(profile, environ={}, own={})


def run(profile: ToolProfile, cwd: Path, command=None, **env: str):
    values = {"PATH": os.environ["PATH"], **env}
    logs = cwd / "logs" / "edit"
    return run_tool(profile, command or profile.command, cwd=cwd, env=values, logs=logs)


def test_endings_are_told_apart(tmp_path: Path) -> None:
    profile = ToolProfile("t", success_exit_codes=(0, 3), timeout_s=30)
    fine = run(profile, tmp_path, "echo out; echo last >&2; exit 3")
    assert (fine.ending, fine.exit_code, fine.summary) == ("exited", 3, "last")
    assert has_succeeded(profile, fine) and not fine.is_fault
    assert Path(fine.stdout_log).read_bytes() == b"out\n"
    red = run(profile, tmp_path, "exit 1")
    assert not has_succeeded(profile, red) and not red.is_fault
    for missing in (("no-such-program-x",), "no-such-program-x"):
        report = run(profile, tmp_path, missing)
        assert report.is_fault and not has_succeeded(profile, report)
    killed = run(profile, tmp_path, "kill -9 $$")
    assert killed.ending == "signalled" and not has_succeeded(profile, killed)
    slow = run(ToolProfile("t", timeout_s=0.2), tmp_path, (sys.executable, "-c", "input()"))
    assert slow.ending in ("exited", "timeout")
    late = run(ToolProfile("t", timeout_s=0.2), tmp_path, ("sleep", "60"))
    assert late.ending == "timeout" and not has_succeeded(profile, late)
