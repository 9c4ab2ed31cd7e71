"""Requests and answers held against GitHub's description, in process; no server, no network."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from . import description
from .rules import broken_rules

SERVER = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrives: ``path`` below the API's root, still percent-encoded."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header's value, whatever the case of its name; empty where there is none."""
        return next((v for k, v in self.headers.items() if k.lower() == name.lower()), "")

    @property
    def pairs(self) -> dict[str, str]:
        """The query's parameters, decoded."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> Any:
        """The decoded body; None where there is none. ValueError for what is not JSON."""
        return json.loads(self.body) if self.body else None


@functools.cache
def _api() -> Any:
    from openapi_core import Config, OpenAPI

    return OpenAPI.from_dict(description.load(), config=Config(spec_validator_cls=None))


def _encoded(found: description.Place) -> str:
    """The path with the slashes inside of a parameter encoded: OpenAPI knows no others."""
    path = found.template
    for name, value in found.values.items():
        path = path.replace(f"{{{name}}}", quote(unquote(value), safe=""))
    return path


def _mock(request: Request, path: str) -> Any:
    from openapi_core.testing import MockRequest

    return MockRequest(
        SERVER,
        request.method.lower(),
        path,
        args=request.pairs,
        data=request.body or None,
        content_type="application/json",
    )


def _reasons(error: BaseException) -> Iterator[str]:
    """What an error of openapi-core means, one line for each fault."""
    cause: BaseException | None = error
    while cause is not None and not hasattr(cause, "schema_errors"):
        cause = cause.__cause__
    name = getattr(error, "name", "")
    if cause is None:
        yield f"{error.__class__.__name__} {name}: {error.__cause__ or error}"
        return
    for one in cause.schema_errors:
        where = f"{name}{one.json_path.removeprefix('$')}".lstrip(".")
        yield f"{where or 'the body'}: {one.message}"[:400]


def request_violations(request: Request) -> list[str]:
    """How a request breaks the description or one of GitHub's written limits; empty for a good one.

    A path that is not in the trimmed description is a violation too.
    """
    found = description.place(request.method, request.path)
    if found is None:
        return [f"{request.method} {request.path} is no endpoint of the description"]
    try:
        body = request.json()
    except ValueError as error:
        return [f"the body is not JSON: {error}"]
    errors = _api().iter_request_errors(_mock(request, _encoded(found)))
    wrong = [reason for error in errors for reason in _reasons(error)]
    wrong += _unknown_names(request, found, body)
    wrong += broken_rules(request.method, found.template, body)
    return wrong


def response_violations(
    request: Request, status: int, body: bytes, *, content_type: str = "application/json"
) -> list[str]:
    """How an answer breaks the description; empty for a good one.

    Errors (400 and above) that the description does not list for an endpoint are let through:
    it lists only a few of those that GitHub gives.
    """
    from openapi_core.testing import MockResponse

    found = description.place(request.method, request.path)
    if found is None:
        return [f"{request.method} {request.path} is no endpoint of the description"]
    operation = description.load()["paths"][found.template][request.method.lower()]
    if str(status) not in operation["responses"]:
        return [] if status >= 400 else [f"status {status} is not described"]
    if status in (204, 205, 302, 304):
        return [f"status {status} with a body"] if body else []
    mock = MockResponse(body, status_code=status, content_type=content_type)
    errors = _api().iter_response_errors(_mock(request, _encoded(found)), mock)
    return [reason for error in errors for reason in _reasons(error)]


def event_violations(name: str, payload: Any) -> list[str]:
    """How a webhook payload breaks the description; ``name`` is as in `issue-comment-created`."""
    from openapi_schema_validator import OAS30Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT4

    document = description.load()
    registry: Any = Registry().with_resource(
        "urn:github", Resource.from_contents(document, default_specification=DRAFT4)
    )
    schema = {"$ref": f"urn:github#/x-webhooks/{name}"}
    errors = OAS30Validator(schema, registry=registry).iter_errors(payload)
    return [f"{one.json_path.removeprefix('$.')}: {one.message}"[:400] for one in errors]


def _unknown_names(request: Request, found: description.Place, body: Any) -> list[str]:
    """Names that GitHub would ignore without a word: almost always misspelt."""
    operation = description.load()["paths"][found.template][request.method.lower()]
    known = {_resolved(one)["name"] for one in operation.get("parameters", [])}
    wrong = [f"query {name}: not described" for name in request.pairs if name not in known]
    content = _resolved(operation.get("requestBody", {})).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if body is not None and schema is not None:
        wrong += [f"{where}: not described" for where in _unknown_keys([schema], body, "")]
    return wrong


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        where: Any = description.load()
        for part in node["$ref"].split("/")[1:]:
            where = where[part]
        node = where
    return node


def _alternatives(schemas: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in schemas:
        schema = _resolved(one)
        yield schema
        for word in ("oneOf", "anyOf", "allOf"):
            yield from _alternatives(schema.get(word, []))


def _unknown_keys(schemas: list[dict[str, Any]], value: Any, where: str) -> Iterator[str]:
    """Keys of objects that none of the schemas that may describe them names."""
    all_of_them = list(_alternatives(schemas))
    if isinstance(value, list):
        items = [one["items"] for one in all_of_them if "items" in one]
        for number, item in enumerate(value):
            yield from _unknown_keys(items, item, f"{where}[{number}]") if items else ()
    if not isinstance(value, dict) or not any("properties" in one for one in all_of_them):
        return
    is_open = any(one.get("additionalProperties") for one in all_of_them)
    for key, inner in value.items():
        known = [one["properties"][key] for one in all_of_them if key in one.get("properties", {})]
        if known:
            yield from _unknown_keys(known, inner, f"{where}.{key}".lstrip("."))
        elif not is_open:
            yield f"{where}.{key}".lstrip(".")
