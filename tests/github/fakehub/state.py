"""What the fake knows: plain mutable records, changed only under the world's lock."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .bare import Bare


def now() -> str:
    """The time as GitHub writes it: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Token:
    """Who a request is from: ``kind`` is app (also GITHUB_TOKEN) or personal.

    ``rights`` gives "read", "write" or "none" for each permission; one that is not named is "none",
    as in a workflow's `permissions:`. ``repositories`` are those it was given for.
    """

    value: str
    name: str
    kind: str
    login: str
    rights: dict[str, str]
    repositories: tuple[str, ...] = ()

    def may(self, permission: str, level: str) -> bool:
        """Whether this is allowed; everybody may read metadata."""
        held = self.rights.get(permission, "none")
        if permission == "metadata" and level == "read":
            return True
        return held in (("read", "write", "admin") if level == "read" else ("write", "admin"))


@dataclass(slots=True)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(slots=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    number: int
    body: str
    login: str
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    app: str = ""


@dataclass(slots=True)
class Reaction:
    """A reaction on ``on``: ("comment", id) or ("issue", number)."""

    id: int
    on: tuple[str, int]
    content: str
    login: str
    created_at: str = field(default_factory=now)


@dataclass(slots=True)
class Pull:
    """The part of an issue that makes it a pull request; branches are short names."""

    head: str
    base: str
    head_repo: str
    head_sha: str
    base_sha: str
    draft: bool = False
    merged_at: str | None = None
    merged_by: str | None = None
    merge_sha: str | None = None
    reviewers: list[str] = field(default_factory=list)
    maintainer_can_modify: bool = False


@dataclass(slots=True)
class Issue:
    """An issue; with ``pull`` it is a pull request."""

    id: int
    number: int
    title: str
    body: str | None
    login: str
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    closed_at: str | None = None
    pull: Pull | None = None


@dataclass(slots=True)
class Review:
    """A review of a pull request."""

    id: int
    number: int
    login: str
    body: str
    state: str
    commit: str
    submitted_at: str = field(default_factory=now)


@dataclass(slots=True)
class ReviewComment:
    """A comment on a line of a pull request's diff."""

    id: int
    number: int
    review: int | None
    login: str
    body: str
    path: str
    commit: str
    line: int | None
    side: str
    start_line: int | None
    start_side: str | None
    created_at: str = field(default_factory=now)


@dataclass(slots=True)
class CheckRun:
    """A check run; ``annotations`` grow with each update, as GitHub's do."""

    id: int
    name: str
    head_sha: str
    app: str
    suite: int
    status: str = "queued"
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    details_url: str | None = None
    external_id: str = ""
    output: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class CheckSuite:
    """The check runs of one app on one commit."""

    id: int
    head_sha: str
    app: str
    created_at: str = field(default_factory=now)


@dataclass(slots=True)
class Settings:
    """What an owner may switch; ``protected`` are short names of branches that nobody pushes to.

    The last two are for servers that are not GitHub: without atomic pushes, or with branches and
    tags alone.
    """

    actions_may_create_pulls: bool = True
    has_drafts: bool = True
    has_issues: bool = True
    has_code_scanning: bool = True
    is_archived: bool = False
    protected: list[str] = field(default_factory=list)
    has_atomic_pushes: bool = True
    takes_any_ref: bool = True


@dataclass(slots=True)
class Repository:
    """A repository: its records by id or number, and the bare repository with its commits."""

    id: int
    owner: str
    name: str
    bare: Bare
    private: bool = False
    default_branch: str = "main"
    fork_of: str = ""
    created_at: str = field(default_factory=now)
    collaborators: dict[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    reactions: dict[int, Reaction] = field(default_factory=dict)
    reviews: dict[int, Review] = field(default_factory=dict)
    review_comments: dict[int, ReviewComment] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    check_suites: dict[int, CheckSuite] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    sarifs: dict[str, dict[str, Any]] = field(default_factory=dict)
    deployments: dict[int, dict[str, Any]] = field(default_factory=dict)
    workflows: dict[int, dict[str, Any]] = field(default_factory=dict)
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[int, dict[str, Any]] = field(default_factory=dict)
    releases: dict[int, dict[str, Any]] = field(default_factory=dict)
    dispatches: list[dict[str, Any]] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """As in `octo/shop`."""
        return f"{self.owner}/{self.name}"
