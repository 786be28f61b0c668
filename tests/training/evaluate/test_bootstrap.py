"""Intervals over people: the point by hand, weights by enumeration, coverage by simulation."""

import numpy as np
import pytest

from pocketvision.training.evaluate import bootstrap
from pocketvision.training.evaluate.faces import protocol


def test_weights_count_pairs_as_often_as_they_are_drawn():
    random = np.random.default_rng(0)
    score = np.sort(random.normal(size=400))[::-1]
    genuine = random.random(400) < 0.5
    weight = random.integers(0, 4, 400).astype(float)
    limit, tar = bootstrap._weighted(score, genuine, weight, 0.05)
    repeated = np.repeat(score, weight.astype(int)), np.repeat(genuine, weight.astype(int))
    assert limit == protocol.threshold_at_far(*repeated, 0.05)
    assert tar == pytest.approx((repeated[0][repeated[1]] >= limit).mean())


def simulated(people: int, seed: int):
    """Two pictures of each person; some people are harder than others."""
    random = np.random.default_rng(seed)
    hard = random.normal(0, 0.15, people)
    genuine = 0.6 + hard + random.normal(0, 0.05, people)
    left, right = random.integers(0, people, (2, 6 * people))
    other = left != right
    left, right = left[other], right[other]
    impostor = 0.2 + (hard[left] + hard[right]) / 2 + random.normal(0, 0.1, len(left))
    scores = np.concatenate([genuine, impostor])
    first = [*range(people), *left.tolist()]
    return scores, np.arange(len(scores)) < people, first, [*range(people), *right.tolist()]


def test_the_interval_covers_what_other_people_give():
    """95 % intervals of the TAR of 60 small sets hold the TAR of a large one most of the time."""
    truth = bootstrap.operating_point(*simulated(20_000, 99), 0.05, draws=2).tar.value
    found = [
        bootstrap.operating_point(*simulated(150, seed), 0.05, draws=200).tar for seed in range(60)
    ]
    held = sum(one.low <= truth <= one.high for one in found)
    assert 50 <= held <= 60
    assert all(one.low <= one.value <= one.high for one in found)
    assert np.mean([one.high - one.low for one in found]) < 0.35


def test_a_seed_gives_one_answer():
    sets = simulated(100, 1)
    once, again = (bootstrap.operating_point(*sets, 0.05, draws=50) for _ in range(2))
    assert once == again
    assert bootstrap.operating_point(*sets, 0.05, draws=50, seed=1) != once


def test_it_refuses_a_rate_below_the_rule_of_three():
    scores, same, first, second = simulated(100, 1)
    with pytest.raises(ValueError, match="needs at least 30000 impostor pairs"):
        bootstrap.operating_point(scores, same, first, second, 1e-4)


def test_it_refuses_people_that_contradict_the_pairs():
    with pytest.raises(ValueError, match="pair 1 is called an impostor but its people are 'b'"):
        bootstrap.operating_point([0.9, 0.1] + [0.0] * 3, [1, 0, 0, 0, 0], "abxyz", "abcde", 0.9)
