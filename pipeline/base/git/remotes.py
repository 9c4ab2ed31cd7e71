"""Remotes of a repository: looked at, fetched from, and their refs moved by compare-and-swap.

A push says for each ref which value it expects (``--force-with-lease=<ref>:<value>``), so that
nobody's work is ever overwritten. The bare form of that option, which compares with what a fetch
in the background may have moved, is never used. What a broken connection leaves open is settled by
looking at the remote again.
"""

import os
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import BugError, InputError, UnfitError
from pipeline.base.git import push_report, remote_access
from pipeline.base.git.errors import RefNameError
from pipeline.base.git.invoke import remote_argv
from pipeline.base.git.objects import require_oid
from pipeline.base.git.push_report import RefOutcome, RefUpdate
from pipeline.base.git.ref_names import is_ref_name, require_ref_name
from pipeline.base.git.remote_errors import RemoteError, explain, is_lasting
from pipeline.base.git.worktree_lock import worktree_lock
from pipeline.base.process import Completed, capture

__all__ = ["Patience", "RefOutcome", "RefUpdate", "RemoteError", "Remotes"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
NOT_ATOMIC = "not all at once: the server cannot"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a remote is waited for, and how often what may pass is tried again.

    Pauses double from ``first_pause_s`` on and are drawn by chance, so that many machines do not
    come back at the same moment.
    """

    tries: int = 4
    first_pause_s: float = 0.5
    longest_pause_s: float = 8.0
    look_s: float = 120.0
    transfer_s: float = 900.0

    def pause(self, number: int) -> float:
        """Seconds before the try after ``number`` ones."""
        limit = min(self.longest_pause_s, self.first_pause_s * 2 ** (number - 1))
        return random.uniform(limit / 4, limit)  # noqa: S311 - nobody is kept out by it


class Remotes:
    """The remotes that a repository's configuration names.

    Credentials are the person's own (helpers, ssh keys), or a token from the environment for the
    one server that it is for: ``GITHUB_SERVER_URL``, else github.com; `trust` names another.
    Every method raises `RemoteError`, and InputError for a remote that is not configured.
    """

    def __init__(
        self,
        common_dir: Path,
        object_format: str,
        flush: Callable[[], None],
        *,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """``cwd`` is what a relative path in a remote's URL starts from: the checkout's top."""
        self._common_dir = common_dir
        self._cwd = cwd or common_dir
        self._object_format = object_format
        self._flush = flush
        self._environ = dict(os.environ if environ is None else environ)
        self._server = self._environ.get(remote_access.SERVER_VARIABLE, "")
        self._not_atomic: set[str] = set()
        self._urls: dict[str, str] = {}
        self.patience = Patience()

    def trust(self, server: str) -> None:
        """Give the token of the environment to this server (``https://ghe.example``) alone."""
        self._server = server

    def names(self) -> tuple[str, ...]:
        """The configured remotes."""
        return tuple(os.fsdecode(self._local("remote").out).splitlines())

    def url(self, name: str) -> str:
        """Where a push to a remote goes, as git rewrites it, without any credential."""
        return remote_access.without_credentials(self._url(name))

    def refs(self, name: str, *patterns: str) -> dict[str, str]:
        """The object ids of a remote's refs by full name.

        A pattern is a full name, or one that ends in ``/*`` for all below it; without one, all.
        """
        for pattern in patterns:
            require_ref_name(pattern.removesuffix("/*"))
        done = self._try(
            name, ("ls-remote", "--refs", "--quiet", name, *patterns), self.patience.look_s
        )
        found = {}
        for line in done.out.decode("utf-8", "surrogateescape").splitlines():
            oid, _, ref = line.partition("\t")
            if is_ref_name(ref) and (not patterns or any(_fits(ref, one) for one in patterns)):
                found[ref] = require_oid(oid, self._object_format)
        return found

    def fetch(self, name: str, refspecs: Sequence[str]) -> None:
        """Fetch refs to refs: ``refs/a:refs/b``, ``refs/a/*:refs/b/*``, with ``+`` for any value.

        Objects are checked as they come (fsck). No tag, submodule, tracking ref or hook plays a
        part, and nothing is collected afterwards. Worktrees are neither made nor removed
        meanwhile.
        """
        script = "".join(f"{_require_refspec(one)}\n" for one in refspecs).encode()
        if not script:
            return
        flags = ("--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", "--refmap=")
        more = (
            "--no-auto-maintenance",
            "--no-write-fetch-head",
            "--no-write-commit-graph",
            "--stdin",
        )
        with worktree_lock(self._common_dir, wait_s=self.patience.look_s):
            self._try(name, ("fetch", *flags, *more, name), self.patience.transfer_s, script)

    def push(
        self, name: str, updates: Sequence[RefUpdate], *, is_atomic: bool = True
    ) -> tuple[RefOutcome, ...]:
        """Move refs of a remote; one outcome for each update, in their order.

        With ``is_atomic`` all move or none, where the server can do that. Where it cannot, what
        removes a ref is only sent when all else has landed, and the outcomes say so. A lost race
        is an outcome and no error. Raises BugError for what is no object id.
        """
        wanted = tuple(updates)
        self._require(wanted)
        if not wanted:
            return ()
        self._flush()
        absent = self._absent(name, wanted)
        rest = [update for update in wanted if update.ref not in absent]
        if is_atomic and name in self._not_atomic:
            told = self._push_apart(name, rest)
        else:
            told = self._push(name, rest, is_atomic=is_atomic and len(rest) > 1)
        by_ref = {ref: RefOutcome(ref, push_report.UNCHANGED) for ref in absent}
        by_ref |= {one.ref: one for one in told}
        return tuple(by_ref[update.ref] for update in wanted)

    # How it is done

    def _absent(self, name: str, updates: Sequence[RefUpdate]) -> frozenset[str]:
        """The refs that are to be removed and are not there: git refuses a push that names them."""
        removed = [update.ref for update in updates if not update.new]
        return frozenset(removed) - self.refs(name, *removed).keys() if removed else frozenset()

    def _push(
        self, name: str, updates: Sequence[RefUpdate], *, is_atomic: bool
    ) -> tuple[RefOutcome, ...]:
        outcomes: dict[str, RefOutcome] = {}
        left = list(updates)
        for number in range(1, self.patience.tries + 1):
            if not left:
                break
            if number > 1:
                time.sleep(self.patience.pause(number - 1))
            done = self._send(name, left, is_atomic=is_atomic)
            said = self._clean(name, done.err)
            if is_atomic and push_report.NO_ATOMIC.search(said):
                self._not_atomic.add(name)
                return self._push_apart(name, updates)
            found = self._settle(name, left, done, said)
            outcomes |= found
            left = [update for update in left if not found[update.ref].is_settled]
        if any(not outcomes[update.ref].reason for update in left):
            raise explain(name, self.url(name), said)
        return tuple(outcomes[update.ref].given_up() for update in updates)

    def _settle(
        self, name: str, updates: Sequence[RefUpdate], done: Completed, said: str
    ) -> dict[str, RefOutcome]:
        """What came of one push: as it was told, and by looking where that is not enough."""
        told = push_report.read_report(done.out, updates)
        if len(told) == len(updates) and all(one.is_there for one in told.values()):
            return told
        if not told:
            self._raise_for_good(name, said)
        now = self.refs(name, *(update.ref for update in updates))
        return {one.ref: one for one in push_report.settle(told, updates, now)}

    def _push_apart(self, name: str, updates: Sequence[RefUpdate]) -> tuple[RefOutcome, ...]:
        """Without atomic pushes: first what is written, and only then what is removed."""
        written = self._push(name, [u for u in updates if u.new], is_atomic=False)
        missing = [one for one in written if not one.is_there]
        removals = [update for update in updates if not update.new]
        if missing:
            why = f"kept, because {missing[0].ref} did not land"
            removed = tuple(RefOutcome(u.ref, missing[0].state, why) for u in removals)
        else:
            removed = self._push(name, removals, is_atomic=False)
        by_ref = {one.ref: one for one in (*written, *removed)}
        return tuple(
            RefOutcome(one.ref, one.state, one.reason or NOT_ATOMIC)
            for one in (by_ref[update.ref] for update in updates)
        )

    def _send(self, name: str, updates: Sequence[RefUpdate], *, is_atomic: bool) -> Completed:
        leases = [
            f"--force-with-lease={update.ref}:{update.expected}"
            for update in updates
            if update.expected is not None
        ]
        forced = ["+" if update.new and update.expected is None else "" for update in updates]
        refspecs = [
            f"{mark}{update.new}:{update.ref}" for mark, update in zip(forced, updates, strict=True)
        ]
        flags = ("--porcelain", "--no-progress", "--no-verify", "--recurse-submodules=no")
        atomic = ("--atomic",) if is_atomic else ()
        args = ("push", *flags, *atomic, *leases, name, *refspecs)
        return self._talk(name, args, self.patience.transfer_s)

    def _try(
        self, name: str, args: tuple[str, ...], timeout_s: float, stdin: bytes = b""
    ) -> Completed:
        """Ask until it works, or trying again would not help."""
        for number in range(1, self.patience.tries + 1):
            done = self._talk(name, args, timeout_s, stdin)
            if done.code == 0:
                return done
            said = self._clean(name, done.err)
            self._raise_for_good(name, said)
            if number < self.patience.tries:
                time.sleep(self.patience.pause(number))
        raise explain(name, self.url(name), said)

    def _talk(
        self, name: str, args: tuple[str, ...], timeout_s: float, stdin: bytes = b""
    ) -> Completed:
        url = self._url(name)
        env = remote_access.network_environment(self._environ) | {"GIT_DIR": str(self._common_dir)}
        token = remote_access.token_from(self._environ)
        if token and remote_access.is_for(url, self._server or remote_access.PUBLIC_SERVER):
            env |= remote_access.authorisation(url, token)
        env = remote_access.add_settings(env, {f"remote.{name}.mirror": "false"})
        try:
            return capture(
                remote_argv(args), cwd=self._cwd, env=env, stdin=stdin, timeout_s=timeout_s
            )
        except UnfitError as error:
            if "did not end within" not in error.what:
                raise
            return Completed(128, b"", b"Operation timed out.")

    def _local(self, *args: str, ok: tuple[int, ...] = (0,)) -> Completed:
        env = remote_access.network_environment({}) | {"GIT_DIR": str(self._common_dir)}
        done = capture(remote_argv(args), cwd=self._cwd, env=env, timeout_s=60.0)
        if done.code not in ok:
            said = remote_access.clean_words(done.err, self._environ)
            raise UnfitError(f"git {args[0]} ended with exit code {done.code}: {said}")
        return done

    def _url(self, name: str) -> str:
        if name not in self._urls:
            self._urls[name] = self._ask_url(name)
        return self._urls[name]

    def _ask_url(self, name: str) -> str:
        if not _NAME.fullmatch(name) or name not in self.names():
            raise InputError(
                f"There is no remote {name!r} here.",
                remedy="`git remote -v` lists them, `git remote add` makes one.",
            )
        lines = os.fsdecode(self._local("remote", "get-url", "--push", "--all", name).out)
        urls = lines.splitlines()
        if len(urls) != 1:
            raise InputError(
                f"The remote {name} has {len(urls)} URLs to push to, so that nothing there can be "
                "compared with what is expected.",
                remedy=f"Leave it one: `git remote set-url --push {name} URL`.",
            )
        return urls[0]

    def _clean(self, name: str, said: bytes) -> str:
        return remote_access.clean_words(said, self._environ, self._url(name))

    def _raise_for_good(self, name: str, said: str) -> None:
        if is_lasting(said):
            raise explain(name, self.url(name), said)

    def _require(self, updates: Sequence[RefUpdate]) -> None:
        seen = set()
        for update in updates:
            require_ref_name(update.ref)
            if update.ref in seen:
                raise BugError(f"The ref {update.ref} is named twice in one push.")
            seen.add(update.ref)
            # An empty id in a refspec deletes: it has to be meant so.
            if update.new or update.expected == "":
                require_oid(update.new, self._object_format)
            if update.expected:
                require_oid(update.expected, self._object_format)


def _fits(ref: str, pattern: str) -> bool:
    return ref.startswith(pattern[:-1]) if pattern.endswith("/*") else ref == pattern


def _require_refspec(refspec: str) -> str:
    source, _, target = refspec.removeprefix("+").partition(":")
    names = (source, target)
    is_glob = all(name.endswith("/*") for name in names)
    if not all(is_ref_name(name.removesuffix("/*") if is_glob else name) for name in names):
        raise RefNameError(f"Not a refspec of full names: {refspec!r}")
    return refspec
