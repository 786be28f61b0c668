"""The traversal against all networks of small spaces, one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from pocketvision.training.search.traverse import (  # noqa: E402
    Choices,
    Costs,
    ImpossibleError,
    cheapest,
    priced,
    traverse,
)

NAMES = ("macs", "flash", "arena")


@st.composite
def cases(draw):
    """Blocks whose exits are the next block's entries, costs of few values so that ties occur."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    coarse = draw(st.booleans())
    peaks = np.array(draw(st.lists(st.booleans(), min_size=3, max_size=3)))
    blocks, entries = [], [0]
    for _ in range(draw(st.integers(1, 4))):
        n, exits = int(random.integers(1, 7)), np.arange(random.integers(1, 4)) * 8 + 8
        out = random.choice(exits, n)
        ratings = random.integers(0, 5, n) / 10 if coarse else random.random(n)
        high = 4 if coarse else 1000
        costs = {entry: random.integers(0, high, (n, 3)).astype(float) for entry in entries}
        blocks.append(Choices([f"c{i}" for i in range(n)], ratings, out, costs))
        entries = sorted(set(out.tolist()))
    start = random.integers(0, 4 if coarse else 1000, 3).astype(float)
    free = Costs(NAMES, np.full(3, np.inf), peaks)
    every = [
        priced(blocks, free, 0, start, chosen)
        for chosen in itertools.product(*(range(len(b.ratings)) for b in blocks))
    ]
    limits = np.quantile(np.array(every), random.uniform(0, 1, 3), axis=0).diagonal()
    limits = np.where(random.random(3) < 0.2, np.inf, np.floor(limits))
    return blocks, Costs(NAMES, limits, peaks), start, draw(st.integers(1, 6))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_it_finds_what_going_through_all_finds(case) -> None:
    blocks, costs, start, k = case
    fitting = []
    for chosen in itertools.product(*(range(len(b.ratings)) for b in blocks)):
        if costs.within(priced(blocks, costs, 0, start, chosen)):
            rating = 0.0
            for block, index in zip(blocks, chosen, strict=True):
                rating += float(block.ratings[index])
            fitting.append(rating)
    if not fitting:
        with pytest.raises(ImpossibleError, match="budget"):
            traverse(blocks, costs, 0, start, k)
        return
    found = traverse(blocks, costs, 0, start, k)
    assert [one.rating for one in found] == sorted(fitting)[:k]
    assert len({one.chosen for one in found}) == len(found)
    for one in found:
        total = priced(blocks, costs, 0, start, one.chosen)
        assert costs.within(total) and list(one.costs.values()) == total.tolist()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_cheapest(case) -> None:
    blocks, costs, start, _ = case
    every = [
        priced(blocks, costs, 0, start, chosen)
        for chosen in itertools.product(*(range(len(b.ratings)) for b in blocks))
    ]
    for axis, name in enumerate(NAMES):
        chosen = cheapest(blocks, costs, 0, start, name)
        assert priced(blocks, costs, 0, start, chosen)[axis] == min(row[axis] for row in every)


def two() -> tuple[list[Choices], np.ndarray]:
    costs = {0: np.array([[10.0, 1.0], [2.0, 8.0]])}
    return [Choices(["wide", "deep"], np.array([0.1, 0.2]), np.zeros(2, int), costs)], np.zeros(2)


def test_an_impossible_budget_names_the_cheapest_network() -> None:
    blocks, start = two()
    peaks = np.array([False, True])
    with pytest.raises(ImpossibleError) as error:
        traverse(blocks, Costs(("macs", "arena"), np.array([1.0, 9.0]), peaks), 0, start)
    assert "budget.macs: expected at least 2" in str(error.value) and "(deep)" in str(error.value)
    with pytest.raises(ImpossibleError) as error:
        traverse(blocks, Costs(("macs", "arena"), np.array([5.0, 5.0]), peaks), 0, start)
    text = str(error.value)
    assert "no network meets all limits at once" in text
    assert "of least macs is deep: macs 2, arena 8" in text and "of least arena is wide" in text


def test_a_large_space_is_quick() -> None:
    """Three blocks of 3,000 candidates, 2.7e10 networks: seconds at most, and no wrong answer."""
    random = np.random.default_rng(0)
    blocks, entries = [], [16]
    for _ in range(3):
        costs = {entry: random.integers(1e5, 1e7, (3000, 4)).astype(float) for entry in entries}
        width = random.choice([32, 48], 3000)
        # Who costs more is the better one, but for luck: the hard case for pruning.
        ratings = 1 / np.log(costs[entries[0]].sum(axis=1)) + random.normal(0, 2e-4, 3000)
        blocks.append(Choices(range(3000), ratings, width, costs))
        entries = [32, 48]
    limits = np.array([9e6, 9e6, 9e6, 6e6])
    costs = Costs(("a", "b", "c", "d"), limits, np.array([False, False, False, True]))
    found = traverse(blocks, costs, 16, np.zeros(4), 3)
    assert len(found) == 3 and found[0].rating <= found[1].rating <= found[2].rating
