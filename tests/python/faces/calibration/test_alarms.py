"""False alarms by the gallery's size: against drawn galleries, and where the truth is known."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pocketvision.faces.calibration import alarms
from pocketvision.faces.calibration.pairs import unit_rows


def sphere(count: int, seed: int) -> np.ndarray:
    """Embeddings of three values in all directions: the cosine of strangers is uniform on -1 to 1,
    so (1 - t) / 2 of the pairs reach t, and 1 - ((1 + t) / 2) ** n of the probes among n."""
    return unit_rows(np.random.default_rng(seed).standard_normal((count, 3)))


def uneven(count: int, seed: int) -> np.ndarray:
    """People of whom few are like many, as in life."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, 16))
    rows[:, 0] += 6 * random.random(count) ** 4
    return unit_rows(rows)


@pytest.mark.parametrize("size", [1, 2, 4, 6])
@pytest.mark.parametrize("threshold", [-0.5, 0.1, 0.6, 0.999])
def test_the_rate_is_that_of_all_galleries(size: int, threshold: float) -> None:
    rows = uneven(7, 3)
    met = alarms.meet(rows, np.arange(7), 1.0)
    cosine = rows @ rows.T
    alarmed = total = 0
    for probe in range(7):
        for gallery in combinations([other for other in range(7) if other != probe], size):
            alarmed += bool((cosine[probe, list(gallery)] >= threshold).any())
            total += 1
    assert met.fpir(size, threshold) == pytest.approx(alarmed / total)


def test_larger_galleries_count_as_several_that_fail_apart() -> None:
    met = alarms.meet(sphere(40, 1), np.arange(40), 1.0)
    once = met.fpir(39, 0.9)
    assert 0 < once < 1
    assert met.fpir(78, 0.9) == pytest.approx(1 - (1 - once) ** 2)


def test_parts_are_those_of_the_people_alone() -> None:
    rows = uneven(60, 2)
    chosen = np.random.default_rng(0).random(60) < 0.5
    part = alarms.meet(rows, np.arange(60), 1.0).part(chosen)
    alone = alarms.meet(rows[chosen], np.arange(chosen.sum()), 1.0)
    assert part.people == alone.people
    for threshold in (0.2, 0.5, 0.8):
        assert part.fpir(10, threshold) == pytest.approx(alone.fpir(10, threshold))


def test_pairs_that_are_left_out_change_nothing() -> None:
    rows, sizes, fpirs = uneven(1600, 5), (10, 300), (0.02, 0.01)
    share = alarms.needed(sizes, fpirs)
    met, every = (alarms.meet(rows, np.arange(1600), part) for part in (share, 1.0))
    assert len(met.score) < 0.2 * len(every.score)
    for size in sizes:
        for fpir in fpirs:
            assert met.threshold(size, fpir) == every.threshold(size, fpir)
    few = alarms.meet(rows, np.arange(1600), 1e-4)
    with pytest.raises(ValueError, match="too few pairs are kept"):
        few.threshold(10, 0.1)
    with pytest.raises(ValueError, match=r"threshold: pairs are kept from 0\.\d+, got 0"):
        few.fpir(10, 0)


def test_several_pictures_are_averaged_over_choices() -> None:
    """Two pictures that are one count as one, and one's own picture is no stranger."""
    rows = np.repeat(uneven(50, 4), 2, axis=0)
    names = np.repeat([f"p{i}" for i in range(50)], 2)
    twice = alarms.meet(rows, names, 1.0, worlds=3)
    once = alarms.meet(rows[::2], names[::2], 1.0)
    assert (twice.people, twice.worlds, once.worlds) == (50, 3, 1)
    for threshold in (0.3, 0.7):
        assert twice.fpir(10, threshold) == pytest.approx(once.fpir(10, threshold))


def test_rates_that_the_people_do_not_carry_are_refused() -> None:
    met = alarms.meet(sphere(29, 0), np.arange(29), 1.0)
    with pytest.raises(ValueError, match=r"0\.1 needs at least 30 people .*, got 29"):
        alarms.alarms(met, [10], [0.1])
    assert alarms.carried(3000, 1e-3) and not alarms.carried(2999, 1e-3)


@pytest.mark.parametrize("kind", [sphere, uneven])
def test_intervals_hold_the_true_rate(kind) -> None:
    """Of 60 calibrations on 150 people each, at least nine in ten hold the rate of everybody, at
    every size; and the mean of the true rates is about the one that was asked for, or lower."""
    sizes, fpirs = (10, 100, 300), (0.1, 0.02)
    crowd = alarms.meet(kind(3000, 10_000), np.arange(3000), 0.05)
    seen: dict[tuple[int, float], list[tuple[bool, float, float]]] = {}
    for seed in range(60):
        met = alarms.meet(kind(150, seed), np.arange(150), 1.0)
        for a in alarms.alarms(met, sizes, fpirs, draws=40, seed=seed):
            true = (
                1 - ((1 + a.threshold) / 2) ** a.size
                if kind is sphere
                else crowd.fpir(a.size, a.threshold)
            )
            held = a.low <= true <= a.high
            seen.setdefault((a.size, a.fpir), []).append((held, true / a.fpir, a.high / a.fpir))
    for case, rows in seen.items():
        held, true, high = np.mean(rows, axis=0)
        assert held >= 0.9, case
        assert 0.3 < true < 1.25, case
    # Where many pairs stand behind a rate the interval says something: less than twice as much.
    assert np.mean([high for _, _, high in seen[10, 0.1]]) < 2
