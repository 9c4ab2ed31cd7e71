from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.base.files import sha256
from pipeline.model.finding import Finding
from pipeline.model.verdict import CheckResult, Result
from pipeline.store.ledger import Ledger
from pipeline.store.verdicts import VerdictCache

MakeRun = Callable[..., str]

FULL = b'{"tree":"1"}'
KEY = sha256(FULL)
GREEN = CheckResult("lint", Result.PASSED, KEY, 0, 1.5, (Finding("t", "c", "m", b"\xff"),), "", "o")
RED = replace(GREEN, result=Result.FAILED, exit_code=1, reason="no")


@pytest.fixture
def runs(ledger: Ledger, make_run: MakeRun) -> tuple[str, str]:
    return make_run(ledger), make_run(ledger)


@pytest.fixture
def caches(ledger: Ledger, runs: tuple[str, str]) -> tuple[VerdictCache, VerdictCache]:
    return VerdictCache(ledger, runs[0]), VerdictCache(ledger, runs[1])


def keep(ledger: Ledger, cache: VerdictCache, result: CheckResult, full: bytes = FULL) -> None:
    cache.save(sha256(full), full, result)
    ledger.flush()


def test_green_is_reused_by_every_run(
    ledger: Ledger, caches: tuple[VerdictCache, VerdictCache]
) -> None:
    keep(ledger, caches[0], GREEN)

    for cache in caches:
        assert cache.lookup(KEY, FULL) == replace(GREEN, is_reused=True)


def test_red_is_reused_by_its_own_run_only(
    ledger: Ledger, caches: tuple[VerdictCache, VerdictCache]
) -> None:
    keep(ledger, caches[0], RED)

    assert caches[0].lookup(KEY, FULL) == replace(RED, is_reused=True)
    assert caches[1].lookup(KEY, FULL) is None


@pytest.mark.parametrize("result", [Result.FAULT, Result.UNKNOWN])
def test_what_could_not_tell_is_never_kept(
    ledger: Ledger, caches: tuple[VerdictCache, VerdictCache], result: Result
) -> None:
    keep(ledger, caches[0], replace(GREEN, result=result))

    assert caches[0].lookup(KEY, FULL) is None
    assert ledger.query("SELECT * FROM verdicts") == []


def test_no_other_key_gets_the_answer(
    ledger: Ledger, caches: tuple[VerdictCache, VerdictCache]
) -> None:
    keep(ledger, caches[0], GREEN)
    other = b'{"tree":"2"}'

    assert caches[0].lookup(sha256(other), other) is None
    assert caches[0].lookup(KEY, other) is None  # as two keys of one digest would
    assert caches[0].lookup(sha256(other), FULL) is None


def test_its_own_runs_answer_outranks_others(
    ledger: Ledger, caches: tuple[VerdictCache, VerdictCache]
) -> None:
    keep(ledger, caches[0], RED)
    keep(ledger, caches[1], GREEN)

    assert caches[0].lookup(KEY, FULL) == replace(RED, is_reused=True)


def test_a_check_that_turned_red_elsewhere_is_asked_again(
    ledger: Ledger, caches: tuple[VerdictCache, VerdictCache], make_run: MakeRun
) -> None:
    third = VerdictCache(ledger, make_run(ledger))
    keep(ledger, caches[0], GREEN)
    keep(ledger, caches[1], RED)
    assert third.lookup(KEY, FULL) is None

    keep(ledger, caches[1], GREEN)
    assert third.lookup(KEY, FULL) is not None


def test_a_newer_answer_of_a_run_replaces_its_older_one(
    ledger: Ledger, caches: tuple[VerdictCache, VerdictCache]
) -> None:
    for result in (RED, GREEN, RED):
        keep(ledger, caches[0], result)

    assert caches[0].lookup(KEY, FULL) == replace(RED, is_reused=True)
    assert ledger.query("SELECT count(*) FROM verdicts") == [(1,)]
