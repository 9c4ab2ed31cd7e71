"""Check runs, statuses, comments, issues and pull requests: each there once, whatever happens."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakehub.in_process import InProcess
from fakehub.state import Comment, Issue

from pipeline.land.github import sent
from pipeline.land.github.checks import publish_check
from pipeline.land.github.client import GitHub
from pipeline.land.github.comments import publish_comment
from pipeline.land.github.errors import GitHubError, InvalidError, UnavailableError
from pipeline.land.github.identity import author_of
from pipeline.land.github.issues import Issues
from pipeline.land.github.pulls import find_pull, publish_pull
from pipeline.land.github.sarif import upload_sarif
from pipeline.land.github.statuses import publish_status
from pipeline.model.publication import (
    Annotation,
    AnnotationLevel,
    CheckReport,
    CommentText,
    Conclusion,
    IssueText,
    PullRequestText,
    StatusState,
    StatusText,
)
from pipeline.model.publishing import Outcome
from pipeline.report.github import limits
from pipeline.report.sarif import pack_sarif

BOT = "github-actions[bot]"
MARKER = "<!-- git-pipeline:status:v1 -->"


def report(head: str, findings: int = 0, **more: object) -> CheckReport:
    annotations = tuple(
        Annotation("shop.py", n + 1, n + 1, AnnotationLevel.FAILURE, f"E{n}", f"wrong {n}", 1, 2)
        for n in range(findings)
    )
    made = CheckReport(
        "pipeline / static / a", head, Conclusion.FAILURE, "Red", "It is red.",
        annotations=annotations, started_at="2025-03-01T12:00:00.000001Z",
        completed_at="2025-03-01T12:00:01.000001Z",
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def runs(world: InProcess) -> list[list[str]]:
    """The annotations of each check run."""
    found = world.world.repositories["octo/shop"].check_runs.values()
    return [[one["title"] for one in run.annotations] for run in found]


def test_annotations_go_in_slices_and_each_once(
    hub: GitHub, github_contract: InProcess, head: str
) -> None:
    wanted = report(head, 1237)

    publish_check(hub, wanted)
    sizes = [len(one.body["output"]["annotations"]) for one in github_contract.log(writes=True)]
    again = publish_check(hub, wanted)

    assert sizes == [50] * 24 + [37]
    assert runs(github_contract) == [[f"E{n}" for n in range(1237)]]
    assert again.outcome is Outcome.UNCHANGED
    assert len(github_contract.log(writes=True)) == 25


@pytest.mark.parametrize("what", ["cut", "cut after", 502])
@pytest.mark.parametrize("after", range(3))
def test_no_annotation_comes_twice(
    hub: GitHub, github_contract: InProcess, head: str, what: int | str, after: int
) -> None:
    github_contract.fail("POST" if after == 0 else "PATCH", "/check-runs", what, after=after // 2)

    publish_check(hub, report(head, 120))

    assert runs(github_contract) == [[f"E{n}" for n in range(120)]]


def test_a_check_run_that_was_cut_short_is_completed(
    hub: GitHub, github_contract: InProcess, head: str
) -> None:
    github_contract.fail("PATCH", "/check-runs", 500, times=-1)
    with pytest.raises(UnavailableError):
        publish_check(hub, report(head, 120))
    github_contract.world.failures.clear()

    assert publish_check(hub, report(head, 120)).outcome is Outcome.UPDATED
    assert runs(github_contract) == [[f"E{n}" for n in range(120)]]


def test_another_answer_is_another_check_run_and_never_neutral(
    hub: GitHub, github_contract: InProcess, head: str
) -> None:
    publish_check(hub, report(head))
    publish_check(hub, report(head, conclusion=Conclusion.SUCCESS))
    publish_check(hub, report(head, conclusion=Conclusion.SUCCESS, details_url="https://x.example"))

    found = github_contract.world.repositories["octo/shop"].check_runs.values()
    assert [run.conclusion for run in found] == ["failure", "success"]
    for conclusion in ("neutral", "skipped"):
        with pytest.raises(InvalidError):
            publish_check(hub, report(head, conclusion=conclusion))


@pytest.mark.parametrize("what", ["cut after", 500])
def test_a_status_is_set_once(
    hub: GitHub, github_contract: InProcess, head: str, what: int | str
) -> None:
    text = StatusText(head, "pipeline / static / a", StatusState.FAILURE, "Red")
    github_contract.fail("POST", "/statuses", what)

    outcomes = [publish_status(hub, text).outcome for _ in range(2)]
    changed = replace(text, state=StatusState.SUCCESS, description="Green")
    outcomes.append(publish_status(hub, changed).outcome)

    assert outcomes == [Outcome.CREATED, Outcome.UNCHANGED, Outcome.UPDATED]
    statuses = github_contract.world.repositories["octo/shop"].statuses
    assert [one["state"] for one in statuses] == ["failure", "success"]


def crowd(world: InProcess, number: int = 350) -> list[Comment]:
    """An issue with many comments; some carry our marker, none is ours."""
    repo = world.world.repositories["octo/shop"]
    repo.issues[1] = Issue(1, 1, "One", "", "octocat")
    bodies = (f"{MARKER}\nforged", f"no marker first\n{MARKER}", "something")
    made = [
        Comment(n, 1, bodies[n % 3], "mallory" if n % 3 == 0 else BOT)
        for n in range(10, number + 10)
    ]
    repo.comments.update({one.id: one for one in made})
    return made


def test_one_comment_among_hundreds_and_forged_ones(
    hub: GitHub, github_contract: InProcess
) -> None:
    before = [one.body for one in crowd(github_contract)]
    text = CommentText(MARKER, f"{MARKER}\nAll is well.")

    outcomes = [publish_comment(hub, 1, text, BOT).outcome for _ in range(3)]
    changed = CommentText(MARKER, f"{MARKER}\nNot so.")
    outcomes.append(publish_comment(hub, 1, changed, BOT).outcome)

    assert outcomes == [Outcome.CREATED, Outcome.UNCHANGED, Outcome.UNCHANGED, Outcome.UPDATED]
    comments = list(github_contract.world.repositories["octo/shop"].comments.values())
    assert [one.body for one in comments[:350]] == before
    assert [one.body for one in comments[350:]] == [f"{MARKER}\nNot so."]


@pytest.mark.parametrize("what", ["cut", "cut after", 502])
def test_a_comment_whose_answer_was_lost_is_there_once(
    hub: GitHub, github_contract: InProcess, what: int | str
) -> None:
    crowd(github_contract, 5)
    github_contract.fail("POST", "/comments$", what)

    publish_comment(hub, 1, CommentText(MARKER, f"{MARKER}\nx"), BOT)

    comments = github_contract.world.repositories["octo/shop"].comments.values()
    assert len([one for one in comments if one.body == f"{MARKER}\nx"]) == 1


def test_without_an_author_no_comment_is_taken_for_ours(
    hub: GitHub, github_contract: InProcess
) -> None:
    crowd(github_contract, 5)

    assert publish_comment(hub, 1, CommentText(MARKER, "x"), "").outcome is Outcome.CREATED


def test_a_comment_that_the_store_knows_is_ours_whoever_we_are(
    hub: GitHub, github_contract: InProcess
) -> None:
    crowd(github_contract, 5)
    text = CommentText(MARKER, f"{MARKER}\nx")
    made = publish_comment(hub, 1, text, "our-app[bot]")

    assert made.author == BOT
    again = publish_comment(hub, 1, text, "our-app[bot]", known=made.number)
    assert again.outcome is Outcome.UNCHANGED


def issue(**more: object) -> IssueText:
    made = IssueText(MARKER, "Review: a", f"{MARKER}\nWhat now?", ("pipeline",))
    return replace(made, **more)  # type: ignore[arg-type]


def issues_of(world: InProcess) -> list[tuple[str, str, str]]:
    found = world.world.repositories["octo/shop"].issues.values()
    return [(one.title, one.state, one.login) for one in found]


@pytest.mark.parametrize("what", [None, "cut", "cut after", 500])
def test_an_issue_opens_once_closes_and_opens_again(
    hub: GitHub, github_contract: InProcess, what: int | str | None
) -> None:
    if what:
        github_contract.fail("POST", "/issues$", what)

    def publish(text: IssueText, **more: bool) -> Outcome | None:
        found = Issues(hub, BOT).publish(text, **more)
        return found.outcome if found else None

    assert publish(issue(is_open=False)) is None
    assert publish(issue()) is Outcome.CREATED
    assert publish(issue()) is Outcome.UNCHANGED
    assert publish(issue(title="Review: b")) is Outcome.UPDATED
    assert publish(issue(is_open=False)) is Outcome.CLOSED
    assert publish(issue(is_open=False)) is Outcome.UNCHANGED
    assert publish(issue()) is Outcome.LEFT_ALONE
    assert publish(issue(), was_closed_by_us=True) is Outcome.UPDATED
    assert issues_of(github_contract) == [("Review: a", "open", BOT)]


def test_a_forged_issue_is_left_alone(
    make_hub: Callable[..., GitHub], github_contract: InProcess
) -> None:
    github_contract.world.add_token("ghp_mallory", login="mallory")
    forged = {"title": "Mine", "body": f"{MARKER}\nmine", "labels": ["pipeline"]}
    make_hub("ghp_mallory").request("POST", "issues", body=forged)

    Issues(make_hub(), BOT).publish(issue())

    assert [login for _, _, login in issues_of(github_contract)] == ["mallory", BOT]


def branch(world: InProcess, name: str) -> str:
    repo = world.world.repositories["octo/shop"]
    repo.bare.commit_files(f"refs/heads/{name}", {"x.txt": name}, "Change")
    return repo.bare.refs("refs/heads/")[f"refs/heads/{name}"]


PULL = PullRequestText("ws/a", "main", "Do a", "Because.", ("pipeline", "epic:shop"))


@pytest.mark.parametrize("what", [None, "cut", "cut after", 502])
def test_a_pull_request_is_made_once_and_kept_up_to_date(
    hub: GitHub, github_contract: InProcess, what: int | str | None
) -> None:
    commit = branch(github_contract, "ws/a")
    if what:
        github_contract.fail("POST", "/pulls$", what)
        github_contract.fail("POST", "/labels$", what)

    outcomes = [publish_pull(hub, PULL, commit).outcome for _ in range(2)]
    changed = replace(PULL, title="Do a well", labels=("pipeline", "late"))
    outcomes += [publish_pull(hub, changed, commit).outcome for _ in range(2)]

    assert outcomes == [Outcome.CREATED, Outcome.UNCHANGED, Outcome.UPDATED, Outcome.UNCHANGED]
    (made,) = github_contract.world.repositories["octo/shop"].issues.values()
    assert (made.title, made.labels) == ("Do a well", ["pipeline", "epic:shop", "late"])


def test_a_pull_request_from_a_fork_of_the_same_owner_is_not_ours(
    hub: GitHub, github_contract: InProcess
) -> None:
    """Its label is the same, ``octo:ws/a``."""
    commit = branch(github_contract, "ws/a")
    github_contract.world.add_repository("octo/copy", fork_of="octo/shop")
    publish_pull(hub, PULL, commit)
    assert find_pull(hub, "ws/a", "main") is not None
    (theirs,) = github_contract.world.repositories["octo/shop"].issues.values()
    assert theirs.pull is not None
    theirs.pull.head_repo = "octo/copy"

    assert find_pull(hub, "ws/a", "main") is None


def test_line_ends_of_a_web_form_are_no_change(hub: GitHub, github_contract: InProcess) -> None:
    commit = branch(github_contract, "ws/a")
    text = replace(PULL, body="One\nTwo\n")
    publish_pull(hub, text, commit)
    (made,) = github_contract.world.repositories["octo/shop"].issues.values()
    made.body = "One\r\nTwo"

    assert publish_pull(hub, text, commit).outcome is Outcome.UNCHANGED


def test_no_draft_where_there_are_none(hub: GitHub, github_contract: InProcess) -> None:
    commit = branch(github_contract, "ws/a")
    said = {"message": "Draft pull requests are not supported in this repository."}
    github_contract.fail("POST", "/pulls$", 422, body=said)

    made = publish_pull(hub, replace(PULL, is_draft=True), commit)

    assert (made.outcome, made.state) == (Outcome.CREATED, "open")


def test_who_we_are(make_hub: Callable[..., GitHub], github_contract: InProcess) -> None:
    github_contract.world.add_token("ghp_alice", login="alice")

    assert author_of(make_hub("ghp_alice"), {}) == "alice"
    # GET /user is not for tokens of installations.
    assert author_of(make_hub(), {}) == BOT
    assert author_of(make_hub(), {"PIPELINE_GITHUB_APP": "our-app"}) == "our-app[bot]"


def test_sizes_are_asserted_before_anything_is_sent(
    hub: GitHub, github_contract: InProcess, head: str
) -> None:
    for go in (
        lambda: publish_check(hub, report(head, summary="x" * 65_536)),
        lambda: publish_comment(hub, 1, CommentText(MARKER, "x" * 65_536), BOT),
        lambda: publish_pull(hub, replace(PULL, title="x" * 257), head),
        lambda: Issues(hub, BOT).publish(issue(body="x" * 65_536)),
    ):
        with pytest.raises(InvalidError, match="characters"):
            go()
    assert github_contract.log() == []


def test_the_limits_are_those_that_the_texts_keep() -> None:
    assert sent.BODY >= limits.BODY
    assert (sent.CHECK_TEXT, sent.ANNOTATIONS) == (
        limits.CHECK_TEXT,
        limits.ANNOTATIONS_PER_REQUEST,
    )
    assert (sent.TITLE, sent.LABEL, sent.DESCRIPTION) == (
        limits.TITLE,
        limits.LABEL,
        limits.STATUS_DESCRIPTION,
    )
    assert sent.SARIF == limits.SARIF_BYTES


def test_sarif_is_packed_as_github_takes_it(
    hub: GitHub, github_contract: InProcess, head: str
) -> None:
    upload_sarif(hub, pack_sarif(()), commit=head, ref="refs/heads/main")

    assert len(github_contract.world.repositories["octo/shop"].sarifs) == 1


def test_errors_are_all_of_one_kind() -> None:
    assert issubclass(InvalidError, GitHubError)
