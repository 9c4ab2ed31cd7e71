"""An engine that is killed at any moment: the next run ends as an undisturbed one.

``PIPELINE_KILL_MOMENTS=100 pytest -m kill tests/kill/test_kill.py`` is the whole campaign;
``PIPELINE_KILL_SEED=1000`` with it draws other moments.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from demo_shop import Shop, kill, still_alive, wait_until
from evidence import faults, outcome, runs
from moments import Length, Moment, draw
from undisturbed import Undisturbed

pytestmark = pytest.mark.kill

MOMENTS = int(os.environ.get("PIPELINE_KILL_MOMENTS", "8"))
FIRST = int(os.environ.get("PIPELINE_KILL_SEED", "0"))
GONE_S = 10.0


def run_and_kill(shop: Shop, moment: Moment, length: Length) -> bool:
    """Start a run, kill it at a moment, and see that nobody goes on; whether it lived till then."""
    goal = moment.goal(shop.events(), length)
    with shop.running() as process:
        moment.wait(shop, process, goal)
        is_alive = process.poll() is None
        below = kill(process, with_all_below=moment.takes_all)
    wait_until(lambda: not still_alive(below) and not shop.processes(), patience_s=GONE_S)
    assert still_alive(below) == []
    assert shop.processes() == []
    return is_alive


def kill_and_compare(seed: int, expected: Undisturbed, place: Path) -> None:
    shop = Shop.copy(expected.origin, place, expected.mode)
    before = shop.fingerprint()
    moments = draw(seed, expected.length)
    print(f"seed {seed}, landing {expected.mode}, {moments}, alive:", end=" ")
    for moment in moments:
        print(run_and_kill(shop, moment, expected.length), end=" ")

    done = shop.run()

    assert done.code == 1, done.err
    assert shop.processes() == []
    assert faults(shop) == []
    assert shop.fingerprint() == before
    verified = shop.run("verify")
    assert verified.code == 0, verified.out
    actual = outcome(shop)
    assert actual.landed == expected.outcome.landed
    if runs(shop) == 1:  # one that had ended already was followed by a run that took over its work
        assert actual == expected.outcome


@pytest.mark.parametrize("seed", range(FIRST, FIRST + MOMENTS))
def test_next_run_of_the_demo_ends_as_an_undisturbed_one(
    seed: int, undisturbed: Callable[[str], Undisturbed], tmp_path: Path
) -> None:
    kill_and_compare(seed, undisturbed("batch" if seed % 4 == 3 else "each"), tmp_path / "place")


@pytest.mark.parametrize("seed", range(FIRST, FIRST + MOMENTS // 4))
def test_batches_are_put_together_as_if_undisturbed(
    seed: int, undisturbed: Callable[[str], Undisturbed], tmp_path: Path
) -> None:
    kill_and_compare(seed, undisturbed("orchard"), tmp_path / "place")
