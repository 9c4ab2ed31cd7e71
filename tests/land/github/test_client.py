"""The client: faults are overcome, limits waited for, nothing is made twice, nothing is leaked."""

from collections.abc import Callable
from typing import Any

import pytest
from fakehub.in_process import InProcess

from pipeline.base.errors import InputError
from pipeline.land.github.client import GitHub
from pipeline.land.github.errors import (
    DeniedError,
    GitHubError,
    InvalidError,
    LimitedError,
    UnavailableError,
)
from pipeline.land.github.patience import Patience

ISSUE = {"title": "One"}


def titles(world: InProcess) -> list[str]:
    return [one.title for one in world.world.repositories[world.repo].issues.values()]


def look_for_one(hub: GitHub) -> Callable[[], Any]:
    return lambda: next(
        (one for one in hub.pages("issues", {"state": "all"}) if one["title"] == "One"), None
    )


@pytest.mark.parametrize("what", [500, 502, 503, "cut"])
def test_reading_is_tried_again(hub: GitHub, github_contract: InProcess, what: int | str) -> None:
    github_contract.fail("GET", "", what, times=2)

    assert hub.request("GET", "")["full_name"] == "octo/shop"


@pytest.mark.parametrize("what", [500, "cut", "cut after", 409])
def test_what_was_made_is_not_made_twice(
    hub: GitHub, github_contract: InProcess, what: int | str
) -> None:
    github_contract.fail("POST", "/issues$", what)

    made = hub.create("issues", ISSUE, look=look_for_one(hub))

    assert made["title"] == "One"
    assert titles(github_contract) == ["One"]


def test_without_a_look_nothing_is_sent_again(hub: GitHub, github_contract: InProcess) -> None:
    github_contract.fail("POST", "/issues$", "cut after")

    with pytest.raises(UnavailableError):
        hub.request("POST", "issues", body=ISSUE)

    assert titles(github_contract) == ["One"]


def test_faults_come_to_an_end(hub: GitHub, github_contract: InProcess) -> None:
    github_contract.fail("GET", "", 502, times=-1)

    with pytest.raises(UnavailableError):
        hub.request("GET", "")

    assert len(github_contract.log()) == 5


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, DeniedError), (403, DeniedError), (404, DeniedError), (422, InvalidError)],
)
def test_refusals_are_not_tried_again(
    hub: GitHub, github_contract: InProcess, status: int, error: type[GitHubError]
) -> None:
    github_contract.fail("POST", "/issues$", status, times=-1)

    with pytest.raises(error) as caught:
        hub.create("issues", ISSUE, look=look_for_one(hub))

    assert caught.value.status == status
    assert len(github_contract.log()) == 1


def test_a_secondary_limit_is_waited_for_as_long_as_it_says(github_contract: InProcess) -> None:
    slept: list[float] = []
    told: list[str] = []
    hub = GitHub(
        github_contract.api_url, "octo/shop", "ghs_good",
        patience=Patience(60, sleep=slept.append), pause_s=0, notice=told.append,
    )  # fmt: skip
    github_contract.fail("POST", "/issues$", 429, headers={"retry-after": "7"})

    hub.request("POST", "issues", body=ISSUE)

    assert slept == [7]
    assert told == ["note: GitHub's limit is reached; waiting 7 s."]


def test_a_limit_beyond_all_patience_is_told_at_once(
    make_hub: Callable[..., GitHub], github_contract: InProcess
) -> None:
    github_contract.fail("GET", "", 403, times=-1, headers={"retry-after": "3600"})

    with pytest.raises(LimitedError) as caught:
        make_hub(wait_s=60).request("GET", "")

    assert caught.value.wait_s == 3600
    assert len(github_contract.log()) == 1


def test_all_pages_are_read(hub: GitHub, github_contract: InProcess) -> None:
    from fakehub.state import Comment, Issue

    repo = github_contract.world.repositories["octo/shop"]
    repo.issues[1] = Issue(1, 1, "One", "", "octocat")
    for number in range(250):
        repo.comments[number + 10] = Comment(number + 10, 1, f"no {number}", "octocat")

    found = [one["body"] for one in hub.pages("issues/1/comments")]

    assert found == [f"no {number}" for number in range(250)]
    assert len(github_contract.log()) == 3


def test_the_next_page_is_never_elsewhere(hub: GitHub, github_contract: InProcess) -> None:
    github_contract.fail(
        "GET", "/pulls$", 200, body=[{"n": 1}],
        headers={"link": '<https://evil.example/steal?page=2>; rel="next"'},
    )  # fmt: skip

    assert [one.get("n") for one in hub.pages("pulls")] == [1]
    assert {one.path for one in github_contract.log()} == {"/repos/octo/shop/pulls"}
    github_contract.world.violations.clear()  # the answer given was of no described form


def test_answers_that_are_no_json_are_faults(hub: GitHub, github_contract: InProcess) -> None:
    github_contract.fail("GET", "/pulls$", 200, body={"no": "list"}, times=-1)

    with pytest.raises(UnavailableError):
        list(hub.pages("pulls"))
    github_contract.world.violations.clear()


def test_a_token_that_would_break_a_header_is_refused_unseen() -> None:
    with pytest.raises(InputError) as caught:
        GitHub("https://api.github.com", "octo/shop", "ghs_secret\nX-Evil: 1")

    assert "ghs_secret" not in str(caught.value)


def test_errors_do_not_tell_the_token(hub: GitHub, github_contract: InProcess) -> None:
    github_contract.fail("GET", "", 403, body={"message": "token ghs_good is \x1b[31mbad"})

    with pytest.raises(DeniedError) as caught:
        hub.request("GET", "")

    assert "ghs_good" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_dry_run_tells_and_sends_only_what_reads(
    make_hub: Callable[..., GitHub], github_contract: InProcess
) -> None:
    told: list[str] = []
    hub = make_hub(dry_run=told.append)

    hub.request("GET", "")
    hub.request("POST", "issues", body={"title": "ghs_good"})

    assert [one.method for one in github_contract.log()] == ["GET"]
    assert told[0] == "GET /repos/octo/shop"
    assert told[1].startswith('POST /repos/octo/shop/issues\n{\n  "title": "[redacted]"')
