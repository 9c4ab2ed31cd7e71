"""Differences of trees as patches, by one git that lives on: starting it costs more than they do.

``diff-tree --stdin`` answers a line of two trees with their difference, and any other line with
that line (builtin/diff-tree.c): a line that nobody can foresee marks the end of an answer.
"""

import os
import threading
from pathlib import Path

from pipeline.base.git.engine import Engine
from pipeline.base.git.errors import GitError
from pipeline.base.git.invoke import converse
from pipeline.base.git.objects import require_oid
from pipeline.base.git.patches import DIFF_FLAGS
from pipeline.base.process import Conversation, ConversationEnded

_MOST_ANSWERS = 256  # git keeps every tree that it was asked about in memory
_DIED = 128


class Differ:
    """Makes patches between trees of one object directory; safe for use by many threads.

    ``extra`` are object directories that are read as well.
    """

    def __init__(self, engine: Engine, objects_dir: Path, *extra: Path) -> None:
        self._engine = engine
        self._env = engine.environment(objects_dir, *extra)
        self._lock = threading.Lock()
        self._git: Conversation | None = None
        self._answers = 0

    def text(self, before: str, after: str) -> bytes:
        """A patch from one tree to another that `apply_patch` turns back into the same tree.

        The bytes depend on the two trees and git's version alone: no configuration, no attributes.
        """
        for tree in (before, after):
            require_oid(tree, self._engine.object_format)
        if before == after:
            return b""
        question = f"{before} {after}\n".encode("ascii")
        with self._lock:
            try:
                answer = self._ask(question)
            except ConversationEnded as ended:
                raise GitError("diff-tree", _DIED, ended.stderr_tail) from ended
        if not answer.startswith(question):
            raise GitError("diff-tree", _DIED, b"It cannot read " + question)
        return answer.removeprefix(question)

    def close(self) -> None:
        """End the git; asking again starts another."""
        with self._lock:
            self._close()

    def _ask(self, question: bytes) -> bytes:
        lives_on = self._git is not None
        try:
            return self._exchange(question)
        except ConversationEnded:
            self._close()
            if not lives_on:
                raise
        except BaseException:
            self._close()  # the answer was not read to its end
            raise
        return self._ask(question)  # it may have died since it was last asked

    def _exchange(self, question: bytes) -> bytes:
        if self._git is None or self._answers >= _MOST_ANSWERS:
            self._close()
            args = ("diff-tree", "--stdin", *DIFF_FLAGS)
            self._git = converse(args, cwd=self._engine.git_dir, env=self._env)
            self._answers = 0
        mark = b"end %s\n" % os.urandom(16).hex().encode("ascii")
        self._git.write(question + mark)
        self._answers += 1
        return self._git.read_until(mark).removesuffix(mark)

    def _close(self) -> None:
        git, self._git = self._git, None
        if git is not None:
            git.close()
