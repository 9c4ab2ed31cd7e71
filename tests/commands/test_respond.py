"""Comment commands, with a GitHub: who may, what is done, and that nothing is done twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commenting import PEOPLE, Commenting, git
from fakehub.starting import Fake

from pipeline.base.git import Repository
from pipeline.cli import main
from pipeline.flow.responding_event import read_event
from pipeline.flow.responding_github import may_command
from pipeline.model.review import ReviewState
from pipeline.store.layout import Layout
from pipeline.store.records import Records
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


def stored(top: Path) -> tuple[ReviewState, str, str]:
    with Repository.discover(top) as repo:
        layout = Layout.of(git_dir=repo.git_dir, common_dir=repo.common_dir, top=top)
    with Records(layout) as records:
        (one,) = reviews(records)
    return one.state, one.answered_by, one.answer.message if one.answer else ""


def test_a_review_is_answered_in_a_fresh_checkout_and_known_everywhere(house: Commenting) -> None:
    run_id = house.ask()
    number, fresh = house.own_pull(), house.clone("two")
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
    assert main(["sync", "--repo", str(third)]) == 0
    assert main(["rebuild", "--repo", str(third)]) == 0
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
    house.fake.commit("ws/plan/stubborn", {"shop.py": "evil\n"})
    late = house.respond(event, top=top)
    assert (late["code"], late["outcome"]) == (1, "moved")
    assert "is at" in house.replies(number)[-1]
    assert house.signs(event) == ["eyes", "confused"]
    git(house.fake.bare, "update-ref", "refs/heads/ws/plan/stubborn", head)
    assert stored(top)[0] is ReviewState.OPEN


def test_an_answer_whose_reply_was_lost_is_replied_to_when_delivered_again(
    house: Commenting,
) -> None:
    house.ask()
    number = house.own_pull()
    event = house.comment("adam", number, "/pipeline reject stubborn")
    house.fake.fail("POST", rf"/issues/{number}/comments$", 403)

    assert house.respond(event)["code"] == 3
    assert stored(house.top)[0] is ReviewState.REJECTED
    done = house.respond(event)

    assert (done["code"], done["outcome"]) == (0, "done")
    assert len(house.replies(number)) == 1
    late = house.say("adam", number, "/pipeline approve stubborn")
    assert (late["code"], late["outcome"]) == (1, "impossible")
    assert "answered already" in house.replies(number)[1]
