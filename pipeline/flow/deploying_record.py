"""What runs in an environment, as a chain of commits at one ref, moved by compare-and-swap."""

import json
import re
from collections.abc import Iterator

from pipeline.base import clock
from pipeline.base.errors import InputError, UnfitError
from pipeline.base.git import (
    FILE,
    Identity,
    MalformedObjectError,
    MissingObjectError,
    ObjectTooLargeError,
    RefMovedError,
    RefUpdate,
    Repository,
    TreeEntry,
)
from pipeline.model.codec import DecodeError, decode, dumps
from pipeline.model.deployment import Deployment
from pipeline.store.layout import Layout

_ENVIRONMENT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_FILE = b"deployment.json"
_MAX_BYTES = 256 * 1024
_LONGEST = 64
_LONGEST_VERSION = 200
_UNREADABLE = (
    *(MissingObjectError, MalformedObjectError, ObjectTooLargeError),
    *(DecodeError, ValueError, RecursionError, InputError),
)


class DeploymentHistory:
    """The deployments of one environment, the newest at the tip of its ref.

    Raises ``InputError`` for a name that is none.
    """

    def __init__(self, repo: Repository, layout: Layout, environment: str) -> None:
        self._repo = repo
        self.environment = require_environment(environment)
        self.ref = layout.deploy_ref(environment)
        self._tip = repo.refs.read(self.ref)

    @property
    def tip(self) -> str | None:
        """The newest commit, as it was read or written here; None where there is none."""
        return self._tip

    def refresh(self) -> None:
        """Look at the ref again."""
        self._tip = self._repo.refs.read(self.ref)

    def newest(self) -> Deployment | None:
        """The newest deployment; raises ``InputError`` for a record that is none of ours."""
        return None if self._tip is None else self._read(self._tip)

    def all(self, limit: int = 100) -> Iterator[Deployment]:
        """Deployments, the newest first, each as it ended."""
        at, seen = self._tip, ""
        while at is not None and limit:
            one = self._read(at)
            if one.started_at != seen:
                yield one
                limit -= 1
            seen = one.started_at
            at = next(iter(self._repo.read_commit(at).parents), None)

    def write(self, deployment: Deployment) -> None:
        """Put a record on top; raises ``UnfitError`` where somebody else was faster."""
        repo = self._repo
        blob = repo.objects.write("blob", (dumps(deployment, indent=2) + "\n").encode())
        tree = repo.trees.write({_FILE: TreeEntry(FILE, blob)})
        at = clock.parse_time(deployment.finished_at or deployment.started_at)
        who = Identity("git-pipeline", "git-pipeline@localhost", int(at.timestamp()))
        commit = repo.commit(
            tree=tree,
            parents=[self._tip] if self._tip else [],
            message=f"{deployment.environment}: {deployment.version} {deployment.state.value}",
            author=who,
            committer=who,
        )
        try:
            repo.refs.update([RefUpdate(self.ref, commit, self._tip)])
        except RefMovedError as error:
            raise UnfitError(
                f"Another deployment to {self.environment} was recorded meanwhile.",
                remedy=f"Look with `git log {self.ref}`, then deploy again.",
            ) from error
        self._tip = commit

    def _read(self, commit: str) -> Deployment:
        try:
            tree = self._repo.commit_tree(commit)
            entry = self._repo.trees.lookup(tree, _FILE)
            if entry is None:
                raise ValueError(f"it has no {_FILE.decode()}")
            data = self._repo.objects.read(entry.oid, limit=_MAX_BYTES)[1]
            found = decode(Deployment, json.loads(data))
            if found.environment != self.environment:
                raise ValueError(f"it is one of {found.environment!r}")
            require_version(found.version)
            for version in filter(None, (found.good, found.good_before, found.rollback_to)):
                require_version(version)
        except _UNREADABLE as error:
            raise InputError(
                f"{self.ref} at {commit[:12]} holds no deployment: {error}",
                remedy=f"Where nobody needs it, delete it with `git update-ref -d {self.ref}`.",
            ) from error
        return found


def require_environment(name: str) -> str:
    """The name itself; raises ``InputError`` where it cannot name an environment."""
    if len(name) > _LONGEST or not _ENVIRONMENT.fullmatch(name) or name.endswith(".lock"):
        raise InputError(
            f"{name[:_LONGEST]!r} cannot name an environment.",
            remedy="Use lower-case letters, digits, and single dots, dashes or underscores "
            "between them, such as `production` or `eu-west.staging`.",
        )
    return name


def require_version(version: str) -> str:
    """The version itself; raises ``InputError`` where no command could take it safely."""
    is_fit = 0 < len(version) <= _LONGEST_VERSION and version.isprintable()
    if not is_fit or version.startswith("-") or version != version.strip():
        raise InputError(
            f"{version[:_LONGEST]!r} cannot be a version.",
            remedy="Give one line of printable text that does not begin with a dash.",
        )
    return version
