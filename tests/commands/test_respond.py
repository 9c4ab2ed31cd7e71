"""Comment commands, with a GitHub: who may, what is done, and that nothing is done twice."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commenting import PEOPLE, TOKEN, Commenting, git
from fakehub.starting import Fake

from pipeline.base.git import Repository
from pipeline.commands import reading
from pipeline.flow.responding import Responding, respond
from pipeline.flow.responding_event import read_event
from pipeline.flow.responding_github import may_command
from pipeline.flow.responding_record import bring_in
from pipeline.flow.responding_verbs import carry_out
from pipeline.land.github.client import GitHub
from pipeline.land.github.patience import Patience
from pipeline.model.config import Config
from pipeline.model.response import ResponseOutcome
from pipeline.model.review import ReviewState
from pipeline.store.inbox import take
from pipeline.store.lock import RunLock
from pipeline.store.reviews import reviews


@pytest.fixture
def house(
    github: Fake,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Commenting]:
    one = Commenting(github, tmp_path, capfd, monkeypatch)
    yield one
    one.close()


def test_who_may_give_commands_is_asked_of_github(house: Commenting, tmp_path: Path) -> None:
    """Never of the comment, which says ``author_association``."""
    number = house.issue()
    may = {}
    for login in (*PEOPLE, "stranger", "nobody-at-all"):
        event = house.comment(login, number, "/pipeline status")
        event["comment"]["author_association"] = "OWNER"
        (tmp_path / "event.json").write_text(json.dumps(event))
        heard = read_event(tmp_path / "event.json", "octo/shop")
        may[login] = may_command(house.hub(), heard)
    assert may == {
        "wendy": True,
        "adam": True,
        "mona": True,
        "tess": False,
        "rob": False,
        "stranger": False,
        "nobody-at-all": False,
    }


def test_a_stranger_is_told_no_and_nothing_is_done(house: Commenting) -> None:
    number = house.pull()
    event = house.comment("rob", number, "/pipeline run")
    event["comment"]["author_association"] = "OWNER"

    done = house.respond(event)

    assert (done["code"], done["outcome"], done["accepted"]) == (1, "refused", False)
    assert house.signs(event) == ["-1"]
    assert "may not give commands" in house.replies(number)[0]
    assert house.dispatches() == []


def test_comments_that_are_no_commands_are_not_answered(house: Commenting) -> None:
    number = house.issue()
    for body in ("looks good", "> /pipeline run", "please\n/pipeline run"):
        event = house.comment("wendy", number, body)
        done = house.respond(event)
        assert (done["code"], done["outcome"], done["accepted"]) == (0, "ignored", False)
        assert house.signs(event) == []
    assert house.replies(number) == []


def test_what_is_not_understood_is_answered_with_the_forms(house: Commenting) -> None:
    number = house.issue()
    event = house.comment("wendy", number, "/pipeline run; echo @everyone `id` $(id)")
    done = house.respond(event)
    assert (done["code"], done["outcome"]) == (1, "misread")
    assert house.signs(event) == ["eyes", "confused"]
    (said,) = house.replies(number)
    assert "/pipeline run [SHA]" in said
    assert "everyone" not in said


def test_edited_and_forged_events_are_refused_in_silence(house: Commenting) -> None:
    number = house.pull()
    event = house.comment("wendy", number, "/pipeline run")
    comment = event["comment"]
    path = f"issues/comments/{comment['id']}"
    forged = [
        {**event, "action": "edited"},
        {**event, "action": "deleted"},
        {**event, "comment": {**comment, "body": "/pipeline cancel"}},
        {**event, "comment": {**comment, "user": {**comment["user"], "id": 1}}},
        {**event, "issue": {**event["issue"], "number": number + 1}},
        {**event, "sender": {**comment["user"], "type": "Bot"}},
        {**event, "comment": {**comment, "id": 10**9}},
    ]
    for one in forged:
        done = house.respond(one)
        assert (done["code"], done["outcome"]) == (1, "refused"), one
    assert house.respond({**event, "repository": {"full_name": "evil/shop"}})["code"] == 2
    house.hub("wendy").request("PATCH", path, body={"body": "/pipeline run "})
    assert house.respond(event)["outcome"] == "refused"  # edited since
    house.hub("wendy").request("DELETE", path)
    assert house.respond(event)["outcome"] == "refused"  # gone
    assert house.replies(number) == []
    assert house.dispatches() == []


def test_programs_and_ourselves_are_not_answered(house: Commenting) -> None:
    number = house.issue()
    bot = house.comment("", number, "/pipeline run")
    assert house.respond(bot)["outcome"] == "refused"
    own = house.comment("wendy", number, "<!-- git-pipeline:reply:1:v1 -->\n/pipeline run")
    assert house.respond(own)["outcome"] == "ignored"
    assert house.replies(number) == []


def test_status_without_a_run_says_so(house: Commenting) -> None:
    number = house.issue()
    done = house.say("wendy", number, "/pipeline status")
    assert (done["code"], done["outcome"]) == (1, "impossible")
    assert "No run is known here" in house.replies(number)[0]


def stored(top: Path, ws_id: str = "stubborn") -> tuple[ReviewState, str, str]:
    with reading.reading(top) as records:
        (one,) = reviews(records, ws_id=ws_id)
    return one.state, one.answered_by, one.answer.message if one.answer else ""


def test_a_review_is_answered_in_a_fresh_checkout_and_known_everywhere(house: Commenting) -> None:
    run_id = house.ask("stubborn")
    number, fresh = house.own_pull("stubborn"), house.clone("two")
    _look_and_be_refused(house, run_id, number, fresh)
    earlier = len(house.replies(number))
    body = '/pipeline adjust stubborn advice="heed me" scope=new.py reason="try *again*"'
    event = house.comment("wendy", number, f"{body}\nand this is for people")

    done = house.respond(event, top=fresh)

    assert (done["code"], done["outcome"]) == (0, "done"), done
    assert (done["verb"], done["workstream"], done["run_id"]) == ("adjust", "stubborn", run_id)
    assert done["sha"] == house.hub().request("GET", f"pulls/{number}")["head"]["sha"]
    assert house.signs(event) == ["eyes", "+1"]
    (said,) = house.replies(number)[earlier:]
    assert "`stubborn` is adjusted" in said and "**Next**" in said
    assert "*again*" not in said  # escaped
    url = f"{house.fake.url}/octo/shop/pull/{number}#issuecomment-{event['comment']['id']}"
    expected = (ReviewState.ADJUSTED, f"@wendy {url}", "try *again*")
    assert stored(fresh) == expected

    third = house.clone("three")
    with Repository.discover(third) as repo:
        repo.remotes.trust(house.fake.url)
        bring_in(repo, reading.find_layout(repo), Config())
    assert stored(third) == expected

    # The same event again, there and in another fresh checkout, answers once.
    for top in (fresh, house.clone("four")):
        again = house.respond(event, top=top)
        assert (again["code"], again["outcome"]) == (0, "repeated")
    assert len(house.replies(number)) == earlier + 1


def _look_and_be_refused(house: Commenting, run_id: str, number: int, top: Path) -> None:
    """What changes nothing: a look, the wrong workstream, and a head that somebody moved."""
    shown = house.respond(house.comment("mona", number, "/pipeline status"), top=top)
    assert (shown["code"], shown["run_id"]) == (0, run_id)
    (said,) = house.replies(number)
    assert run_id in said and "stubborn" in said
    assert "git-pipeline:status" not in said

    other = house.respond(house.comment("wendy", number, "/pipeline approve nobody"), top=top)
    assert (other["code"], other["outcome"]) == (1, "impossible")

    head = house.fake.state()["refs"]["refs/heads/ws/plan/stubborn"]
    event = house.comment("wendy", number, "/pipeline approve stubborn")
    house.fake.commit("ws/plan/stubborn", {"stubborn.txt": "evil\n"})
    late = house.respond(event, top=top)
    assert (late["code"], late["outcome"]) == (1, "moved")
    assert "is at" in house.replies(number)[-1]
    assert house.signs(event) == ["eyes", "confused"]
    git(house.fake.bare, "update-ref", "refs/heads/ws/plan/stubborn", head)
    assert stored(top)[0] is ReviewState.OPEN


def test_an_answer_whose_reply_was_lost_is_replied_to_when_delivered_again(
    house: Commenting,
) -> None:
    run_id = house.ask("one", "two")
    number = house.own_pull("one")
    event = house.comment("adam", number, "/pipeline approve one")
    house.fake.fail("POST", rf"/issues/{number}/comments$", 403)

    assert house.respond(event)["code"] == 3
    assert stored(house.top, "one")[0] is ReviewState.APPROVED
    done = house.respond(event)

    assert (done["code"], done["outcome"]) == (0, "done")
    assert len(house.replies(number)) == 1
    late = house.say("adam", number, "/pipeline reject one")
    assert (late["code"], late["outcome"]) == (1, "impossible")
    assert "answered already" in house.replies(number)[1]

    # The other one is not answered there, but on its own pull request.
    assert house.say("adam", number, "/pipeline reject two")["outcome"] == "impossible"
    assert house.say("adam", house.own_pull("two"), "/pipeline reject two")["code"] == 0
    assert stored(house.top, "two")[0] is ReviewState.REJECTED

    _cancel_what_works_here(house, run_id, number)


def _cancel_what_works_here(house: Commenting, run_id: str, number: int) -> None:
    """Where an engine works on this machine, it is asked by its inbox."""
    with Repository.discover(house.top) as repo:
        layout = reading.find_layout(repo)
    with sqlite3.connect(layout.database) as connection:
        connection.execute("UPDATE runs SET state = 'running'")
    connection.close()
    with RunLock(layout, command="pipeline run"):
        assert house.say("wendy", number, "/pipeline cancel")["code"] == 0
    assert [(one.kind, one.run_id) for one in take(layout)] == [("cancel", run_id)]
    assert "asked to stop" in house.replies(number)[-1]


WORKFLOW = ".github/workflows/pipeline.yml"


def test_run_and_retry_dispatch_the_workflow_and_run_nothing_here(house: Commenting) -> None:
    house.fake.add_run(path=WORKFLOW, name="pipeline", conclusion="success")
    number = house.pull()
    head = house.fake.state()["refs"]["refs/heads/change"]

    for body in ("/pipeline run", f"/pipeline run {head}", f"/pipeline run {head[:7]}"):
        done = house.say("wendy", number, body)
        assert (done["code"], done["outcome"], done["sha"]) == (0, "done", head)
    assert house.say("adam", number, "/pipeline retry add-login")["code"] == 0
    issue = house.issue()
    assert house.say("adam", issue, "/pipeline run")["code"] == 0

    asked = [(one["ref"], one["inputs"]) for one in house.dispatches()]
    whole = {"sha": head}
    assert asked == [
        *[("main", whole)] * 3,
        ("main", {"only": "add-login", "sha": head}),
        ("main", {}),
    ]
    assert not (house.top / ".pipeline" / "runs").exists()


@pytest.mark.parametrize("body", ["/pipeline run 0123456", "/pipeline retry a 0123456789abcdef"])
def test_another_commit_than_the_one_named_is_not_run(house: Commenting, body: str) -> None:
    house.fake.add_run(path=WORKFLOW, name="pipeline")
    number = house.pull()
    done = house.say("wendy", number, body)
    assert (done["code"], done["outcome"]) == (1, "moved")
    assert house.dispatches() == []


def test_the_commit_of_a_fork_has_to_be_named_in_full(house: Commenting) -> None:
    house.fake.add_run(path=WORKFLOW, name="pipeline")
    house.fake.add_repository("rob/shop", fork_of="octo/shop")
    number = house.pull("theirs", repo="rob/shop")
    head = house.hub().request("GET", f"pulls/{number}")["head"]["sha"]

    # Two commits that begin alike are soon made, and one is soon pushed in place of the other.
    for body in ("/pipeline run", f"/pipeline run {head[:12]}"):
        done = house.say("wendy", number, body)
        assert (done["code"], done["outcome"]) == (1, "impossible")
    assert head in house.replies(number)[0]
    assert house.dispatches() == []
    assert house.say("wendy", number, f"/pipeline run {head}")["code"] == 0
    assert [one["inputs"] for one in house.dispatches()] == [{"sha": head}]


def test_a_workflow_that_is_not_there_is_said(house: Commenting) -> None:
    number = house.issue()
    assert house.say("wendy", number, "/pipeline run", "--workflow", "none.yml")["code"] == 3
    assert house.replies(number) == []
    assert house.say("wendy", number, "/pipeline run", "--workflow", "../x")["code"] == 2


def test_cancel_ends_what_runs(house: Commenting) -> None:
    house.fake.add_run(path=WORKFLOW, name="pipeline", conclusion="success")
    live = house.fake.add_run(path=WORKFLOW, name="p", status="in_progress", conclusion=None)
    other = house.fake.add_run(name="CI", status="in_progress", conclusion=None)
    number = house.issue()

    assert house.say("wendy", number, "/pipeline cancel")["code"] == 0

    runs = house.fake.state()["runs"]
    assert runs[str(live["id"])]["conclusion"] == "cancelled"
    assert runs[str(other["id"])]["conclusion"] is None
    assert "1 workflow run is cancelled" in house.replies(number)[0]
    assert house.say("wendy", number, "/pipeline cancel")["code"] == 0
    assert "nothing is running" in house.replies(number)[1]


class Meddling(GitHub):
    """GitHub, where somebody does something right before a request of a kind is answered."""

    def meddle(self, method: str, path: str, number: int, action: Callable[[], object]) -> None:
        self.when, self.left, self.action = (method, path), number, action

    def request(self, method: str, path: str, **values: Any) -> Any:
        if (method, path) == self.when:
            self.left -= 1
            if self.left == 0:
                self.action()
        return super().request(method, path, **values)


def meddled(house: Commenting, event: dict[str, Any]) -> tuple[Responding, Meddling, Path]:
    hub = Meddling(house.fake.api_url, "octo/shop", TOKEN, patience=Patience(5.0), pause_s=0)
    repo = Repository.discover(house.top)
    layout = reading.find_layout(repo)
    environ = {"PIPELINE_GITHUB_APP": "github-actions"}
    job = Responding(repo, layout, Config(), environ, hub, "pipeline.yml", print)
    path = house.folder / "event.json"
    path.write_text(json.dumps(event))
    return job, hub, path


def test_a_head_that_moves_before_anything_is_written_is_noticed(house: Commenting) -> None:
    """Time of check, time of use: looked at once more, right before."""
    house.fake.add_run(path=WORKFLOW, name="pipeline")
    number = house.pull()
    job, hub, path = meddled(house, house.comment("wendy", number, "/pipeline run"))
    with job.repo, hub:
        hub.meddle("GET", f"pulls/{number}", 2, lambda: house.fake.commit("change", {"e": "e"}))
        done = respond(job, path, carry_out)

    assert done.outcome is ResponseOutcome.MOVED
    assert house.dispatches() == []


def test_a_comment_that_is_edited_before_anything_is_written_is_noticed(
    house: Commenting,
) -> None:
    house.fake.add_run(path=WORKFLOW, name="pipeline")
    number = house.issue()
    event = house.comment("wendy", number, "/pipeline run")
    place = f"issues/comments/{event['comment']['id']}"
    job, hub, path = meddled(house, event)
    with job.repo, hub:
        edit = lambda: house.hub("wendy").request("PATCH", place, body={"body": "no"})  # noqa: E731 - one line
        hub.meddle("GET", place, 2, edit)
        done = respond(job, path, carry_out)

    assert done.outcome is ResponseOutcome.MOVED
    assert house.dispatches() == []


def test_two_deliveries_at_the_same_time_reply_once(house: Commenting) -> None:
    """The second has looked for a reply before the first one wrote it."""
    number = house.issue()
    event = house.comment("wendy", number, "/pipeline status")
    job, hub, path = meddled(house, event)
    place = f"issues/comments/{event['comment']['id']}/reactions"
    with job.repo, hub:
        hub.meddle("POST", place, 1, lambda: house.respond(event))
        respond(job, path, carry_out)

    assert len(house.replies(number)) == 1
