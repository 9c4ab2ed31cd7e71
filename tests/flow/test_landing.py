"""Landing: what may not be on one branch together, although each change alone may."""

import pytest


@pytest.mark.parametrize("mode", ["each", "batch"])
def test_names_that_are_one_on_some_file_systems_do_not_land_together(project, ended, mode):
    project.writes("first", "docs/Readme.md", "one\n", priority=1)
    project.writes("second", "docs/README.md", "two\n")
    project.writes("third", "Docs/other.md", "three\n")
    project.writes("fourth", "docs/fourth.md", "four\n")
    summary = project.run(overrides={"run.jobs": 2, "landing.mode": mode})
    expected = {"first": "done", "second": "quarantined", "third": "quarantined"}
    assert ended(summary) == {**expected, "fourth": "done"}
    (second,) = [ws for ws in summary.workstreams if ws.id == "second"]
    assert "conflicts" in second.reason
    assert "docs/README.md" in second.reason


def test_policy_that_allows_such_names_lets_them_land(project, ended):
    project.configure(policy={"allow_unsafe_names": True})
    project.writes("first", "docs/Readme.md", "one\n")
    project.writes("second", "docs/README.md", "two\n")
    assert ended(project.run()) == {"first": "done", "second": "done"}
