"""The record of a run in git: written as it goes, read with distrust, rebuilt from in any clone."""

from pipeline.store.journal.chain import head_of
from pipeline.store.journal.format import JournalError
from pipeline.store.journal.reading import RunJournal, read
from pipeline.store.journal.rebuilding import Standing, rebuild, restore_files, standing
from pipeline.store.journal.writing import JournalWriter, write

__all__ = [
    "JournalError",
    "JournalWriter",
    "RunJournal",
    "Standing",
    "head_of",
    "read",
    "rebuild",
    "restore_files",
    "standing",
    "write",
]
