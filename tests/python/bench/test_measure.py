"""The measuring loop: pinning, turns, quartiles, what is steady."""

from __future__ import annotations

import os
import time

import pytest

from pocketvision.bench.measure import Timing, interleave, pinned


def test_every_runner_runs_twice_a_round_and_takes_turns() -> None:
    calls: list[str] = []
    interleave([lambda: calls.append("a"), lambda: calls.append("b")], rounds=3)
    assert "".join(calls) == "aabb" + "bbaa" + "aabb"


def test_median_and_quartiles_are_milliseconds() -> None:
    slow, fast = interleave([lambda: time.sleep(0.02), lambda: None], rounds=5)
    assert 20 <= slow.median < 200
    assert slow.lower <= slow.median <= slow.upper
    assert slow.spread == pytest.approx(slow.upper - slow.lower)
    assert slow.fast <= slow.lower
    assert fast.median < slow.median


def test_a_spread_above_a_third_of_the_median_is_not_steady() -> None:
    assert Timing(3.0, 2.6, 3.6, 2.5).steady
    assert not Timing(3.0, 2.5, 3.6, 2.5).steady


@pytest.mark.parametrize("rounds", [1, 0, -3])
def test_too_few_rounds_are_refused(rounds: int) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        interleave([lambda: None], rounds)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin threads")
def test_pinning_uses_one_core_and_gives_the_others_back() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(KeyError), pinned() as core:
        assert os.sched_getaffinity(0) == {core}
        raise KeyError
    assert os.sched_getaffinity(0) == before
