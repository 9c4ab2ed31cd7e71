"""A run's refs: what stands in the way of a visible branch stops nothing, the authority does."""

import pytest

from pipeline.base.git import RefUpdateError
from pipeline.flow.run import Watch
from pipeline.model.event import EventType


def _left_alone(project, run_id):
    with project.records() as records:
        events = records.events(run_id, types={EventType.BRANCH_LEFT_ALONE})
    return [(event.payload["branch"], event.payload["why"]) for event in events]


def test_branch_made_below_a_name_that_is_needed_does_not_stop_the_run(project, ended):
    project.writes("one", "a.txt", "A\n")
    watch = Watch(observers=(lambda *_: project.git("branch", "ws/plan/one/mine"),))
    summary = project.run(watch=watch)
    assert ended(summary) == {"one": "done"}
    ((branch, why),) = _left_alone(project, summary.run_id)
    assert branch == "refs/heads/ws/plan/one"
    assert "ws/plan/one/mine exists" in why


def test_authority_that_somebody_moved_stops_the_run(project):
    project.writes("one", "a.txt", "A\n")

    made = []

    def take() -> str:
        if made:
            project.git("update-ref", made.pop(), "HEAD")
        return ""

    def note(_ledger, run_id):
        made.append(f"refs/pipeline/state/{run_id}/one")

    with pytest.raises(RefUpdateError, match="somebody else moved it"):
        project.run(watch=Watch(observers=(note,), should_stop=take))
