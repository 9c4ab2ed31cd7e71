"""How endpoints are written: a function for each method and path, with the rights that it needs.

The rights are those of docs.github.com/rest/authentication/permissions-required-for-github-apps (in
github/docs: src/github-apps/data/fpt-2022-11-28/server-to-server-permissions.json).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from .contract import Request
from .state import Repository, Token

if TYPE_CHECKING:
    from .world import World


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub answers; ``body`` is JSON, bytes, or None for no body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class ProblemError(Exception):
    """An error answer, in GitHub's words."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Take the status, GitHub's message, and its list of errors for a 422."""
        super().__init__(message)
        body: dict[str, Any] = {"message": message}
        if errors is not None:
            body["errors"] = errors
        body["documentation_url"] = "https://docs.github.com/rest"
        body["status"] = str(status)
        self.answer = Answer(status, body, headers or {})


def missing(what: str = "Not Found") -> ProblemError:
    """404."""
    return ProblemError(404, what)


def invalid(resource: str, field_name: str, code: str, message: str = "") -> ProblemError:
    """422 with one error, in the form of GitHub's."""
    error = {"resource": resource, "code": code}
    if field_name:
        error["field"] = field_name
    if message:
        error["message"] = message
    return ProblemError(422, "Validation Failed", errors=[error])


@dataclass(slots=True)
class Call:
    """A request at an endpoint: who, where, with what. ``api`` and ``web`` are base addresses."""

    world: "World"
    request: Request
    token: Token | None
    values: dict[str, str]
    body: Any
    api: str
    web: str
    repository: Repository | None = None

    @property
    def repo(self) -> Repository:
        """The repository of the path."""
        if self.repository is None:
            raise missing()
        return self.repository

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return self.request.pairs

    def text(self, name: str) -> str:
        """A value of the path, decoded."""
        return unquote(self.values[name])

    def number(self, name: str) -> int:
        """A number of the path."""
        return int(self.values[name]) if self.values[name].isdigit() else -1

    @property
    def login(self) -> str:
        """Who acts."""
        return self.token.login if self.token else ""

    @property
    def app(self) -> str:
        """The app that acts; empty for a person's token."""
        return (
            self.token.login.removesuffix("[bot]")
            if self.token and self.token.kind == "app"
            else ""
        )

    @property
    def root(self) -> str:
        """The API's address of the repository."""
        return f"{self.api}/repos/{self.repo.full_name}"

    @property
    def page(self) -> str:
        """The web address of the repository."""
        return f"{self.web}/{self.repo.full_name}"


Endpoint = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and the rights one of which it needs: `issues=write; pull_requests=write`."""

    run: Endpoint
    needs: str


ROUTES: dict[tuple[str, str], Route] = {}
REPO = "/repos/{owner}/{repo}"


def endpoint(method: str, path: str, needs: str = "") -> Callable[[Endpoint], Endpoint]:
    """Register a function; ``path`` starting with `.` is below the repository's."""
    template = REPO + path[1:] if path.startswith(".") else path

    def register(function: Endpoint) -> Endpoint:
        ROUTES[method, template] = Route(function, needs)
        return function

    return register


def listed(call: Call, items: list[Any], name: str = "", **more: Any) -> Answer:
    """One page of a list, with `Link` headers at the fake's own address.

    With ``name`` the answer is an object with `total_count` and the items under that name.
    """
    size = min(int(call.query.get("per_page", 30)), 100) or 30
    page = max(int(call.query.get("page", 1)), 1)
    last = max(-(-len(items) // size), 1)
    some = items[(page - 1) * size : page * size]
    links = []
    for rel, number in (("prev", page - 1), ("next", page + 1), ("first", 1), ("last", last)):
        is_there = {"next": page < last, "last": page < last}.get(rel, page > 1)
        if is_there:
            query = {**call.query, "page": str(number)}
            text = urlencode(query)
            links.append(f'<{call.api}{call.request.path}?{text}>; rel="{rel}"')
    headers = {"Link": ", ".join(links)} if links else {}
    body: Any = {"total_count": len(items), **more, name: some} if name else some
    return Answer(200, body, headers)
