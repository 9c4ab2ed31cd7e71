"""One ``git update-ref`` that carries out many transactions, for starting one costs more than them.

Each transaction is all or nothing and is answered step by step (git-update-ref, ``--stdin``). The
process reads refs anew each time, so that other writers are seen; the date of its reflog entries
is that of its first one, so it is replaced before that is far off.
"""

import threading
import time
from pathlib import Path

from pipeline.base.git.errors import GitError
from pipeline.base.git.invoke import base_environment, converse
from pipeline.base.process import Conversation, ConversationEnded

_ANSWERS = (b"start: ok\n", b"prepare: ok\n", b"commit: ok\n")
_DIED = 128


class RefWriter:
    """Carries out scripts for ``update-ref --stdin -z``; safe for use by many threads.

    A process that is older than ``oldest_s`` seconds is replaced.
    """

    def __init__(self, common_dir: Path, *, oldest_s: float = 2.0) -> None:
        self._common_dir = common_dir
        self._oldest_s = oldest_s
        self._lock = threading.Lock()
        self._git: Conversation | None = None
        self._terms: tuple[str, int] = ("", 0)
        self._since = 0.0

    def run(self, commands: bytes, *, message: str, wait_ms: int) -> None:
        """Carry out commands (each ended by NUL) as one transaction; GitError where it fails.

        ``message`` goes into the reflogs, ``wait_ms`` is how long a locked ref is waited for.
        """
        script = b"start\0" + commands + b"prepare\0commit\0"
        with self._lock:
            answers, problem = self._tell(script, message, wait_ms)
            if problem and not answers:  # it had died before, so nothing was begun
                answers, problem = self._tell(script, message, wait_ms)
        if problem:
            raise GitError("update-ref", _DIED, problem.stderr_tail) from problem

    def close(self) -> None:
        """End the process; a later transaction starts another."""
        with self._lock:
            self._close()

    def _tell(
        self, script: bytes, message: str, wait_ms: int
    ) -> tuple[int, ConversationEnded | None]:
        """Send a script; how many steps were carried out, and why it were not all."""
        git = self._open(message, wait_ms)
        answers = 0
        try:
            git.write(script)
            for wanted in _ANSWERS:
                if git.readline() != wanted:
                    raise GitError("update-ref", 0, b"It gave an unknown answer.")
                answers += 1
        except ConversationEnded as problem:
            self._close()
            return answers, problem
        except BaseException:
            self._close()
            raise
        return answers, None

    def _open(self, message: str, wait_ms: int) -> Conversation:
        terms = (message, wait_ms)
        is_old = time.monotonic() - self._since > self._oldest_s
        if self._git is not None and (is_old or terms != self._terms):
            self._close()
        if self._git is None:
            wait = f"core.filesRefLockTimeout={wait_ms}"
            args = ("-c", wait, "update-ref", "--no-deref", "--stdin", "-z", "-m", message)
            env = base_environment() | {"GIT_DIR": str(self._common_dir)}
            self._git = converse(args, cwd=self._common_dir, env=env)
            self._terms, self._since = terms, time.monotonic()
        return self._git

    def _close(self) -> None:
        git, self._git = self._git, None
        if git is not None:
            git.close()
