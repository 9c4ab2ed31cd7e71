"""What another job hands over is data: its form is checked, its words are made into texts here."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from github_views import Told, make_view
from rendered import render

from pipeline.base.errors import InputError
from pipeline.base.schema import fast_check
from pipeline.model.config import Config, PublishConfig
from pipeline.model.finding import Finding
from pipeline.model.record import StepAttempt
from pipeline.model.states import RunState, WorkstreamState
from pipeline.report.github.artifact import MAX_BYTES, read_artifact, write_artifact
from pipeline.report.github.checks import checks
from pipeline.report.github.comments import sticky_comment
from pipeline.report.github.pull_requests import pull_requests
from pipeline.report.github.view import Place, RunView

FOUND = Finding("ruff", "F401", "@octocat see #1", b"a.py", 3, signature="ruff::F401::x")
PLACE = Place("octo/shop", base="main")
ID = "01jdaaaaaaaaaaaaaaaaaaaaab"


def a_view() -> RunView:
    told = {"a": Told(), "b": Told(WorkstreamState.QUARANTINED, (FOUND,), "red")}
    view = make_view(told, state=RunState.PARTIAL)
    return replace(
        view,
        workstreams=tuple(
            replace(ws, attempts=tuple(map(_stored, ws.attempts))) for ws in view.workstreams
        ),
    )


def _stored(attempt: StepAttempt) -> StepAttempt:
    return replace(attempt, attempt_id=ID, stdout_log="/home/me/log", details={
        **attempt.details, "conflict": "x" * 1000, "agent": {"secret": "s3cret"},
    })  # fmt: skip  # what it has besides


def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(write_artifact(a_view()))
    return read


def read(data: Any) -> RunView:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return read_artifact(content, config=Config(), place=PLACE)


def test_the_same_is_told_from_it() -> None:
    view = a_view()
    again = read(write_artifact(view))
    assert checks(again) == checks(view)
    assert [one.body for one in pull_requests(again)] == [one.body for one in pull_requests(view)]
    assert sticky_comment(again) == sticky_comment(view)


def test_it_keeps_to_its_schema_and_holds_nothing_that_is_not_told() -> None:
    content = write_artifact(a_view())
    assert fast_check("report_artifact.v1.json")(json.loads(content))
    assert b"s3cret" not in content and b"/home/me" not in content and b"xxxx" not in content


def _change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        target: Any = data
        for name in parents:
            target = target[int(name) if name.isdigit() else name]
        target[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _change("format", 2),
        _change("run/run_id", "../../etc"),
        _change("run/state", "wonderful"),
        _change("run/base_commit", "--upload-pack=x"),
        _change("workstreams/0/record/ws_id", "<img>"),
        _change("workstreams/0/record/ws_id", "b"),
        _change("workstreams/0/record/commit", "HEAD"),
        _change("workstreams/0/record/run_id", ID),
        _change("workstreams/0/bundle/id", "other"),
        _change("workstreams/0/bundle/tasks", "one"),
        _change("workstreams/0/bundle/tasks", ["x"] * 2000),
        _change("workstreams/0/bundle/description", "x" * 200_000),
        _change("workstreams/0/bundle/depends_on", ["a/../b"]),
        _change("workstreams/0/attempts/0/state", "neutral"),
        _change("workstreams/0/spent", {"attempts": -1}),
        _change("workstreams/0/evil", 1),
        _change("evil", 1),
        _change("place", {"repository": "evil/evil"}),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    data = document()
    read(data)
    change(data)
    with pytest.raises(InputError, match="not fit to be read"):
        read(data)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"null", b"{}", b'{"format": NaN}', b"[" * 100_000, b"1" * 10_000],
)
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        read(content)


def test_what_is_too_large_is_not_even_parsed() -> None:
    with pytest.raises(InputError, match="more than"):
        read(b" " * (MAX_BYTES + 1))


def test_a_forged_text_does_nothing() -> None:
    data = document()
    _change("workstreams/0/bundle/title", "@octocat ![x](http://e.example) <!-- x -->")(data)
    _change("workstreams/1/record/reason", "fixes #1 </details> https://evil.example")(data)
    for one in pull_requests(read(data)):
        found = render(one.body)
        assert not (found.live or found.images or found.foreign_elements)


def test_the_reader_decides_how_it_is_published() -> None:
    config = Config(publish=PublishConfig(labels=("mine",), draft="always"))
    view = read_artifact(write_artifact(a_view()), config=config, place=PLACE)
    assert all(one.labels == ("mine",) and one.is_draft for one in pull_requests(view))
    assert view.place == PLACE


def test_findings_go_where_there_is_no_room() -> None:
    found = tuple(replace(FOUND, line=n + 1) for n in range(500))
    told = {"b": Told(WorkstreamState.QUARANTINED, found, "red")}
    view = make_view(told)
    (ws,) = view.workstreams
    stored = replace(ws, attempts=tuple(replace(a, attempt_id=ID) for a in ws.attempts))
    again = read(write_artifact(replace(view, workstreams=(stored,)), room=12_000))
    assert 0 < len(again.workstreams[0].findings) < 500
