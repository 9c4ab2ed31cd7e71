"""The fake cannot drift from the description: whatever is asked, its answers fit, and it stands."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fakehub import description
from fakehub.contract import Request
from fakehub.in_process import API, WEB
from fakehub.routing import ROUTES
from fakehub.runs import add_run
from fakehub.world import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADERS = {"authorization": "Bearer ghs_good"}
REPO = {"owner": "octo", "repo": "shop"}
FILLED = (
    ("pulls", {"head": "work", "base": "main", "title": "t", "draft": True}),
    ("issues", {"title": "i", "labels": ["bug"], "assignees": ["octo"]}),
    ("issues/1/comments", {"body": "hi"}),
    ("issues/1/reactions", {"content": "eyes"}),
    ("issues/comments/{comment}/reactions", {"content": "+1"}),
    ("pulls/1/reviews", {"body": "r", "event": "COMMENT"}),
    ("pulls/1/comments", {"body": "l", "path": "n", "line": 1, "commit_id": "{sha}"}),
    ("check-runs", {"name": "g", "head_sha": "{sha}", "conclusion": "failure"}),
    ("statuses/{sha}", {"state": "pending"}),
    ("deployments", {"ref": "main", "required_contexts": []}),
    ("deployments/{deployment}/statuses", {"state": "success"}),
    ("releases", {"tag_name": "v1"}),
)


def ask(world: World, method: str, path: str, body: Any = None, query: str = "") -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    return world.handle(Request(method, path, query, HEADERS, content), API, WEB)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One of everything."""
    world = World(tmp_path)
    repo = world.add_repository("octo/shop", files={"README.md": "x\n"})
    world.add_token("ghs_good")
    sha = repo.bare.commit_files("refs/heads/work", {"n": "n\n"}, "m", start="refs/heads/main")
    values: dict[str, Any] = {
        "path": ".github/workflows/ci.yml",
        "name": "CI",
        "head_branch": "work",
        "head_sha": sha,
        "event": "push",
        "actor": "alice",
        "status": "completed",
        "conclusion": "failure",
        "head_repo": "",
        "artifacts": {"a": {"b": "c"}},
        "jobs": [{"name": "j", "conclusion": "failure", "steps": [{"name": "s"}]}],
    }
    add_run(world, repo, values)
    for path, body in FILLED:
        known = {
            "sha": sha,
            "comment": next(iter(repo.comments), 0),
            "deployment": next(iter(repo.deployments), 0),
        }
        text = json.dumps(body).replace('"{sha}"', json.dumps(sha))
        done = ask(world, "POST", f"/repos/octo/shop/{path.format(**known)}", json.loads(text))
        assert done.status in (200, 201), done.body
    yield world
    assert world.violations == []


@pytest.fixture
def the_world(world: World) -> Callable[[], World]:
    """The world as it was at first, each time. Not itself: hypothesis would print all of it."""
    saved = copy.deepcopy(world.repositories)
    bare = saved["octo/shop"].bare
    refs = bare.refs()

    def as_it_was() -> World:
        world.repositories = copy.deepcopy(saved)
        for ref in bare.refs():
            (bare.path / ref).unlink()
        for ref, sha in refs.items():
            file = bare.path / ref
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{sha}\n")
        return world

    return as_it_was


def numbers(world: World) -> dict[str, Any]:
    """A value of the world for each name in a path."""
    repo = world.repositories["octo/shop"]
    sha = repo.bare.resolve("work")
    first = {
        "issue_number": 1,
        "pull_number": 1,
        "comment_id": next(iter(repo.comments), 1),
        "reaction_id": next(iter(repo.reactions), 1),
        "review_id": next(iter(repo.reviews), 1),
        "check_run_id": next(iter(repo.check_runs), 1),
        "check_suite_id": next(iter(repo.check_suites), 1),
        "run_id": next(iter(repo.runs), 1),
        "job_id": next(iter(repo.jobs), 1),
        "artifact_id": next(iter(repo.artifacts), 1),
        "deployment_id": next(iter(repo.deployments), 1),
        "status_id": next(iter(repo.deployments.values()))["statuses"][0]["id"],
        "release_id": next(iter(repo.releases), 1),
        "workflow_id": "ci.yml",
        "attempt_number": 1,
        "archive_format": "zip",
        "sarif_id": "x",
        "username": "octo",
        "branch": "work",
        "basehead": "main...work",
        "path": "README.md",
        "name": "bug",
        "tag": "v1",
        "tree_sha": repo.bare.commit(sha).tree,
        "file_sha": repo.bare.text("rev-parse", f"{sha}:n"),
    }
    return {**REPO, **first, **dict.fromkeys(("sha", "commit_sha"), sha)}


def path_of(template: str, values: dict[str, Any]) -> str:
    """A template filled; a `ref` is a commit, or heads/… in the git database."""
    values = {**values, "ref": "heads/work" if "/git/" in template else values["sha"]}
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", quote(str(value), safe="/"))
    return template


def test_every_described_endpoint_is_there(world: World) -> None:
    document = description.load()
    described = {(m.upper(), path) for path, one in document["paths"].items() for m in one}
    assert set(ROUTES) == described


def test_every_read_answers_as_described(world: World) -> None:
    odd = {}
    for method, template in ROUTES:
        query = "q=is:open" if template == "/search/issues" else ""
        if method == "GET":
            path = path_of(template, numbers(world))
            status = ask(world, method, path, query=query).status
            if status not in (200, 204, 302):
                odd[template] = status
    assert odd == {
        "/user": 403,  # an app's token is nobody
        "/repos/{owner}/{repo}/pulls/{pull_number}/merge": 404,
        "/repos/{owner}/{repo}/code-scanning/sarifs/{sarif_id}": 404,
    }


TEXTS = st.sampled_from(["", "x", "ä\n", "main", "work", "refs/heads/z", "octo:work", "a" * 70])


def values_of(schema: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """Values of a schema: mostly good ones, with texts that mean something here."""
    schema = _plain(schema)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for word in ("oneOf", "anyOf"):
        if word in schema and "properties" not in schema:
            return st.one_of([values_of(one, name) for one in schema[word]])
    if schema.get("format") == "date-time":
        return st.just("2026-01-02T03:04:05Z")
    kind = schema.get("type", "object")
    if kind == "object":
        known = schema.get("properties", {})
        must = set(schema.get("required", ()))
        inner = {key: values_of(one, key) for key, one in known.items() if not one.get("readOnly")}
        return st.fixed_dictionaries(
            {key: value for key, value in inner.items() if key in must},
            optional={key: value for key, value in inner.items() if key not in must},
        )
    if kind == "array":
        low = schema.get("minItems", 0)
        return st.lists(values_of(schema.get("items", {}), name), min_size=low, max_size=low + 1)
    if name in ("sha", "head_sha", "commit_sha", "commit_id", "tree", "base_tree", "parents"):
        return st.sampled_from(["SHA", "0" * 40, "x"])
    simple: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(-1, 3),
        "number": st.just(1),
        "boolean": st.booleans(),
    }
    return simple.get(kind, TEXTS)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        where: Any = description.load()
        for part in schema["$ref"].split("/")[1:]:
            where = where[part]
        schema = where
    return schema


def _body_schema(method: str, template: str) -> dict[str, Any] | None:
    operation = description.load()["paths"][template][method.lower()]
    content = _plain(operation.get("requestBody", {})).get("content", {})
    return content.get("application/json", {}).get("schema")


@st.composite
def requests_of(draw: st.DrawFn, routes: list[tuple[str, str]]) -> tuple[str, str, Any, str]:
    method, template = draw(st.sampled_from(routes))
    schema = _body_schema(method, template)
    body = draw(values_of(schema)) if schema else None
    query = {}
    for one in description.load()["paths"][template][method.lower()].get("parameters", []):
        parameter = _plain(one)
        if parameter["in"] == "query" and (parameter.get("required") or draw(st.booleans())):
            query[parameter["name"]] = draw(values_of(parameter["schema"], parameter["name"]))
    return method, template, body, urlencode(query)


def _routes() -> list[tuple[str, str]]:
    from fakehub.endpoints import load_all

    load_all()
    return sorted(ROUTES)


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(asked=requests_of(_routes()), is_there=st.booleans())
def test_whatever_is_asked_the_answer_fits(
    the_world: Callable[[], World], asked: tuple[str, str, Any, str], is_there: bool
) -> None:
    world, (method, template, body, query) = the_world(), asked
    values = numbers(world)
    text = json.dumps(body).replace('"SHA"', json.dumps(values["sha"]))
    if not is_there:
        numeric = [key for key, value in values.items() if isinstance(value, int)]
        values = dict.fromkeys(values, "nobody") | dict.fromkeys(numeric, 999_999) | REPO
    done = ask(world, method, path_of(template, values), json.loads(text), query)
    assert done.status < 500, done.body
    # What hypothesis asks may break the contract; what the fake answers may not.
    assert [one for one in world.violations if one.startswith("answer ")] == []
    world.violations.clear()
