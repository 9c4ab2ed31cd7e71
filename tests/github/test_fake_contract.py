"""The contract refuses every wrong request that it is there for, and lets right ones through."""

import base64
import gzip
import json
from typing import Any

import pytest
from fakehub import description
from fakehub.contract import (
    Request,
    event_violations,
    request_violations,
    response_violations,
)

REPO = "/repos/octo/shop"
ANNOTATION = {
    "path": "a.py",
    "start_line": 1,
    "end_line": 1,
    "annotation_level": "failure",
    "message": "m",
}
CHECK = {"name": "gate", "head_sha": "a" * 40}
PULL = {"title": "t", "head": "work", "base": "main", "body": "b", "draft": True}
LONG = "x" * 65_537


def packed(sarif: dict[str, Any]) -> str:
    return base64.b64encode(gzip.compress(json.dumps(sarif).encode())).decode()


SARIF = {
    "commit_sha": "a" * 40,
    "ref": "refs/heads/main",
    "sarif": packed({"version": "2.1.0", "runs": []}),
}


def of(method: str, path: str, body: Any = None, query: str = "") -> Request:
    content = b"" if body is None else json.dumps(body).encode()
    return Request(method, path if path.startswith("/") else f"{REPO}/{path}", query, {}, content)


def output(**more: Any) -> dict[str, Any]:
    return {**CHECK, "output": {"title": "t", "summary": "s", **more}}


def annotated(*, count: int = 1, **more: Any) -> dict[str, Any]:
    return output(annotations=[{**ANNOTATION, **more}] * count)


GOOD = [
    of("POST", "pulls", PULL),
    of("PATCH", "pulls/1", {"title": "t", "state": "closed"}),
    of("GET", "pulls", query="state=all&head=octo:work&per_page=100"),
    of("POST", "issues/1/labels", ["epic:a", "b"]),
    of("POST", "issues/1/labels", {"labels": ["a"]}),
    of("PUT", "issues/1/labels", []),
    of("POST", "issues/1/comments", {"body": "x" * 65_536}),
    of("POST", "check-runs", {**annotated(count=50), "conclusion": "failure"}),
    of("POST", "check-runs", {**CHECK, "status": "completed", "conclusion": "neutral"}),
    of("POST", "check-runs", annotated(start_column=1, end_column=2)),
    of("PATCH", "check-runs/1", output(text="x" * 65_535)),
    of("POST", f"statuses/{'a' * 40}", {"state": "error", "description": "x" * 140}),
    of("POST", "code-scanning/sarifs", SARIF),
    of("GET", "git/ref/heads/a/deep/branch"),
    of("GET", "compare/main...feature/x"),
    of("GET", "contents/a/b.py", query="ref=main"),
    of("POST", "git/refs", {"ref": "refs/pipeline/x", "sha": "a" * 40}),
    of("POST", "issues/comments/1/reactions", {"content": "+1"}),
    of("POST", "dispatches", {"event_type": "run", "client_payload": {"a": 1}}),
    of("POST", "actions/workflows/ci.yml/dispatches", {"ref": "main", "inputs": {"a": "b"}}),
    of("POST", "deployments/1/statuses", {"state": "in_progress", "log_url": "https://a.example"}),
    of("DELETE", "issues/1/labels/epic:a"),
    of("GET", "/search/issues", query="q=repo:octo/shop"),
]

BAD = {
    "an endpoint that is none": of("GET", "pull/1"),
    "a method that is none": of("PUT", "pulls/1", {}),
    "a body that is no JSON": Request("POST", f"{REPO}/pulls", "", {}, b"{"),
    "no head": of("POST", "pulls", {"title": "t", "base": "main"}),
    "a draft that is no boolean": of("POST", "pulls", {**PULL, "draft": "yes"}),
    "a misspelt key": of("POST", "pulls", {**PULL, "drafts": True}),
    "a misspelt key inside": of("POST", "check-runs", annotated(level="failure")),
    "a misspelt parameter": of("GET", "pulls", query="stat=all"),
    "a state that is none": of("GET", "pulls", query="state=merged"),
    "a title of 257": of("POST", "pulls", {**PULL, "title": "x" * 257}),
    "an issue's title of 257": of("POST", "issues", {"title": "x" * 257}),
    "a title of two lines": of("PATCH", "pulls/1", {"title": "a\nb"}),
    "an empty title": of("POST", "issues", {"title": " "}),
    "a pull request's body of 65,537": of("POST", "pulls", {**PULL, "body": LONG}),
    "an edited body of 65,537": of("PATCH", "pulls/1", {"body": LONG}),
    "an issue's body of 65,537": of("POST", "issues", {"title": "t", "body": LONG}),
    "a comment of 65,537": of("POST", "issues/1/comments", {"body": LONG}),
    "an edited comment of 65,537": of("PATCH", "issues/comments/1", {"body": LONG}),
    "an empty comment": of("POST", "issues/1/comments", {"body": ""}),
    "a review of 65,537": of("POST", "pulls/1/reviews", {"body": LONG, "event": "COMMENT"}),
    "a review that says nothing": of("POST", "pulls/1/reviews", {"event": "REQUEST_CHANGES"}),
    "nobody to review": of("POST", "pulls/1/requested_reviewers", {"reviewers": []}),
    "51 annotations": of("POST", "check-runs", annotated(count=51)),
    "51 annotations in an update": of("PATCH", "check-runs/1", annotated(count=51)),
    "a level that is none": of("POST", "check-runs", annotated(annotation_level="error")),
    "an annotation without message": of("POST", "check-runs", annotated(message="")),
    "columns over two lines": of("POST", "check-runs", annotated(end_line=2, start_column=1)),
    "lines backwards": of("POST", "check-runs", annotated(start_line=3)),
    "line 0": of("POST", "check-runs", annotated(start_line=0)),
    "an absolute path": of("POST", "check-runs", annotated(path="/a.py")),
    "a path that leaves": of("POST", "check-runs", annotated(path="../a.py")),
    "an annotation's title of 256": of("POST", "check-runs", annotated(title="x" * 256)),
    "a message over 64 KB": of("POST", "check-runs", annotated(message="ä" * 32_769)),
    "raw details over 64 KB": of("POST", "check-runs", annotated(raw_details="x" * 65_537)),
    "a summary of 65,536": of("POST", "check-runs", output(summary="x" * 65_536)),
    "a text of 65,536": of("PATCH", "check-runs/1", output(text="x" * 65_536)),
    "completed, and nothing else": of("POST", "check-runs", {**CHECK, "status": "completed"}),
    "updated to completed alone": of("PATCH", "check-runs/1", {"status": "completed"}),
    "a conclusion that is none": of("POST", "check-runs", {**CHECK, "conclusion": "error"}),
    "stale by hand": of("POST", "check-runs", {**CHECK, "conclusion": "stale"}),
    "a conclusion while it runs": of(
        "PATCH", "check-runs/1", {"status": "in_progress", "conclusion": "success"}
    ),
    "a status that is none": of("POST", f"statuses/{'a' * 40}", {"state": "okay"}),
    "a status's text of 141": of(
        "POST", f"statuses/{'a' * 40}", {"state": "error", "description": "x" * 141}
    ),
    "a target that is no address": of(
        "POST", f"statuses/{'a' * 40}", {"state": "error", "target_url": "javascript:x"}
    ),
    "a label of 51": of("POST", "labels", {"name": "x" * 51}),
    "a label of 51 on an issue": of("POST", "issues/1/labels", {"labels": ["x" * 51]}),
    "a bare label of 51 on an issue": of("POST", "issues/1/labels", ["x" * 51]),
    "an empty list of labels to add": of("POST", "issues/1/labels", []),
    "a reaction that is none": of("POST", "issues/1/reactions", {"content": "thumbsup"}),
    "a ref without refs/": of("POST", "git/refs", {"ref": "heads/x", "sha": "a" * 40}),
    "SARIF without ref": of("POST", "code-scanning/sarifs", {**SARIF, "ref": None}),
    "SARIF of a short ref": of("POST", "code-scanning/sarifs", {**SARIF, "ref": "main"}),
    "SARIF as it is": of("POST", "code-scanning/sarifs", {**SARIF, "sarif": "{}"}),
    "SARIF of another version": of(
        "POST", "code-scanning/sarifs", {**SARIF, "sarif": packed({"version": "1.0", "runs": []})}
    ),
    "SARIF with 21 runs": of(
        "POST",
        "code-scanning/sarifs",
        {**SARIF, "sarif": packed({"version": "2.1.0", "runs": [{}] * 21})},
    ),
    "a payload of 11 keys": of(
        "POST", "dispatches", {"event_type": "x", "client_payload": dict.fromkeys("abcdefghijk", 1)}
    ),
    "a payload of 64 KB": of(
        "POST", "dispatches", {"event_type": "x", "client_payload": {"a": LONG}}
    ),
    "an event type of 101": of("POST", "dispatches", {"event_type": "x" * 101}),
    "26 inputs": of(
        "POST",
        "actions/workflows/ci.yml/dispatches",
        {"ref": "main", "inputs": {str(number): "x" for number in range(26)}},
    ),
    "a deployment's state that is none": of("POST", "deployments/1/statuses", {"state": "done"}),
    "a log that is no address": of(
        "POST", "deployments/1/statuses", {"state": "success", "log_url": "file:///etc/passwd"}
    ),
}


@pytest.mark.parametrize("request_", GOOD, ids=lambda one: f"{one.method} {one.path}")
def test_what_is_right_passes(request_: Request) -> None:
    assert request_violations(request_) == []


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_refused(name: str) -> None:
    assert request_violations(BAD[name]) != []


def test_answers_are_held_against_the_description() -> None:
    asked = of("GET", "labels/a")
    label = {
        "id": 1,
        "node_id": "x",
        "url": "https://api.github.com/x",
        "name": "a",
        "color": "ffffff",
        "default": False,
        "description": None,
    }
    assert response_violations(asked, 200, json.dumps(label).encode()) == []
    for key in label:
        rest = {name: value for name, value in label.items() if name != key}
        assert response_violations(asked, 200, json.dumps(rest).encode()), key
    assert response_violations(asked, 200, json.dumps({**label, "id": "1"}).encode())
    assert response_violations(asked, 201, json.dumps(label).encode())
    assert response_violations(of("DELETE", "labels/a"), 204, b"{}")


def test_events_are_held_against_the_description() -> None:
    assert event_violations("issue-comment-created", {"action": "created"})
    assert event_violations("push", {})


def test_every_patch_is_still_needed_and_has_its_reason() -> None:
    """A patch that the description has taken over is to be deleted."""
    patches = json.loads((description.FOLDER / "patches.json").read_text())
    assert all(len(one["reason"]) > 40 for one in patches["patches"])
    with_patch = description.load()
    for one in patches["patches"]:
        if one["at"].endswith("/-"):
            where: Any = with_patch
            for part in one["at"].split("/")[1:-1]:
                where = where[part.replace("~1", "/")]
            assert where.count(one["set"]) == 1


def test_the_description_is_what_the_list_of_endpoints_asks_for() -> None:
    import sys

    sys.path.insert(0, str(description.FOLDER))
    try:
        import refresh
    finally:
        sys.path.pop(0)
    endpoints, events = refresh.kept()
    document = description.load()
    there = {(method, path) for path, one in document["paths"].items() for method in one}
    assert there - set(endpoints) == {("get", "/repos/{owner}/{repo}/statuses/{sha}")}
    assert set(endpoints) <= there
    assert set(document["x-webhooks"]) == set(events)
    assert document["info"]["version"] == refresh.VERSION
    assert document["info"]["license"]["name"] == "MIT"
