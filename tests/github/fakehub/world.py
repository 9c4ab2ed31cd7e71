"""One GitHub of a test: its repositories and tokens, and the checks a request goes through."""

import itertools
import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import contract, description, graphql
from .bare import Bare, GitError
from .endpoints import load_all
from .failures import Failure
from .limits import Limits
from .routing import ROUTES, Answer, Call, ProblemError, missing
from .state import Issue, Pull, Repository, Token, now

ALL_RIGHTS = dict.fromkeys(
    (
        "actions",
        "administration",
        "checks",
        "contents",
        "deployments",
        "issues",
        "pull_requests",
        "security_events",
        "statuses",
        "workflows",
    ),
    "write",
)
_SEEN = ("none", "read")


@dataclass(slots=True)
class Entry:
    """A line of the request log. ``token`` is the token's name, never its value."""

    method: str
    path: str
    query: str
    body: Any
    token: str
    status: int
    failed: str = ""


class CutError(Exception):
    """The connection is closed without an answer."""


@dataclass(slots=True)
class World:
    """State, tokens, failures, log and violations; every request goes through `handle`."""

    folder: Path
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    blobs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ids: Any = field(default_factory=lambda: itertools.count(1001))

    def __post_init__(self) -> None:
        load_all()

    def new_id(self) -> int:
        """A number nothing else has."""
        return int(next(self.ids))

    def add_repository(
        self,
        full_name: str,
        *,
        private: bool = False,
        default_branch: str = "main",
        files: dict[str, str] | None = None,
        fork_of: str = "",
        collaborators: dict[str, str] | None = None,
    ) -> Repository:
        """Make a repository; a fork begins with its parent's objects and branches."""
        owner, _, name = full_name.partition("/")
        bare = Bare(self.folder / "repositories" / owner / f"{name}.git")
        bare.create(default_branch, {} if fork_of else files or {})
        if fork_of:
            parent = self.repositories[fork_of.lower()].bare.path
            bare.git("fetch", "-q", str(parent), "+refs/heads/*:refs/heads/*")
        people = {owner: "admin", **(collaborators or {})}
        repo = Repository(
            self.new_id(), owner, name, bare, private, default_branch, fork_of, now(), people
        )
        self.repositories[full_name.lower()] = repo
        return repo

    def add_token(
        self,
        value: str,
        *,
        name: str = "",
        rights: dict[str, str] | None = None,
        login: str = "",
        repositories: tuple[str, ...] | None = None,
    ) -> Token:
        """Make a token; `ghs_…` is an app's (GITHUB_TOKEN), anything else a person's."""
        kind = "app" if value.startswith("ghs_") else "personal"
        login = login or ("github-actions[bot]" if kind == "app" else "octocat")
        given = ALL_RIGHTS if rights is None else rights
        held = {right.replace("-", "_"): level for right, level in given.items()}
        names = tuple(repositories) if repositories is not None else tuple(self.repositories)
        token = Token(value, name or value, kind, login, held, names)
        self.tokens[value] = token
        return token

    def token_of(self, header: str) -> Token | None:
        """The token of an Authorization header. ProblemError 401 for an unknown one."""
        if not header:
            return None
        scheme, _, value = header.partition(" ")
        if scheme.lower() in ("bearer", "token") and value in self.tokens:
            return self.tokens[value]
        raise ProblemError(401, "Bad credentials")

    def struck(self, method: str, path: str) -> Failure | None:
        """The failure on demand that this request meets."""
        return next((one for one in self.failures if one.strikes(method, path)), None)

    def handle(self, request: contract.Request, api: str, web: str) -> Answer:
        """Answer a request. Cut where the connection shall be closed instead."""
        with self.lock:
            name, failed, answer = "", self.struck(request.method, request.path), None
            try:
                if failed is None or failed.what == "cut after":
                    token = self.token_of(request.header("authorization"))
                    name = token.name if token else ""
                    answer = self._answered(request, token, api, web)
                elif failed.what != "cut":
                    answer = Answer(int(failed.what), failed.answer(), failed.headers)
            except ProblemError as problem:
                answer = problem.answer
            if answer is not None:
                answer = self._finished(request, answer, is_ours=failed is None)
            self._note(request, name, answer, str(failed.what) if failed else "")
            if answer is None or (failed and failed.what == "cut after"):
                raise CutError
            return answer

    def note(self, request: contract.Request, status: int) -> None:
        """Log a request that is answered elsewhere, and hold it against the contract."""
        wrong = contract.request_violations(request)
        self.violations += [f"{request.method} {request.path}: {one}" for one in wrong]
        self._note(request, "", Answer(status), "")

    def _note(
        self, request: contract.Request, name: str, answer: Answer | None, failed: str
    ) -> None:
        try:
            body = request.json()
        except ValueError:
            body = None
        status = answer.status if answer else 0
        self.log.append(
            Entry(request.method, request.path, request.query, body, name, status, failed)
        )

    def _answered(
        self, request: contract.Request, token: Token | None, api: str, web: str
    ) -> Answer:
        """Limits, place, contract, rights, then the endpoint."""
        self.limits.count(request.method, token.login if token else "anonymous")
        if (request.method, request.path) == ("POST", "/graphql"):
            return graphql.answer(self, token, request.json())
        place = description.place(request.method, request.path)
        route = ROUTES.get((request.method, place.template)) if place else None
        if place is None or route is None:
            self.violations.append(f"{request.method} {request.path}: not an endpoint of the fake")
            raise missing()
        wrong = contract.request_violations(request)
        if wrong:
            self.violations += [f"{request.method} {request.path}: {one}" for one in wrong]
            message = "Invalid request.\n\n" + "\n".join(wrong)
            raise ProblemError(422, message)
        call = Call(self, request, token, place.values, request.json(), api, web)
        if "owner" in place.values:
            call.repository = self.seen(token, f"{place.values['owner']}/{place.values['repo']}")
        self._allow(call, route.needs)
        if call.repository and call.repository.settings.is_archived and request.method != "GET":
            raise ProblemError(403, "Repository was archived so is read-only.")
        if call.repository:
            self.notice_pushes(call.repository)
        try:
            answer = route.run(call)
        except GitError as error:  # an object or a name that git cannot take
            raise ProblemError(422, f"Unprocessable: {error}") from error
        if request.method != "GET" and call.repository:
            self.notice_pushes(call.repository)
        headers = {
            **answer.headers,
            "X-Accepted-GitHub-Permissions": route.needs or "metadata=read",
        }
        return Answer(answer.status, answer.body, headers)

    def seen(self, token: Token | None, full_name: str) -> Repository:
        """A repository that the token may know of. ProblemError 404 (never 403) for others."""
        repo = self.repositories.get(full_name.lower())
        if repo is None or (repo.private and not self.knows(token, repo)):
            raise missing()
        return repo

    @staticmethod
    def knows(token: Token | None, repo: Repository) -> bool:
        """Whether a token was given for a repository."""
        names = token.repositories if token else ()
        return repo.full_name.lower() in [name.lower() for name in names]

    def _allow(self, call: Call, needs: str) -> None:
        """ProblemError where the token has none of the rights that an endpoint needs.

        Words and status: docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api.
        """
        if not needs:
            return
        options = [part.strip().split("=") for part in needs.split(";")]
        reads = all(level == "read" for _, level in options)
        if call.token is None:
            if reads and not call.repo.private:
                return
            raise ProblemError(401, "Requires authentication")
        is_known = call.repository is None or self.knows(call.token, call.repository)
        if reads and call.repository is not None and not call.repository.private:
            return
        if is_known and any(call.token.may(name, level) for name, level in options):
            return
        who = "integration" if call.token.kind == "app" else "personal access token"
        headers = {"X-Accepted-GitHub-Permissions": needs}
        raise ProblemError(403, f"Resource not accessible by {who}", headers=headers)

    def _finished(self, request: contract.Request, answer: Answer, *, is_ours: bool) -> Answer:
        """The answer with the headers of all; 500 where it breaks the description."""
        headers = {**self.limits.headers(), **answer.headers, "X-GitHub-Request-Id": "FAKE:1"}
        if is_ours and description.place(request.method, request.path):
            body = b"" if answer.body is None else json.dumps(answer.body).encode()
            wrong = contract.response_violations(request, answer.status, body)
            if wrong:
                where = f"answer {answer.status} to {request.method} {request.path}"
                self.violations += [f"{where}: {one}" for one in wrong]
                return Answer(500, {"message": "\n".join(wrong)}, headers)
        return Answer(answer.status, answer.body, headers)

    def notice_pushes(self, repo: Repository) -> None:
        """Bring pull requests up to what was pushed: heads move, those without a branch close."""
        with self.lock:
            refs: dict[str, dict[str, str]] = {}
            for holder in self.repositories.values():
                for issue in holder.issues.values():
                    pull = issue.pull
                    if pull and issue.state == "open" and repo in (holder, self._head(pull)):
                        self._follow(holder, issue, refs)

    def _head(self, pull: Pull) -> Repository | None:
        return self.repositories.get(pull.head_repo.lower())

    @staticmethod
    def _branch(refs: dict[str, dict[str, str]], repo: Repository | None, name: str) -> str:
        """A branch's commit, empty where there is none; a repository's refs are read once."""
        if repo is None:
            return ""
        if repo.full_name not in refs:
            refs[repo.full_name] = repo.bare.refs("refs/heads/")
        return refs[repo.full_name].get(f"refs/heads/{name}", "")

    def _follow(self, holder: Repository, issue: Issue, refs: dict[str, dict[str, str]]) -> None:
        """Move one open pull request to its branches' present commits."""
        pull = issue.pull
        assert pull is not None
        source = self._head(pull)
        head = self._branch(refs, source, pull.head)
        base = self._branch(refs, holder, pull.base)
        if not head or not base:
            issue.state, issue.closed_at, issue.updated_at = "closed", now(), now()
            return
        if head != pull.head_sha:
            issue.updated_at = now()
            if source is not holder and source is not None:
                holder.bare.git("fetch", "-q", str(source.bare.path), head)
            holder.bare.git("update-ref", f"refs/pull/{issue.number}/head", head)
        moved = (head, base) != (pull.head_sha, pull.base_sha)
        pull.head_sha, pull.base_sha = head, base
        if moved and holder.bare.merge_base(head, base) == head:
            # All of the head's commits are in the base: GitHub calls such a pull request merged.
            issue.state, issue.closed_at, pull.merged_at = "closed", now(), now()
            pull.merge_sha = base

    def dump(self) -> dict[str, Any]:
        """The state as JSON: repositories by full name, with their refs."""
        with self.lock:
            found = {}
            for repo in self.repositories.values():
                self.notice_pushes(repo)
                one = {k: getattr(repo, k) for k in repo.__slots__ if k != "bare"}
                one["bare"], one["refs"] = str(repo.bare.path), repo.bare.refs()
                found[repo.full_name] = one
            return json.loads(json.dumps(found, default=_plain))


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)
