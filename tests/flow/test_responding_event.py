"""Only the event of a new comment that a person wrote, in this repository, is heard."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.errors import InputError
from pipeline.flow.responding_event import CommentEvent, read_event


def event(**changes: Any) -> dict[str, Any]:
    """An event as GitHub sends it, as far as it matters; keys are dotted, None removes."""
    user = {"login": "ann", "id": 7, "type": "User"}
    document: dict[str, Any] = {
        "action": "created",
        "issue": {"number": 3, "title": "x", "pull_request": {"url": "x"}},
        "comment": {
            "id": 11,
            "body": "/pipeline status",
            "user": dict(user),
            "created_at": "2026-01-02T03:04:05Z",
            "updated_at": "2026-01-02T03:04:05Z",
            "author_association": "NONE",
            "performed_via_github_app": None,
        },
        "repository": {"full_name": "octo/shop"},
        "sender": dict(user),
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = document
        for name in parents:
            place = place[name]
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return document


def read(tmp_path: Path, document: object) -> CommentEvent:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(document))
    return read_event(path, "octo/shop")


def test_a_new_comment_of_a_person_is_heard(tmp_path: Path) -> None:
    found = read(tmp_path, event())
    assert found.refusal == ""
    assert (found.number, found.comment_id, found.login) == (3, 11, "ann")
    assert found.is_pull_request
    assert not read(tmp_path, event(issue__pull_request=None)).is_pull_request
    # A comment that was named by its id has nobody who sent it.
    assert read(tmp_path, event(sender=None)).refusal == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"action": "edited"}, "was edited"),
        ({"action": "deleted"}, "was deleted"),
        ({"action": "Created"}, "was changed"),
        ({"comment__updated_at": "2026-01-02T03:04:06Z"}, "was edited"),
        ({"comment__user__type": "Bot"}, "a person"),
        ({"comment__user__type": "Organization"}, "a person"),
        ({"comment__user__type": None}, "a person"),
        ({"comment__user__login": "ann[bot]"}, "a person"),
        ({"comment__performed_via_github_app": {"id": 1}}, "a person"),
        ({"sender__id": 8}, "a person"),
        ({"sender__type": "Bot"}, "a person"),
        ({"comment__body": "<!-- git-pipeline:reply:1:v1 -->\n/pipeline run"}, "own"),
        ({"comment__user__login": "../../x"}, "no name"),
        ({"comment__user__login": "a/b"}, "no name"),
        ({"comment__user__login": "ann\n"}, "no name"),
    ],
)
def test_what_is_not_heard(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in read(tmp_path, event(**changes)).refusal


@pytest.mark.parametrize(
    "changes",
    [
        {"repository__full_name": "evil/shop"},
        {"repository__full_name": "octo/shop/.."},
        {"repository": None},
        {"comment": None},
        {"comment": []},
        {"comment__body": 7},
        {"comment__id": "11"},
        {"comment__id": True},
        {"comment__id": -1},
        {"comment__id": 2**70},
        {"comment__user": "ann"},
        {"comment__created_at": "yesterday"},
        {"issue__number": 0},
        {"issue": None},
        {"sender": []},
        {"action": None},
    ],
)
def test_what_is_no_event_is_bad_input(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        read(tmp_path, event(**changes))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{" * 100_000, b" " * (9 << 20), b"\xff"])
def test_files_that_hold_none_are_bad_input(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(data)
    with pytest.raises(InputError):
        read_event(path, "octo/shop")
    with pytest.raises(InputError):
        read_event(tmp_path / "missing", "octo/shop")
