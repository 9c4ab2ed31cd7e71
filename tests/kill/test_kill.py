"""An engine that is killed at any moment: the next run ends as an undisturbed one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Undisturbed
from demo_shop import Shop, kill, still_alive, wait_until
from evidence import faults, outcome, runs
from moments import Moment, draw

pytestmark = pytest.mark.kill

MOMENTS = int(os.environ.get("PIPELINE_KILL_MOMENTS", "8"))
FIRST = int(os.environ.get("PIPELINE_KILL_SEED", "0"))
GONE_S = 10.0


def run_and_kill(shop: Shop, moment: Moment) -> bool:
    """Start a run, kill it at a moment, and see that nobody goes on; whether it lived till then."""
    with shop.running() as process:
        moment.wait(shop, process)
        is_alive = process.poll() is None
        below = kill(process)
    wait_until(lambda: not still_alive(below) and not shop.processes(), patience_s=GONE_S)
    assert still_alive(below) == []
    assert shop.processes() == []
    return is_alive


@pytest.mark.parametrize("seed", range(FIRST, FIRST + MOMENTS))
def test_next_run_ends_as_an_undisturbed_one(
    seed: int, undisturbed: Callable[[str], Undisturbed], tmp_path: Path
) -> None:
    mode = "batch" if seed % 4 == 3 else "each"
    expected = undisturbed(mode)
    shop = Shop.copy(expected.origin, tmp_path / "place", mode)
    before = shop.fingerprint()
    moments = draw(seed, expected.length)
    print(f"seed {seed}, landing {mode}, {moments}, alive:", end=" ")
    for moment in moments:
        print(run_and_kill(shop, moment), end=" ")

    done = shop.run()

    assert done.code == 1, done.err
    assert shop.processes() == []
    assert faults(shop) == []
    assert shop.fingerprint() == before
    actual = outcome(shop)
    assert actual.landed == expected.outcome.landed
    if runs(shop) == 1:  # one that had ended already was followed by a run that took over its work
        assert actual == expected.outcome
