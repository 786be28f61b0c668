"""False accept rates of pairs: thresholds with intervals, and what so many people can carry.

Every pair of people counts once, however many pictures either has. Pairs that share a person are
not independent, so intervals are by bootstrap over people (Bolle, Ratha, Pankanti: Error analysis
of pattern recognition systems, CVIU 2004), and so is the number of pairs that the rule of three
asks for: the pairs count as many as independent ones would have to be for the same spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pairs import Pairs, above

DRAWS, LEVEL = 500, 0.95

LEAST = 3
"""Independent accepted pairs that a rate needs: with none of n seen, it is below 3 / n (95 %)."""


@dataclass(frozen=True)
class Rate:
    """A threshold that accepts ``far`` of the pairs of different people, or fewer.

    ``low``, ``high``: its bounds by bootstrap over people, 95 %. ``far_low``, ``far_high``: those
    of the rate at it. ``pairs``: of people, of ``people``. ``independent``: what the pairs count.
    """

    far: float
    threshold: float
    low: float
    high: float
    far_low: float
    far_high: float
    people: int
    pairs: int
    independent: float

    @property
    def carried(self) -> bool:
        """Whether the pairs carry the rate (rule of three)."""
        return self.independent * self.far >= LEAST - 1e-9

    @property
    def people_wanted(self) -> int:
        """About how many people like these would carry the rate."""
        lacking = max(LEAST / self.far / max(self.independent, 1.0), 1.0)
        # Pairs grow with the square of the people; at rare scores they are nearly independent.
        return math.ceil(self.people * math.sqrt(lacking))


def share_for(fars: list[float]) -> float:
    """The share of all pairs that must be kept for these rates, with room for the bootstrap."""
    return min(2.5 * max(fars), 1.0)


def rate(
    found: Pairs, people: NDArray[np.integer], far: float, *, draws: int = DRAWS, seed: int = 0
) -> Rate:
    """The threshold at ``far`` of the pairs ``found`` among pictures of ``people`` (N,).

    Whether the people carry it is for the caller to ask: :attr:`Rate.carried`.

    Raises:
        ValueError: no rate between 0 and 1, fewer than two people, or too few pairs were kept.
    """
    if not 0 < far < 1:
        raise ValueError(f"far: expected a rate between 0 and 1, got {far}")
    names, person, pictures = np.unique(people, return_inverse=True, return_counts=True)
    count = len(names)
    pairs = count * (count - 1) // 2
    if count < 2:
        raise ValueError("people: expected at least two, since a false accept takes two")
    left, right = person[found.first], person[found.second]
    weight = 1.0 / (pictures[left] * pictures[right])
    # Of rare scores, only so many pairs: a draw of people may take more than the rate's share.
    near = int(np.searchsorted(np.cumsum(weight), 4 * far * pairs + 100)) + 1
    if near < len(weight):
        left, right, weight = left[:near], right[:near], weight[:near]
        found = Pairs(found.first[:near], found.second[:near], found.score[:near], whole=False)
    random = np.random.default_rng(seed)
    place = _place(np.cumsum(weight), pairs, far, found)
    threshold = above(float(found.score[place]))
    accepted = int(np.searchsorted(-found.score, -threshold, side="right"))
    limits, rates = np.empty(draws), np.empty(draws)
    for draw in range(draws):
        drawn = np.bincount(random.integers(0, count, count), minlength=count)
        total = (count**2 - float(np.square(drawn).sum())) / 2
        if total == 0:  # one person alone was drawn
            limits[draw], rates[draw] = threshold, far
            continue
        heaped = np.cumsum(weight * drawn[left] * drawn[right])
        limits[draw] = above(float(found.score[_place(heaped, total, far, found)]))
        rates[draw] = heaped[accepted - 1] / total if accepted else 0.0
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(limits, ends)
    far_low, far_high = np.quantile(rates, ends)
    spread = float(rates.var())
    # Couples of people that no other couple shares are independent whatever the spread says.
    independent = max(far * (1 - far) / spread if spread else 0.0, count // 2)
    independent = min(independent, float(pairs))
    return Rate(
        far=far,
        threshold=threshold,
        low=min(float(low), threshold),
        high=max(float(high), threshold),
        far_low=float(far_low),
        far_high=float(far_high),
        people=count,
        pairs=pairs,
        independent=independent,
    )


def _place(heaped: NDArray[np.float64], total: float, far: float, found: Pairs) -> int:
    """The first pair whose acceptance would pass the rate: what scores above it is accepted."""
    place = int(np.searchsorted(heaped, far * total * (1 + 1e-12), side="right"))
    if place == len(heaped) and not found.whole:
        raise ValueError(f"far: too few pairs are kept for {far:g}")
    return min(place, len(heaped) - 1)
