"""False accept rates of own people: against a plain count, and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.faces.calibration import pairs, rates


def crowd(people: int, pictures: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three values in all directions: (1 - t) / 2 of strangers reach t."""
    random = np.random.default_rng(seed)
    rows = np.repeat(random.standard_normal((people, 3)), pictures, axis=0)
    rows += 0.2 * random.standard_normal(rows.shape)
    return pairs.unit_rows(rows), np.repeat(np.arange(people), pictures)


def test_no_more_pairs_than_the_rate_are_accepted() -> None:
    rows, people = crowd(60, 1, 0)
    found = pairs.strangers(rows, people, 1.0)
    for far in (0.1, 0.05, 0.01):
        rate = rates.rate(found, people, far, draws=100)
        accepted = (found.score >= rate.threshold).sum()
        assert accepted == int(far * 1770 + 1e-9)
        assert rate.low <= rate.threshold <= rate.high and rate.pairs == 1770


def test_every_pair_of_people_counts_once() -> None:
    """Whoever has a hundred pictures does not outvote the others."""
    rows, people = crowd(40, 1, 1)
    heavy = np.concatenate([rows, np.repeat(rows[:1], 99, axis=0)])
    names = np.concatenate([people, np.zeros(99, int)])
    plain = rates.rate(pairs.strangers(rows, people, 1.0), people, 0.05, draws=20)
    other = rates.rate(pairs.strangers(heavy, names, 1.0), names, 0.05, draws=20)
    assert other.threshold == pytest.approx(plain.threshold, abs=1e-6)


def test_intervals_hold_the_true_rate() -> None:
    held = np.zeros(2)
    for seed in range(60):
        rows, people = crowd(80, 2, seed)
        rate = rates.rate(pairs.strangers(rows, people, 1.0), people, 0.05, draws=200, seed=seed)
        held += (
            rate.low <= 0.9 <= rate.high,
            rate.far_low <= (1 - rate.threshold) / 2 <= rate.far_high,
        )
    assert (held >= 54).all()


def test_the_rule_of_three() -> None:
    rows, people = crowd(20, 1, 2)
    found = pairs.strangers(rows, people, 1.0)
    assert rates.rate(found, people, 0.1).carried
    rate = rates.rate(found, people, 0.001)
    assert not rate.carried and 10 <= rate.independent <= 190
    # 3,000 pairs are those of 78 people, if all were independent.
    assert 78 <= rate.people_wanted <= 400


def test_people_share_their_pairs() -> None:
    """One person whom everybody looks like makes many pairs, and hardly one observation."""
    rows = np.random.default_rng(0).standard_normal((60, 4096))
    found = pairs.strangers(pairs.unit_rows(rows), np.arange(60), 1.0)
    assert rates.rate(found, np.arange(60), 0.03).carried
    rows[0] = rows.sum(axis=0)
    found = pairs.strangers(pairs.unit_rows(rows), np.arange(60), 1.0)
    assert not rates.rate(found, np.arange(60), 0.03).carried


@pytest.mark.parametrize("far", [0.0, 1.0, -1.0, float("nan")])
def test_rates_that_are_none(far: float) -> None:
    rows, people = crowd(4, 1, 0)
    with pytest.raises(ValueError, match="far: expected a rate between 0 and 1"):
        rates.rate(pairs.strangers(rows, people, 1.0), people, far)
