"""Whatever the graph, the tools and the timing: a run is legal, and a function of its plan."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_runs import ALONE, TOGETHER, Story, check, delays, look, made, plans, run

# Each example is two or three whole runs, so there are few, and rich.
few = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # making a failing example smaller would take hours of runs
    suppress_health_check=list(HealthCheck),
)


@few
@given(st.data())
def test_a_run_is_legal_and_does_not_depend_on_time(data):
    """One worker without delays and four with: the same ends, the same commits."""
    stories = data.draw(plans([*ALONE, *TOGETHER]))
    landing = data.draw(st.sampled_from(["each", "batch"]))
    jobs = data.draw(st.integers(2, 4))
    waits = data.draw(delays([story.id for story in stories]))
    told = []
    for number, waiting in ((1, {}), (jobs, waits)):
        with made(stories, waiting) as project:
            project.configure(landing={"mode": landing})
            before = look(project)
            found = run(project, "--jobs", str(number))
            check(found, stories, before)
            told.append(found)
    one, many = told
    assert many.ended == one.ended
    assert many.landed == one.landed
    assert many.summary["integration_tree"] == one.summary["integration_tree"]
    if not any(story.outcome == "red" for story in stories):  # its text differs by the clock
        assert many.summary["integration_commit"] == one.summary["integration_commit"]


@few
@given(st.data())
def test_landing_many_at_once_ends_as_one_by_one(data):
    """Where nothing is red only together with others, both ways to land come to the same."""
    stories = data.draw(plans([*ALONE, "clash"]))
    told = []
    for landing in ("each", "batch"):
        with made(stories, {}) as project:
            project.configure(landing={"mode": landing})
            before = look(project)
            found = run(project, "--jobs", "2")
            check(found, stories, before)
            told.append(found)
    each, batch = told
    assert batch.ended == each.ended
    assert batch.landed == each.landed
    assert batch.summary["integration_commit"] == each.summary["integration_commit"]


def test_every_way_to_end_in_one_run():
    """The examples above are random; this one has every outcome for certain."""
    stories = [Story(f"w-{outcome}", outcome) for outcome in ALONE]
    stories += [Story(f"x-{s.id}", "clean", (s.id,)) for s in stories]
    stories += [Story(f"{kind}-{n}", kind) for kind in TOGETHER for n in (1, 2)]
    with made(stories, {}) as project:
        before = look(project)
        found = run(project, "--jobs", "4")
        check(found, stories, before)
    assert found.ended["clash-1"] == found.ended["clash-2"] == "done"  # told of the conflict
    assert found.ended["heavy-1"] == "done"
    assert found.ended["heavy-2"] == "quarantined"
    assert found.ended["x-w-clean"] == "done"
    assert found.ended["x-w-red"] == "blocked"
