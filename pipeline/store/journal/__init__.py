"""The record of a run in git: written as it goes, read with distrust, rebuilt from in any clone."""

from pipeline.store.journal.chain import head_of, lags
from pipeline.store.journal.folding import fold, folded_refs, is_finished, run_refs, settle, unfold
from pipeline.store.journal.format import JournalError
from pipeline.store.journal.reading import RunJournal, read
from pipeline.store.journal.rebuilding import Standing, rebuild, restore_files, standing
from pipeline.store.journal.writing import JournalWriter, write

__all__ = [
    "JournalError",
    "JournalWriter",
    "RunJournal",
    "Standing",
    "fold",
    "folded_refs",
    "head_of",
    "is_finished",
    "lags",
    "read",
    "rebuild",
    "restore_files",
    "run_refs",
    "settle",
    "standing",
    "unfold",
    "write",
]
