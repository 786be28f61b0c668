"""Pairs of strangers: all of them, the most alike of many, and the decimals of thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketvision.faces.calibration import pairs


def test_small_sets_come_whole_and_sorted() -> None:
    rows = pairs.unit_rows(np.random.default_rng(0).standard_normal((30, 8)))
    people = np.repeat(np.arange(10), 3)
    found = pairs.strangers(rows, people, 0.01)
    assert found.whole and len(found.score) == 30 * 29 // 2 - 10 * 3
    assert (people[found.first] != people[found.second]).all() and (
        found.first < found.second
    ).all()
    assert (np.diff(found.score) <= 0).all()
    wanted = (rows[found.first] * rows[found.second]).sum(axis=1)
    np.testing.assert_allclose(found.score, wanted, atol=1e-6)


def test_of_many_the_share_most_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "SAMPLE", 20_000)
    monkeypatch.setattr(pairs, "BLOCK", 64)
    rows = pairs.unit_rows(np.random.default_rng(1).standard_normal((500, 8)))
    some = pairs.strangers(rows, np.arange(500), 0.05)
    every = pairs.strangers(rows, np.arange(500), 1.0)
    assert not some.whole and every.whole
    assert 0.05 * len(every.score) <= len(some.score) <= 0.08 * len(every.score)
    np.testing.assert_array_equal(some.score, every.score[: len(some.score)])


def test_rows_without_a_direction_are_named() -> None:
    with pytest.raises(ValueError, match="row 1 is zero or not finite"):
        pairs.unit_rows([[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(ValueError, match=r"expected \(N, D\), got shape \(2,\)"):
        pairs.unit_rows([1.0, 2.0])


@given(st.floats(-1, 1))
def test_rounding_never_crosses(value: float) -> None:
    low, high = (pairs.rounded(value, up=up) for up in (False, True))
    assert low <= value <= high <= low + 1.0001e-4
    assert round(low, pairs.DIGITS) == low and round(high, pairs.DIGITS) == high
