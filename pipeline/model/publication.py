"""What is published of a run, as plain values: what is to be said, and what has been."""

from dataclasses import dataclass
from enum import StrEnum


class PublicationKind(StrEnum):
    """What kind of thing was published."""

    BRANCH = "branch"
    PULL_REQUEST = "pull_request"
    CHECK_RUN = "check_run"
    STATUS = "status"
    COMMENT = "comment"
    ISSUE = "issue"
    SARIF = "sarif"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Publication:
    """One thing that is out there, by run, workstream (empty for the run's own), kind and name.

    ``name`` tells things of one kind apart (a gate, a marker); ``number`` is what GitHub calls it
    by (a pull request's number, a check run's id), 0 where it has none; ``commit`` is the head it
    speaks of; ``state`` is its last one in GitHub's words; ``digest`` is that of the content as
    it was last sent, so that nothing is sent twice.
    """

    run_id: str
    ws_id: str
    kind: PublicationKind
    name: str
    repository: str
    number: int = 0
    url: str = ""
    commit: str = ""
    state: str = ""
    digest: str = ""
    updated_at: str = ""


class Conclusion(StrEnum):
    """How a check run ended, in GitHub's words, as far as we say them.

    Never ``neutral`` or ``skipped``: a required check that ends so counts as passed.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    ACTION_REQUIRED = "action_required"


class AnnotationLevel(StrEnum):
    """How bad an annotation is, in GitHub's words."""

    FAILURE = "failure"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A finding at its place; ``path`` is from the repository's root, lines count from 1.

    Columns count from 1, and are only there where both lines are one; 0 for none.
    """

    path: str
    start_line: int
    end_line: int
    level: AnnotationLevel
    title: str
    message: str
    start_column: int = 0
    end_column: int = 0


@dataclass(frozen=True, slots=True)
class CheckReport:
    """A gate's answer for one head, as a check run; texts are Markdown within GitHub's limits."""

    name: str
    head_sha: str
    conclusion: Conclusion
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()
    details_url: str = ""
    started_at: str = ""
    completed_at: str = ""
    ws_id: str = ""


class StatusState(StrEnum):
    """How a commit status stands, in GitHub's words."""

    ERROR = "error"
    FAILURE = "failure"
    PENDING = "pending"
    SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class StatusText:
    """A gate's answer for one head, as a commit status; ``description`` is one line."""

    head_sha: str
    context: str
    state: StatusState
    description: str
    target_url: str = ""


@dataclass(frozen=True, slots=True)
class PullRequestText:
    """A pull request as it is to be; ``head`` and ``base`` are short branch names.

    ``ws_id`` is empty where it is the run's own.
    """

    head: str
    base: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    is_draft: bool = False
    ws_id: str = ""


@dataclass(frozen=True, slots=True)
class CommentText:
    """A comment that is kept up to date; ``marker`` is its hidden first line."""

    marker: str
    body: str


@dataclass(frozen=True, slots=True)
class IssueText:
    """An issue that is kept up to date; ``marker`` is its body's hidden first line.

    ``is_open`` is whether its reason still holds; one that does not is closed.
    """

    marker: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    is_open: bool = True
    ws_id: str = ""
