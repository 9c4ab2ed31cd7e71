"""Diffs as models print them: repaired where that is safe, else refused with what to print."""

from pipeline.work.diffs.answer import LARGEST_ANSWER, parse_answer
from pipeline.work.diffs.values import Diff, Refused

__all__ = ["LARGEST_ANSWER", "Diff", "Refused", "parse_answer"]
