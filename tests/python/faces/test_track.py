"""Tracker: numbers that faces keep while they move, and new ones for those who are new."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pocketvision.faces.find.track import OVERLAP, Tracker, overlaps

BOX = np.array([10.0, 10, 30, 40])


def test_overlaps() -> None:
    found = overlaps(
        np.array([BOX, [0, 0, 0, 0]]),
        np.array([BOX, BOX + [10, 0, 10, 0], BOX + 100, [5, 5, 5, 5]]),
    )
    np.testing.assert_allclose(found, [[1, 1 / 3, 0, 0], [0, 0, 0, 0]])
    assert overlaps(np.empty((0, 4)), np.array([BOX])).shape == (0, 1)


def test_faces_that_pass_each_other_keep_their_numbers() -> None:
    tracker = Tracker()
    for step in range(30):
        right, left = (
            BOX + [4 * step, 0, 4 * step, 0],
            BOX + [120 - 4 * step, 25, 120 - 4 * step, 25],
        )
        order = [right, left] if step % 2 else [left, right]
        numbers = tracker.update(order)
        assert numbers == ([2, 1] if step % 2 else [1, 2])


def test_the_nearest_boxes_are_matched_first() -> None:
    tracker = Tracker()
    assert tracker.update([BOX, BOX + [8, 0, 8, 0]]) == [1, 2]
    # The first of these overlaps both; the second of the old ones is nearer to it.
    assert tracker.update([BOX + [7, 0, 7, 0], BOX + [1, 0, 1, 0]]) == [2, 1]


def test_who_is_missing_comes_back_until_patience_ends() -> None:
    tracker = Tracker(patience=3)
    assert tracker.update([BOX]) == [1]
    for _ in range(3):
        assert tracker.update([]) == []
    assert tracker.update([BOX]) == [1]
    for _ in range(4):
        tracker.update([BOX + 200])
    assert tracker.update([BOX, BOX + 200]) == [3, 2]


def test_who_jumps_is_new() -> None:
    tracker = Tracker()
    assert tracker.update([BOX]) == [1]
    assert tracker.update([BOX + [15, 0, 15, 0]]) == [2]  # 1/7 is less than OVERLAP
    assert 1 / 7 < OVERLAP < 1 / 3


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(0, 10**6))
def test_numbers_are_never_shared(counts: list[int], seed: int) -> None:
    random, tracker, known = np.random.default_rng(seed), Tracker(patience=1), 0
    for count in counts:
        corners = random.uniform(0, 40, (count, 2))
        numbers = tracker.update(np.hstack([corners, corners + random.uniform(5, 30, (count, 2))]))
        assert len(set(numbers)) == count
        fresh = [number for number in numbers if number > known]
        assert sorted(fresh) == list(range(known + 1, known + 1 + len(fresh)))
        known += len(fresh)
