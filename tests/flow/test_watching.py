"""A workstream's code runs in its gates too: there it is watched as a tool is."""

import os
import sys
from pathlib import Path

import pytest
from projects import Project, found

MAKE = "import os, pathlib; os.mkdir('env'); pathlib.Path('env/verdict').write_text('red')"
ASK = "raise SystemExit(open('env/verdict').read() != 'green')"
POISON = (
    "import os; os.chmod('env', 0o755); os.chmod('env/verdict', 0o644)\n"
    "open('env/verdict', 'w').write('green')\n"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


@pytest.fixture
def lending(project: Project) -> Project:
    """A project whose set-up directory says red to whoever asks."""
    project.configure(setup=[{"name": "env", "command": python(MAKE), "directories": ["env"]}])
    return project


def made(project: Project) -> list[str]:
    return [
        p.read_text() for p in project.slots.glob("setup/*/env/verdict") if ".new" not in str(p)
    ]


def test_tool_that_changes_what_it_was_lent_is_refused(lending, ended):
    lending.script(
        "cheat",
        POISON + "open('a.txt', 'w').write('A')",
        files_scope=["a.txt"],
        acceptance_tests=[python(ASK)],
    )
    summary = lending.run()
    assert ended(summary) == {"cheat": "quarantined"}
    assert "set-up directory" in found(summary, "cheat").reason


def test_what_a_tool_changed_is_lent_to_nobody_else(lending, ended):
    lending.script("cheat", POISON + "open('a.txt', 'w').write('A')", files_scope=["a.txt"])
    lending.writes("honest", "b.txt", "B\n", acceptance_tests=[python(ASK)])
    summary = lending.run(overrides={"run.jobs": 1})
    assert ended(summary) == {"cheat": "quarantined", "honest": "quarantined"}
    assert "red" in found(summary, "honest").reason


def test_check_that_changes_what_it_was_lent_keeps_no_verdict(lending, ended):
    poisoned = [python(POISON), python(ASK)]
    lending.writes("cheat", "a.txt", "A\n", acceptance_tests=poisoned)
    summary = lending.run()
    assert ended(summary) == {"cheat": "quarantined"}
    with lending.records() as records:
        assert records.query("SELECT count(*) FROM verdicts") == [(0,)]


def test_check_that_writes_into_the_checkout_lands_nothing(project, ended, tmp_path):
    target = str(project.top / "b.txt")
    project.writes(
        "intruder", "a.txt", "A\n", acceptance_tests=[python(f"open({target!r}, 'a').write('x')")]
    )
    summary = project.run()
    assert ended(summary) == {"intruder": "quarantined"}
    assert "b.txt" in found(summary, "intruder").reason


def test_person_who_edits_once_meanwhile_costs_a_repetition(project, ended, tmp_path):
    """The tool plays the person: only its first run finds no mark."""
    mark, target = str(tmp_path / "mark"), str(project.top / "c.txt")
    project.script(
        "unlucky",
        f"import os\nif not os.path.exists({mark!r}):\n"
        f"    open({mark!r}, 'w').close(); open({target!r}, 'w').write('by hand')\n"
        "open('a.txt', 'w').write('A')",
        files_scope=["a.txt"],
    )
    summary = project.run()
    assert ended(summary) == {"unlucky": "done"}
    assert Path(target).read_text() == "by hand"
    assert found(summary, "unlucky").attempts == 2


def test_seal_sees_bytes_put_back_but_not_caches(tmp_path):
    from pipeline.work.seal import seal_of

    (tmp_path / "x").write_text("same")
    before = seal_of(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_text("cache")
    assert seal_of(tmp_path) == before
    facts = (tmp_path / "x").stat()
    (tmp_path / "x").write_text("emas")
    (tmp_path / "x").write_text("same")
    os.utime(tmp_path / "x", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert seal_of(tmp_path) != before
