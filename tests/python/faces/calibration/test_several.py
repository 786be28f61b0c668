"""People enrolled with several templates each: rates against drawn galleries, on new people."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from pocketvision.faces.calibration import alarms, calibrate, pairs
from pocketvision.faces.open_set import open_set
from pocketvision.record import Record

RATE, PEOPLE = 0.1, 60


def crowd(people: int, pictures: Any, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (N, 16) and whose they are (N,): few people are like many, and pictures differ."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((people, 16))
    centres[:, 0] += 3 * random.random(people) ** 4
    person = np.repeat(np.arange(people), pictures(random, people))
    return pairs.unit_rows(
        centres[person] + 0.7 * random.standard_normal((len(person), 16))
    ), person


def three(random: np.random.Generator, people: int) -> np.ndarray:
    return np.full(people, 3)


def uneven(random: np.random.Generator, people: int) -> np.ndarray:
    return random.integers(1, 10, people)


def test_a_pair_is_a_probe_and_the_best_template() -> None:
    rows, _ = crowd(40, three, 1)
    probes = np.arange(0, 120, 3)
    templates = probes[:, None] + [1, 2]
    found = pairs.directed(rows, probes, templates, 1.0)
    assert found.whole and len(found.score) == 40 * 39
    assert (np.diff(found.score) <= 0).all()
    for first, second, score in zip(found.first, found.second, found.score, strict=True):
        best = max(float(rows[probes[first]] @ rows[row]) for row in templates[second])
        assert first != second and score == pytest.approx(best, abs=1e-6)


def test_most_pairs_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, person = crowd(300, three, 2)
    every = alarms.meet(rows, person, 1.0, 2, 0, 3)
    monkeypatch.setattr(alarms, "KEPT", 100)
    cut = alarms.meet(rows, person, alarms.needed([30], [RATE]), 2, 0, 3)
    monkeypatch.setattr(pairs, "SAMPLE", 20_000)
    sampled = alarms.meet(rows, person, alarms.needed([30], [RATE]), 2, 0, 3)
    for few in (cut, sampled):
        assert len(few.score) < 0.1 * len(every.score) and few.floor > -1
        assert few.threshold(30, RATE) == every.threshold(30, RATE)


@pytest.mark.parametrize("size", [1, 3])
def test_the_rate_is_that_of_all_probes_and_galleries(size: int) -> None:
    """All templates are enrolled here, so that only the probe's picture is drawn."""
    rows, person = crowd(6, three, 3)
    cosine = rows @ rows.T
    threshold = float(np.quantile(cosine[person[:, None] != person], 0.8))
    seen = [
        bool((cosine[3 * probe + picture][np.isin(person, gallery)] >= threshold).any())
        for probe, picture in product(range(6), range(3))
        for gallery in combinations([other for other in range(6) if other != probe], size)
    ]
    met = alarms.meet(rows, person, 1.0, 600, 0, 3)
    assert 0.1 < np.mean(seen) < 0.9
    assert met.fpir(size, threshold) == pytest.approx(np.mean(seen), abs=0.02)


def test_equal_pictures_are_one() -> None:
    rows = np.repeat(crowd(50, lambda *_: np.ones(50, int), 4)[0], 2, axis=0)
    person = np.repeat(np.arange(50), 2)
    one, two = (alarms.meet(rows, person, 1.0, 2, 0, templates) for templates in (1, 2))
    for threshold in (0.2, 0.5, 0.8):
        assert two.fpir(10, threshold) == pytest.approx(one.fpir(10, threshold))


@pytest.mark.parametrize(
    ("pictures", "wanted"),
    [([1] * 40, [1]), ([3] * 40, [1, 2, 3]), ([4] * 40, [1, 2, 3, 4]),
     ([1] * 38 + [40, 40], [1, 2]), ([*range(1, 21)], [1, 2, 3, 5, 10, 11])],
)  # fmt: skip
def test_as_many_templates_as_most_have(pictures: list[int], wanted: list[int]) -> None:
    assert calibrate.several(np.array(pictures)) == wanted


def test_sizes_are_those_that_the_people_carry() -> None:
    for people in (31, 40, 60, 400):
        most = alarms.most(people, RATE)
        assert most >= people
        for size, carried in ((most, True), (most + 1, False)):
            each = 1 - (1 - RATE) ** (min(people - 1, size) / size)
            assert (people * each >= 3 - 1e-9) is carried
    assert alarms.most(30, RATE) == 29 and alarms.most(29, RATE) == 0


@pytest.mark.parametrize("pictures", [three, uneven])
def test_new_people_show_a_rate_within_the_interval(pictures: Any, record_values: Any) -> None:
    """Galleries of new people, as many as calibrated and with every picture they have, and probes
    of others yet: of 20 calibrations nine in ten state an interval that holds their rate."""
    rows, person = crowd(1500, pictures, 10_000)
    random = np.random.default_rng(0)
    inside, rates = [], []
    for seed in range(20):
        own, names = crowd(PEOPLE, pictures, seed)
        found, _ = calibrate._identification(own, names, [RATE], "made", 0)
        record = Record.from_dict({**record_values, "identification": found})
        alarmed = []
        for _ in range(3):
            mixed = random.permutation(1500)
            enrolled = rows[np.isin(person, mixed[:PEOPLE])]
            probes = rows[
                random.permutation(np.flatnonzero(~np.isin(person, mixed[:PEOPLE])))[:400]
            ]
            stated = open_set(record, RATE, len(enrolled), PEOPLE)
            assert not stated.extrapolated
            alarmed.append(((probes @ enrolled.T).max(axis=1) >= stated.threshold).mean())
        rates.append(np.mean(alarmed))
        inside.append(stated.interval[0] <= rates[-1] <= stated.interval[1])
    assert np.mean(inside) >= 0.9
    assert 0.3 * RATE < np.mean(rates) < 1.4 * RATE
