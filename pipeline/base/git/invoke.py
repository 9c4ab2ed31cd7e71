"""How git is started: an environment built from nothing, settings that shut every door, one call.

A repository's configuration and its attributes can name programs (hooks, filters, merge drivers,
external diffs, textconv, fsmonitor). Two measures keep them from running: every call carries the
settings in ``SAFE_SETTINGS``, which win over any file; and commands on objects run with a git
directory of our own (``engine.py``), so the repository's configuration is not even read.
"""

import os
import re
from collections.abc import Container, Mapping
from functools import lru_cache
from pathlib import Path

from pipeline.base.errors import UnfitError
from pipeline.base.git.errors import GitError
from pipeline.base.process import Completed, Conversation, capture

MINIMUM_GIT = (2, 39, 5)
DEFAULT_TIMEOUT_S = 120.0
LOCK_WAIT_MS = 10_000
NOWHERE = "/nonexistent"

SAFE_SETTINGS: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", os.devnull),
    ("core.excludesFile", os.devnull),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.quotePath", "false"),
    ("core.commitGraph", "false"),
    ("core.alternateRefsCommand", "true"),
    ("core.filesRefLockTimeout", str(LOCK_WAIT_MS)),
    ("core.packedRefsTimeout", str(LOCK_WAIT_MS)),
    ("core.fsync", "committed,reference"),
    ("protocol.allow", "never"),
    ("protocol.file.allow", "never"),
    ("protocol.ext.allow", "never"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("gc.auto", "0"),
    ("gc.autoDetach", "false"),
    ("maintenance.auto", "false"),
    ("maintenance.autoDetach", "false"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("gpg.program", "false"),
    ("rerere.enabled", "false"),
    ("merge.renames", "false"),
    ("merge.directoryRenames", "false"),
    ("merge.default", "text"),
    ("merge.conflictStyle", "merge"),
    ("merge.autoStash", "false"),
    ("diff.external", ""),
    ("diff.renames", "false"),
    ("color.ui", "false"),
    ("core.pager", "cat"),
    ("core.editor", "false"),
    ("core.askPass", "false"),
    ("credential.helper", ""),
)
# For commands on objects only: line ends and links are a matter of the checkout, and what git
# writes there is for a scratch (what goes to the repository is written and synced by ourselves).
OBJECT_SETTINGS: tuple[tuple[str, str], ...] = (
    ("core.fsync", "none"),
    ("core.autocrlf", "false"),
    ("core.symlinks", "false"),
)
# For talking to remotes: the person's helpers for credentials are used, their push options are not.
REMOTE_SETTINGS: tuple[tuple[str, str], ...] = (
    *(
        (key, value)
        for key, value in SAFE_SETTINGS
        if key != "credential.helper" and not key.startswith("protocol.")
    ),
    ("protocol.allow", "never"),
    *((f"protocol.{name}.allow", "always") for name in ("https", "http", "ssh", "file")),
    ("credential.interactive", "false"),
    ("transfer.fsckObjects", "true"),
    ("fetch.fsckObjects", "true"),
    ("fetch.prune", "false"),
    ("fetch.pruneTags", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("push.pushOption", ""),
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "60"),
)
_KEPT_FROM_CALLER = ("PATH", "TMPDIR", "SYSTEMROOT")
_KEPT_FOR_PERSON = ("HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SUDO_UID")


def base_environment() -> dict[str, str]:
    """The environment of a git that reads no configuration but the repository's own."""
    env = {name: os.environ[name] for name in _KEPT_FROM_CALLER if name in os.environ}
    env.setdefault("PATH", os.defpath)
    return env | {
        "HOME": NOWHERE,
        "XDG_CONFIG_HOME": NOWHERE,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_ADVICE": "0",
        "GIT_COMMITTER_NAME": "git-pipeline",
        "GIT_COMMITTER_EMAIL": "git-pipeline@localhost",
        "GIT_AUTHOR_NAME": "git-pipeline",
        "GIT_AUTHOR_EMAIL": "git-pipeline@localhost",
        "LC_ALL": "C",
    }


def person_environment() -> dict[str, str]:
    """As `base_environment`, but the person's own configuration is read: eol, safe.directory."""
    env = base_environment()
    for name in ("GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_GLOBAL", "HOME"):
        del env[name]
    del env["XDG_CONFIG_HOME"]
    return env | {name: os.environ[name] for name in _KEPT_FOR_PERSON if name in os.environ}


def settings_in_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as variables, for keys that a ``-c`` cannot spell (a subsection with ``=``)."""
    env = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env


def git_argv(args: tuple[str | bytes, ...], *, objects_only: bool) -> tuple[str | bytes, ...]:
    """The argument list with the settings that hold for every call."""
    settings = SAFE_SETTINGS + (OBJECT_SETTINGS if objects_only else ())
    flags = [part for key, value in settings for part in ("-c", f"{key}={value}")]
    return ("git", "--no-pager", *flags, *args)


def run_git(
    args: tuple[str | bytes, ...],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    ok: Container[int] = (0,),
    timeout_s: float = DEFAULT_TIMEOUT_S,
    objects_only: bool = True,
) -> Completed:
    """Run git to its end; raises GitError for an exit code that is not in ``ok``."""
    argv = git_argv(args, objects_only=objects_only)
    done = capture(argv, cwd=cwd, env=env, stdin=stdin, timeout_s=timeout_s)
    if done.code not in ok:
        raise GitError(_verb(args), done.code, done.err)
    return done


def converse(args: tuple[str | bytes, ...], *, cwd: Path, env: Mapping[str, str]) -> Conversation:
    """Start a long-lived git on objects."""
    return Conversation(git_argv(args, objects_only=True), cwd=cwd, env=env)


def remote_argv(args: tuple[str | bytes, ...]) -> tuple[str | bytes, ...]:
    """The argument list of a git that may talk to a remote."""
    flags = [part for key, value in REMOTE_SETTINGS for part in ("-c", f"{key}={value}")]
    return ("git", "--no-pager", *flags, *args)


def _verb(args: tuple[str | bytes, ...]) -> str:
    words = [os.fsdecode(arg) for arg in args]
    named = (
        word
        for before, word in zip(["", *words], words, strict=False)
        if not word.startswith("-") and before != "-c"
    )
    return next(named, "?")


def parse_version(said: str) -> tuple[int, ...]:
    """``git version 2.39.5 (Apple Git-154)`` as ``(2, 39, 5)``; empty where it is not one."""
    found = re.match(r"git version (\d+)\.(\d+)(?:\.(\d+))?", said)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


@lru_cache(maxsize=8)
def _version(path: str) -> tuple[int, ...]:
    env = base_environment() | {"PATH": path}
    done = capture(("git", "--version"), cwd=Path("/"), env=env, timeout_s=DEFAULT_TIMEOUT_S)
    return parse_version(done.out.decode("utf-8", "replace"))


def require_git() -> tuple[int, ...]:
    """The version of the git on PATH; raises UnfitError where it is missing or too old."""
    found = _version(base_environment()["PATH"])
    if found < MINIMUM_GIT:
        wanted = ".".join(map(str, MINIMUM_GIT))
        raise UnfitError(
            f"git {'.'.join(map(str, found)) or 'of unknown version'} is too old.",
            remedy=f"Install git {wanted} or newer and put it first on PATH.",
        )
    return found
