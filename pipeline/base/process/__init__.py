"""The only place that starts processes: programs under care, short git children, conversations."""

from pipeline.base.process.cancel import CancelToken
from pipeline.base.process.capture import Completed, capture
from pipeline.base.process.children import engine_git_cpu_s
from pipeline.base.process.command import (
    TAG_VARIABLE,
    Beat,
    Command,
    Ending,
    Outcome,
    Stray,
    shell_argv,
)
from pipeline.base.process.conversation import Conversation, ConversationEnded
from pipeline.base.process.environment import DEFAULT_ALLOW, build_environment, which
from pipeline.base.process.run import run
from pipeline.base.process.strays import ProcessIdentity, end_process_tree, find_tagged
from pipeline.base.process.words import program_words

__all__ = [
    "DEFAULT_ALLOW",
    "TAG_VARIABLE",
    "Beat",
    "CancelToken",
    "Command",
    "Completed",
    "Conversation",
    "ConversationEnded",
    "Ending",
    "Outcome",
    "ProcessIdentity",
    "Stray",
    "build_environment",
    "capture",
    "end_process_tree",
    "engine_git_cpu_s",
    "find_tagged",
    "program_words",
    "run",
    "shell_argv",
    "which",
]
