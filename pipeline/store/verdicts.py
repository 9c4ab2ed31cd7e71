"""The verdict cache: a check's earlier answer, found by its key and by nothing else."""

import json
from dataclasses import replace

from pipeline.model.codec import decode
from pipeline.model.verdict import CheckResult, Result
from pipeline.store.ledger import Ledger
from pipeline.store.rows import json_text
from pipeline.store.writer import Transaction

_LASTING = frozenset({Result.PASSED, Result.FAILED})

_SAVE = """
    INSERT INTO verdicts (digest, run_id, key, result, content, created_at)
    VALUES (?, ?, ?, ?, ?, ?)
"""
_LOOKUP = """
    SELECT key, result, content, run_id = ?1 FROM verdicts WHERE digest = ?2
    ORDER BY run_id = ?1 DESC, number DESC LIMIT 1
"""


class VerdictCache:
    """What checks said, as one run may reuse it.

    Green holds in every run, red only in the run that saw it; what this run saw outranks what
    others saw, and of others the newest answer counts, so that a check that turned red elsewhere
    is asked again. A tool that could not run, or could not tell, is never kept.
    """

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self._ledger = ledger
        self._run_id = run_id

    def lookup(self, key: str, full_key: bytes) -> CheckResult | None:
        """Return the answer for exactly this key, marked as reused, or ``None``.

        ``key`` is the digest of ``full_key``; both must agree with what is stored.
        """
        found = self._ledger.query(_LOOKUP, (self._run_id, key))
        if not found:
            return None
        stored_key, result, content, is_of_this_run = found[0]
        if stored_key != full_key or not (is_of_this_run or result == Result.PASSED):
            return None
        return replace(decode(CheckResult, json.loads(content)), is_reused=True)

    def save(self, key: str, full_key: bytes, result: CheckResult) -> None:
        """Keep an answer; anything but passed and failed is ignored.

        Does not wait: it is durable at the latest with the move that follows from the verdict.
        """
        if result.result not in _LASTING:
            return
        row = (key, self._run_id, full_key, result.result.value, json_text(result))

        def unit(tx: Transaction) -> None:
            tx.execute("DELETE FROM verdicts WHERE digest = ? AND run_id = ?", row[:2])
            tx.execute(_SAVE, (*row, tx.time))

        self._ledger.submit_soon(unit)
