"""A folder of bundles is loaded whole, and everything that is wrong is said at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.model.check import Check
from pipeline.model.workstream import BreakerLimits, PolicyOverride, Workstream
from pipeline.planning.bundles import load_bundles
from pipeline.planning.configuration import load_config

Make = Callable[..., dict[str, Any]]


def test_a_bundle_becomes_a_workstream(folder: Any, make_bundle: Make) -> None:
    folder.write("pipeline.yaml", "gates: {unit: [pytest]}\n")
    folder.add(make_bundle("b"))
    folder.add(
        make_bundle(
            "a",
            priority=3,
            files_create=["docs/"],
            acceptance_tests=[
                "make",
                ["pytest", "-q"],
                {"command": "x", "name": "y", "cache": False},
            ],
            gate="unit",
            depends_on=["b"],
            static=["ruff", {"nox": "lint"}, {"command": ["x"], "name": "z", "timeout_s": 5}],
            fix=["tool"],
            circuit_breaker={"max_attempts": 2, "fix": {"max_error_repeats": 7}},
            policy={"max_files_changed": 4},
        )
    )

    assert folder.complaints() == []
    ws = folder.load().workstreams[0]
    assert [c.name for c in ws.static or ()] == ["ruff", "nox:lint", "z"]
    assert ws.acceptance_tests == (
        Check("acceptance-1", "make"),
        Check("acceptance-2", ("pytest", "-q")),
        Check("y", "x", cache=False),
    )
    assert ws.limits("edit") == BreakerLimits(max_attempts=2)
    assert ws.limits("fix") == BreakerLimits(max_attempts=2, max_error_repeats=7)
    assert ws.policy == PolicyOverride(max_files_changed=4)
    assert (ws.id, ws.priority, ws.gate, ws.fix) == ("a", 3, "unit", ("tool",))
    assert (ws.depends_on, ws.files_create) == (("b",), ("docs/",))
    assert ws.source == "workstreams/a.json"


def test_yaml_and_json_say_the_same(folder: Any, make_bundle: Make) -> None:
    folder.add(make_bundle("a", description="x: y", priority=-4))
    from_json = folder.load().workstreams
    (folder.top / "workstreams/a.json").unlink()
    folder.write(
        "workstreams/a.json.yml",
        "id: a\ntasks: [Do it.]\nfiles_scope: [src/a.py]\nacceptance_tests: ['true']\n"
        "tool: command\ntool_args: {command: ['true']}\ndescription: 'x: y'\npriority: -4\n",
    )
    from_yaml = folder.load().workstreams

    assert [ws.source for ws in from_yaml] == ["workstreams/a.json.yml"]
    assert [_sourceless(ws) for ws in from_json] == [_sourceless(ws) for ws in from_yaml]


def _sourceless(ws: Workstream) -> dict[str, Any]:
    return {n: getattr(ws, n) for n in Workstream.__slots__ if n != "source"}


def test_configured_breakers_hold_where_a_bundle_names_none(folder: Any, make_bundle: Make) -> None:
    folder.write("pipeline.yaml", "breakers: {max_attempts: 9, timeout_s: 30}\n")
    folder.add(make_bundle("a"), make_bundle("b", circuit_breaker={"max_attempts": 1}))

    a, b = folder.load().workstreams
    assert a.limits("edit") == BreakerLimits(max_attempts=9, timeout_s=30.0)
    assert b.limits("edit") == BreakerLimits(max_attempts=1, timeout_s=30.0)


def test_everything_that_is_wrong_is_said_sorted_by_file(folder: Any, make_bundle: Make) -> None:
    folder.add(
        make_bundle("c", task=["x"], tasks=...),
        make_bundle("a", priority="high", depends_on=["bb", "zzz"]),
        make_bundle("b", depends_on=["cc", "a"], tool="comand"),
    )
    folder.write("workstreams/d.json", "{")

    complaints = folder.complaints()
    assert complaints == sorted(complaints, key=lambda c: c.split(":")[0])
    text = "\n".join(complaints)
    assert "workstreams/c.json" in text and "lacks `tasks`" in text
    assert "is an unknown field `task`. Did you mean `tasks`?" in text
    assert "$.priority must be a whole number, not text (`high`)" in text
    assert "workstreams/b.json:12: $.tool names the tool `comand`, which does not exist." in text
    assert "Did you mean `command`?" in text
    assert "$.depends_on[0] names `cc`, which no bundle has as its id." in text
    assert "workstreams/d.json:1: is not JSON" in text
    assert "names `a`" not in text, "a bundle that is broken exists all the same"


def test_messages_know_the_line(folder: Any) -> None:
    folder.write(
        "workstreams/a.yaml",
        "id: a\ntasks:\n  - Do it.\n  - 7\nfiles_scope: [x]\nacceptance_tests: [x]\n"
        "tool_args:\n  command: x\n",
    )

    assert folder.complaints() == [
        "workstreams/a.yaml:4: $.tasks[1] must be text, not the number 7."
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"id": "Big"}, "$.id is `Big`, which does not fit. Small letters"),
        ({"id": "a.lock"}, "$.id is `a.lock`, which does not fit."),
        ({"id": "a--b"}, "$.id is `a--b`"),
        ({"id": "a\n"}, "$.id is `a\\n`"),
        ({"id": "a" * 65}, "$.id is longer than 64"),
        ({"id": 7}, "$.id must be text, not the number 7."),
        ({"openspec_change": "../x"}, "$.openspec_change is `../x`"),
        ({"tasks": []}, "$.tasks is empty."),
        ({"tasks": "x"}, "$.tasks must be a list, not text (`x`)."),
        ({"tasks": [""]}, "$.tasks[0] is empty."),
        ({"acceptance_tests": [7]}, "$.acceptance_tests[0] must not be the number 7."),
        ({"acceptance_tests": [[]]}, "$.acceptance_tests[0] is empty."),
        ({"acceptance_tests": [{"name": "x"}]}, "$.acceptance_tests[0] lacks `command`."),
        (
            {"acceptance_tests": [{"command": "x", "timeout": 3}]},
            "is an unknown field `timeout`. Did you mean `timeout_s`?",
        ),
        ({"circuit_breaker": {"max_attempts": 0}}, "it must be at least 1."),
        ({"circuit_breaker": {"fx": {}}}, "$.circuit_breaker.fx is an unknown field `fx`."),
        ({"depends_on": ["x", "x"]}, "$.depends_on names something twice."),
        ({"priority": True}, "$.priority must be a whole number, not true."),
        ({"priority": 1.5}, "$.priority must be a whole number"),
        ({"policy": {"max_file_changed": 1}}, "Did you mean `max_files_changed`?"),
    ],
)
def test_what_breaks_the_schema_is_said_in_words(
    folder: Any, make_bundle: Make, fields: dict[str, Any], expected: str
) -> None:
    folder.write("workstreams/a.json", json.dumps({**make_bundle("a"), **fields}))

    assert expected in "\n".join(folder.complaints())


@pytest.mark.parametrize("text", ["[]", '"x"', "null", "3"])
def test_a_bundle_is_an_object(folder: Any, text: str) -> None:
    folder.write("workstreams/a.json", text)

    (complaint,) = folder.complaints()
    assert "must be an object" in complaint


def test_hidden_and_other_files_are_left_out(folder: Any, make_bundle: Make) -> None:
    folder.add(make_bundle("a"))
    for name in (".a.json", "_draft.yaml", "README.md", "notes.txt"):
        folder.write(f"workstreams/{name}", "}{")

    assert folder.complaints() == []


def test_a_folder_without_bundles_is_said(folder: Any) -> None:
    assert "workstreams: holds no bundle" in folder.complaints()[0]
    (folder.top / "workstreams").rmdir()
    assert "workstreams: cannot be read: No such file" in folder.complaints()[0]


def test_a_folder_outside_of_the_repository_is_fine(
    folder: Any, make_bundle: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "a.json").write_text(json.dumps(make_bundle("a")))
    loaded = load_bundles(elsewhere, folder.top, load_config(folder.top).config)

    assert [ws.id for ws in loaded.workstreams] == ["a"]
    assert loaded.problems == ()


def test_file_names_may_be_any_bytes(folder: Any, make_bundle: Make) -> None:
    name = os.fsdecode(b"workstreams/a \xff\n.json")
    folder.write(name, json.dumps(make_bundle("a", tool="nothing")))

    (complaint,) = folder.complaints()
    assert "$.tool names the tool `nothing`" in complaint
    complaint.encode()


def test_names_that_are_not_utf8_can_be_in_scope(folder: Any, make_bundle: Make) -> None:
    folder.add(make_bundle("a", files_scope=["src/\udcff.py"]))

    assert folder.complaints() == []
    assert folder.load().workstreams[0].files_scope == ("src/\udcff.py",)


def test_valid_json_needs_neither_jsonschema_nor_yaml(folder: Any, make_bundle: Make) -> None:
    folder.add(make_bundle("a"), make_bundle("b", files_scope=["lib/**"], depends_on=["a"]))
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pipeline.planning.bundles import load_bundles\n"
        "from pipeline.planning.configuration import load_config\n"
        "top = Path(sys.argv[1])\n"
        "loaded = load_bundles(top / 'workstreams', top, load_config(top).config)\n"
        "assert len(loaded.workstreams) == 2 and not loaded.problems\n"
        "print({'jsonschema', 'rpds', 'yaml', 'pathspec', 'difflib'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder.top)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"
