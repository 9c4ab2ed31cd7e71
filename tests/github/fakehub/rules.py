"""Limits that GitHub documents or enforces but its OpenAPI description lacks, each with its source.

They depend on the request alone. What depends on the repository's state (rights, duplicates, a head
that is not there) is answered by the endpoints, since a client may meet it without being wrong.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

BODY = 65_536
"""Characters in the body of an issue, a pull request, a comment or a review: 422 "body is too long
(maximum is 65536 characters)", on create and update; renovatebot/renovate #2032 (pull requests),
projectdiscovery/nuclei #634 (issues), peter-evans/create-or-update-comment #181 (comments)."""
TITLE = 256
"""Characters in a title: 422 "title is too long (maximum is 256 characters)";
googleapis/repo-automation-bots #1895. One line alone: WordPress/contributor-toolkit #178."""
LABEL = 50
"""Characters in a label's name: 422 "name is too long (maximum is 50 characters)"; github/docs
#32156; where a label is made by adding it to an issue, 422 too: semantic-release/github #518."""
LABEL_TEXT = 100
"""Characters in a label's description; "Must be 100 characters or fewer", REST docs, labels."""
LABELS = 100
"""Labels on an issue, as its page tells; no message of the API's is known."""
ANNOTATIONS = 50
"""Annotations in one request; docs.github.com/rest/checks/runs: "limits the number of annotations
to a maximum of 50 per API request"."""
OUTPUT = 65_535
"""Characters in `output.summary` and `output.text`, same page."""
ANNOTATION_TITLE = 255
"""Characters in an annotation's title, same page."""
ANNOTATION_TEXT = 64 * 1024
"""Bytes in an annotation's message and raw_details ("64 KB"), same page."""
CHECK_ACTIONS = 3
"""Buttons of a check run, same page."""
STATUS_TEXT = 140
"""Characters in a commit status's description: 422 "description is too long (maximum is 140
characters)"; dcoapp/app #29."""
SARIF = 10 * 1024 * 1024
"""Bytes of a gzipped SARIF file; docs.github.com, "SARIF results file is too large"."""
SARIF_RUNS, SARIF_RESULTS = 20, 25_000
"""docs.github.com, "SARIF results exceed one or more limits"."""
DEPLOYMENT_TEXT = 140
"""Characters in the description of a deployment or its status; Shopify/shipit-engine #1004."""
WORKFLOW_INPUTS = 25
"""Inputs of a workflow dispatch; docs.github.com/rest/actions/workflows."""
REF_PARTS = "refs/ and at least two slashes"
"""What a new ref's full name needs; docs.github.com/rest/git/refs#create-a-reference."""

Rule = Callable[[dict[str, Any]], Iterator[str]]


def broken_rules(method: str, template: str, body: Any) -> list[str]:
    """The rules that a request's decoded body breaks, as GitHub words them where it is known."""
    if isinstance(body, list):  # labels, which alone may come without their name
        body = {"labels": body}
    if not isinstance(body, dict):
        return []
    rules = _RULES.get((method.upper(), template.removeprefix("/repos/{owner}/{repo}")), ())
    return [reason for rule in rules for reason in rule(body)]


def _too_long(name: str, limit: int) -> Rule:
    def rule(body: dict[str, Any]) -> Iterator[str]:
        value = body.get(name)
        if isinstance(value, str) and len(value) > limit:
            yield f"{name} is too long (maximum is {limit} characters)"

    return rule


def _not_empty(name: str) -> Rule:
    """docs.github.com/rest/issues/comments and pulls: 422 "can't be blank" for empty texts."""

    def rule(body: dict[str, Any]) -> Iterator[str]:
        value = body.get(name)
        if isinstance(value, str) and not value.strip():
            yield f"{name} can't be blank"

    return rule


def _one_line(body: dict[str, Any]) -> Iterator[str]:
    if "\n" in str(body.get("title") or ""):
        yield "title: has to be one line"


def _check_run(body: dict[str, Any]) -> Iterator[str]:
    """docs.github.com/rest/checks/runs, parameters of create and update."""
    if body.get("status") == "completed" and not body.get("conclusion"):
        yield "conclusion: required when the status is completed"
    if body.get("conclusion") == "stale":
        yield "conclusion: stale is set by GitHub alone"
    if body.get("conclusion") and body.get("status") not in (None, "completed"):
        yield "status: a conclusion sets it to completed"
    if len(body.get("actions") or ()) > CHECK_ACTIONS:
        yield f"actions: no more than {CHECK_ACTIONS}"
    output = body.get("output")
    if isinstance(output, dict):
        yield from _output(output)


def _output(output: dict[str, Any]) -> Iterator[str]:
    for name in ("summary", "text"):
        if len(output.get(name) or "") > OUTPUT:
            yield f"output.{name}: only {OUTPUT} characters are allowed"
    annotations = output.get("annotations")
    if not isinstance(annotations, list):
        return
    if len(annotations) > ANNOTATIONS:
        yield f"output.annotations: no more than {ANNOTATIONS} in one request"
    for number, one in enumerate(annotations):
        if isinstance(one, dict):
            yield from (f"output.annotations[{number}].{reason}" for reason in _annotation(one))


def _annotation(one: dict[str, Any]) -> Iterator[str]:
    start, end = one.get("start_line"), one.get("end_line")
    if isinstance(start, int) and isinstance(end, int):
        if start < 1 or end < start:
            yield "start_line: lines are counted from 1, and end_line is not before it"
        if start != end and ("start_column" in one or "end_column" in one):
            yield "start_column: only where start_line and end_line are the same"
    path = one.get("path")
    if isinstance(path, str) and (path.startswith("/") or ".." in path.split("/") or not path):
        yield "path: has to be a file of the repository"
    if not one.get("message"):
        yield "message: can't be blank"
    if len(one.get("title") or "") > ANNOTATION_TITLE:
        yield f"title: maximum is {ANNOTATION_TITLE} characters"
    for name in ("message", "raw_details"):
        if len(str(one.get(name) or "").encode()) > ANNOTATION_TEXT:
            yield f"{name}: maximum is 64 KB"


def _new_ref(body: dict[str, Any]) -> Iterator[str]:
    ref = body.get("ref")
    if isinstance(ref, str) and (not ref.startswith("refs/") or ref.count("/") < 2):
        yield f"ref: needs {REF_PARTS}"


def _labels(body: dict[str, Any]) -> Iterator[str]:
    labels = body.get("labels") or []
    if len(labels) > LABELS:
        yield f"labels: no more than {LABELS}"
    for one in labels:
        name = one.get("name") if isinstance(one, dict) else one
        if not isinstance(name, str) or not name.strip():
            yield "labels: a label without a name"
        if isinstance(name, str) and len(name) > LABEL:
            yield f"labels: name is too long (maximum is {LABEL} characters)"


def _tree(body: dict[str, Any]) -> Iterator[str]:
    """docs.github.com/rest/git/trees: what an entry is made of."""
    for number, one in enumerate(body.get("tree", [])):
        if not one.get("path") or not one.get("mode"):
            yield f"tree[{number}]: needs path and mode"
        if ("sha" in one) == ("content" in one):
            yield f"tree[{number}]: needs one of sha and content"


def _review(body: dict[str, Any]) -> Iterator[str]:
    """docs.github.com/rest/pulls/reviews: "Required when using REQUEST_CHANGES or COMMENT"."""
    is_empty = not body.get("body") and not body.get("comments")
    if is_empty and body.get("event") in ("REQUEST_CHANGES", "COMMENT"):
        yield f"body: required with {body['event']}"


def _review_request(body: dict[str, Any]) -> Iterator[str]:
    if not body.get("reviewers") and not body.get("team_reviewers"):
        yield "reviewers: one of reviewers and team_reviewers is needed"


def _web_address(name: str) -> Rule:
    """A status's target, a deployment's log: "must use http(s) scheme"."""

    def rule(body: dict[str, Any]) -> Iterator[str]:
        value = body.get(name)
        if value and not str(value).startswith(("https://", "http://")):
            yield f"{name}: must use http(s) scheme"

    return rule


def _sarif(body: dict[str, Any]) -> Iterator[str]:
    """docs.github.com/rest/code-scanning: gzip, then Base64; a full ref; limits of the file."""
    ref = str(body.get("ref", ""))
    if not ref.startswith(("refs/heads/", "refs/pull/", "refs/tags/")):
        yield "ref: has to be refs/heads/…, refs/tags/… or refs/pull/…"
    try:
        packed = base64.b64decode(str(body.get("sarif", "")), validate=True)
        sarif = json.loads(gzip.decompress(packed))
    except (binascii.Error, OSError, EOFError, zlib.error, ValueError) as error:
        yield f"sarif: not gzipped, Base64 encoded JSON: {error}"
        return
    if len(packed) > SARIF:
        yield "sarif: larger than 10 MB"
    if sarif.get("version") != "2.1.0" or not isinstance(sarif.get("runs"), list):
        yield "sarif: not SARIF 2.1.0"
        return
    if len(sarif["runs"]) > SARIF_RUNS:
        yield f"sarif: more than {SARIF_RUNS} runs"
    if any(len(run.get("results") or ()) > SARIF_RESULTS for run in sarif["runs"]):
        yield f"sarif: more than {SARIF_RESULTS} results in a run"


def _inputs(body: dict[str, Any]) -> Iterator[str]:
    if len(body.get("inputs") or {}) > WORKFLOW_INPUTS:
        yield f"inputs: no more than {WORKFLOW_INPUTS}"


def _dispatch(body: dict[str, Any]) -> Iterator[str]:
    """docs.github.com/rest/repos/repos: the payload is smaller than 64 KB."""
    if len(json.dumps(body.get("client_payload", {}))) >= 64 * 1024:
        yield "client_payload: larger than 64 KB"


_TITLED = (
    _one_line,
    _too_long("title", TITLE),
    _not_empty("title"),
    _too_long("body", BODY),
    _labels,
)
_COMMENT = (_too_long("body", BODY), _not_empty("body"))
_LABEL = (
    _too_long("name", LABEL),
    _too_long("new_name", LABEL),
    _too_long("description", LABEL_TEXT),
    _not_empty("name"),
)
_STATUS = (_too_long("description", STATUS_TEXT), _web_address("target_url"))
_DEPLOYED = (
    _too_long("description", DEPLOYMENT_TEXT),
    _web_address("log_url"),
    _web_address("environment_url"),
)
_RULES: dict[tuple[str, str], tuple[Rule, ...]] = {
    ("POST", "/pulls"): _TITLED,
    ("PATCH", "/pulls/{pull_number}"): _TITLED,
    ("POST", "/issues"): _TITLED,
    ("PATCH", "/issues/{issue_number}"): _TITLED,
    ("POST", "/issues/{issue_number}/comments"): _COMMENT,
    ("PATCH", "/issues/comments/{comment_id}"): _COMMENT,
    ("POST", "/pulls/{pull_number}/comments"): _COMMENT,
    ("POST", "/pulls/{pull_number}/reviews"): (_too_long("body", BODY), _review),
    ("POST", "/pulls/{pull_number}/requested_reviewers"): (_review_request,),
    ("POST", "/labels"): _LABEL,
    ("PATCH", "/labels/{name}"): _LABEL,
    ("POST", "/issues/{issue_number}/labels"): (_labels,),
    ("PUT", "/issues/{issue_number}/labels"): (_labels,),
    ("POST", "/check-runs"): (_check_run,),
    ("PATCH", "/check-runs/{check_run_id}"): (_check_run,),
    ("POST", "/statuses/{sha}"): _STATUS,
    ("POST", "/git/refs"): (_new_ref,),
    ("POST", "/git/trees"): (_tree,),
    ("POST", "/code-scanning/sarifs"): (_sarif,),
    ("POST", "/deployments"): (_too_long("description", DEPLOYMENT_TEXT),),
    ("POST", "/deployments/{deployment_id}/statuses"): _DEPLOYED,
    ("POST", "/actions/workflows/{workflow_id}/dispatches"): (_inputs,),
    ("POST", "/dispatches"): (_dispatch,),
    ("POST", "/releases"): (_not_empty("tag_name"),),
}
