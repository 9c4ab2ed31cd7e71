"""The round after a merge conflict: both sides are told, both scopes grant, both tests hold."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from projects import Project

from pipeline.base.git import Repository
from pipeline.cli import main
from pipeline.flow.conflicts import meets, widened
from pipeline.flow.verify import verify
from pipeline.model.check import Check
from pipeline.model.protected import DEFAULT_PROTECTED
from pipeline.model.review import Option, ReviewKind, ReviewState
from pipeline.model.scope import Protected, Scope
from pipeline.model.summary import RunSummary
from pipeline.model.workstream import Workstream
from pipeline.store.reviews import reviews

Ended = Callable[[RunSummary], dict[str, str]]

AGENT = {"type": "ai", "driver": "command", "takes_feedback": True}
BEGIN = (
    "import json, os, sys, pathlib\n"
    "text = open(sys.argv[1]).read() if os.path.exists(sys.argv[1]) else ''\n"
    "told = (json.loads(text) if text.strip() else {}) or {}\n"
)


def holds(word: str) -> list[str]:
    return [sys.executable, "-S", "-c", f"assert {word!r} in open('a.txt').read()"]


def conflicting(project: Project, resolve: str, **fields: Any) -> None:
    """``first`` lands; ``second`` conflicts with it and then does what ``resolve`` says."""
    project.configure(tools={"agent": AGENT})
    project.writes(
        "first",
        "a.txt",
        "first\n",
        acceptance_tests=[holds("first")],
        allow_overlap=["second"],
        files_create=["notes/first.md"],
        priority=1,
    )
    code = (
        f"{BEGIN}"
        "if told.get('conflict'):\n"
        + "".join(f"    {line}\n" for line in resolve.splitlines())
        + "else:\n    open('a.txt', 'w').write('second\\n')\n"
    )
    project.bundle(
        "second",
        tool="agent",
        tool_args={"command": [sys.executable, "-c", code, "{feedback_file}"]},
        files_scope=["a.txt"],
        acceptance_tests=[holds("second")],
        **fields,
    )


def agrees(project: Project, run_id: str) -> None:
    with Repository.discover(project.top) as repo, project.records() as records:
        told = verify(records, repo, project.layout, run_id)
    assert [d for check in told.checks for d in check.disagreements] == []


def test_an_agent_resolves_it_within_both_scopes(project: Project, ended: Ended) -> None:
    """It may also create what only the other side may create."""
    conflicting(
        project,
        "open('a.txt', 'w').write('first\\nsecond\\n')\n"
        "pathlib.Path('notes').mkdir(); pathlib.Path('notes/first.md').write_text('both\\n')",
    )
    summary = project.run()
    assert ended(summary) == {"first": "done", "second": "done"}
    assert project.show(summary.integration_branch, "a.txt") == "first\nsecond"
    assert project.show(summary.integration_branch, "notes/first.md") == "both"
    agrees(project, summary.run_id)


def test_the_other_scope_counts_only_after_a_conflict(project: Project, ended: Ended) -> None:
    conflicting(project, "pass")
    code = "import pathlib; pathlib.Path('notes').mkdir(); open('notes/first.md', 'w').write('x')"
    project.bundle(
        "second",
        tool="agent",
        tool_args={"command": [sys.executable, "-c", code]},
        files_scope=["a.txt"],
    )
    assert ended(project.run())["second"] == "awaiting_review"


def test_a_resolution_that_breaks_the_others_test_is_refused(
    project: Project, ended: Ended
) -> None:
    conflicting(project, "open('a.txt', 'w').write('second %d\\n' % len(text))")
    summary = project.run()
    assert ended(summary) == {"first": "done", "second": "awaiting_review"}
    assert project.show(summary.integration_branch, "a.txt") == "first"
    with project.records() as records:
        (asked,) = reviews(records, state=ReviewState.OPEN)
    assert asked.kind is ReviewKind.CONFLICT
    assert asked.options == (Option.REJECT, Option.ADJUST)
    assert "first: acceptance-1" in asked.summary
    agrees(project, summary.run_id)


def test_a_resolution_out_of_both_scopes_is_refused(project: Project, ended: Ended) -> None:
    conflicting(
        project, "open('a.txt', 'w').write('first\\nsecond\\n')\nopen('b.txt', 'w').write('x')"
    )
    summary = project.run()
    assert ended(summary) == {"first": "done", "second": "awaiting_review"}
    assert summary.integration_commit
    assert project.show(summary.integration_branch, "b.txt") == "b"
    agrees(project, summary.run_id)


def test_what_no_agent_took_part_in_is_quarantined(project: Project, ended: Ended) -> None:
    project.writes("first", "a.txt", "first\n", allow_overlap=["second"], priority=1)
    project.writes("second", "a.txt", "second\n")
    assert ended(project.run()) == {"first": "done", "second": "quarantined"}


def test_the_agent_is_told_both_sides(project: Project, ended: Ended) -> None:
    conflicting(
        project,
        "p = pathlib.Path('notes'); p.mkdir()\n"
        "pathlib.Path('notes/first.md').write_text(text)\n"
        "open('a.txt', 'w').write('first\\nsecond\\n')",
    )
    summary = project.run()
    assert ended(summary)["second"] == "done"
    told = json.loads(project.show(summary.integration_branch, "notes/first.md"))
    assert "first" in told["conflict"] and "second" in told["conflict"]
    with project.records() as records:
        merge = next(a for a in records.attempts(summary.run_id, "second") if a.step == "merge")
    assert merge.details["others"] == ["first"]
    assert [item["path"] for item in merge.details["files"]] == ["a.txt"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([b"a"], [b"a"], True),
        ([b"a/b"], [b"a"], True),
        ([b"a"], [b"a/b/c"], True),
        ([b"A"], [b"a"], True),
        ([b"ab"], [b"a"], False),
        ([b"a/b"], [b"a/c"], False),
    ],
)
def test_paths_meet(one: list[bytes], other: list[bytes], expected: bool) -> None:
    assert meets(one, other) is expected


def test_what_was_created_since_the_base_may_be_changed_by_who_may_create_it() -> None:
    protected = Protected(DEFAULT_PROTECTED)
    ws = Workstream("a", files_scope=("src/*",), files_create=("docs/*", "**/conftest.py", "*.md"))
    other = Workstream("b", files_create=("new/*",), acceptance_tests=(Check("t", "true"),))
    made = [b"docs/x", b"new/[1]", b"else/y", b"tests/conftest.py", b".github/workflows/a.yml"]
    held = widened(ws, [other], made, protected)
    scope = Scope(held.files_scope, held.files_create)
    assert [path for path in made if scope.may_modify(path)] == [b"docs/x", b"new/[1]"]
    assert not scope.may_modify(b"docs/from-the-base")
    assert not scope.may_modify(b"new/1")
    assert not scope.grants_literally(b"tests/conftest.py")
    assert [check.name for check in held.acceptance_tests] == ["b: t"]


def test_another_tool_resolves_it_where_the_routing_says_so(project: Project, ended: Ended) -> None:
    conflicting(project, "pass")
    write = "open('a.txt', 'w').write('second\\n')"
    resolve = "open('a.txt', 'w').write('first\\nsecond\\n')"
    project.configure(
        tools={
            "agent": AGENT,
            "writer": {**AGENT, "command": [sys.executable, "-S", "-c", write]},
            "resolver": {**AGENT, "command": [sys.executable, "-S", "-c", resolve]},
        },
        routing={
            "rules": [
                {"task_kind": ["conflict"], "use": ["resolver"]},
                {"task_kind": ["edit"], "use": ["writer"]},
            ]
        },
    )
    project.bundle("second", tool="auto", files_scope=["a.txt"], acceptance_tests=[holds("second")])
    summary = project.run()
    assert ended(summary) == {"first": "done", "second": "done"}
    with project.records() as records:
        tools = [a.tool for a in records.attempts(summary.run_id, "second") if a.step == "edit"]
    assert tools == ["writer", "resolver"]
    agrees(project, summary.run_id)


def test_an_unresolved_conflict_is_resolved_after_advice(project: Project, ended: Ended) -> None:
    conflicting(
        project,
        "asked = open(sys.argv[2]).read()\n"
        "both = 'heed me' in asked\n"
        "open('a.txt', 'w').write('first\\nsecond\\n' if both else 'second')",
    )
    project.writes("third", "c.txt", "third\n")  # the second round begins where this has landed
    bundle = json.loads((project.top / "workstreams/second.json").read_text())
    bundle["tool_args"]["command"].append("{prompt_file}")
    project.write("workstreams/second.json", json.dumps(bundle))
    first = project.run()
    assert ended(first)["second"] == "awaiting_review"
    words = ["review", "adjust", "second", "--advice", "heed me", "--repo", str(project.top)]
    assert main(words) == 0
    summary = project.run()
    assert (summary.run_id, ended(summary)["second"]) == (first.run_id, "done")
    assert project.show(summary.integration_branch, "a.txt") == "first\nsecond"
    agrees(project, summary.run_id)
