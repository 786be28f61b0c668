"""False alarms of strangers by the gallery's size: exact over all galleries, with an interval.

A stranger's probe raises an alarm when the best of the n enrolled templates reaches the threshold.
Of N people, a picture each, every one is a probe in turn and the gallery is any n of the others. A
probe that m of the others reach meets none of them in a share C(N-1-m, n) / C(N-1, n) of these
galleries, so the false positive identification rate over all of them needs no draw: it is a sum
over the pairs by falling score, each adding the chance that it is the first to raise an alarm.
Nobody is thought independent of anybody: who is like many raises one alarm, not many.

Where people are enrolled with several templates each, a pair is a probe and a person, with the best
of the person's templates as its score; who has fewer pictures than that many gives them all.

Why not extreme values: on facechain-25m and 7,099 people, calibrated on 2,700 to 5,000 of them and
measured on the others (150 splits), a generalised Pareto tail on the 20 to 100 most alike pairs
made thresholds up to a third steadier at 1 % and 0.1 % among 1,000 and 1 % among 4,000, but their
mean FPIR was 1.05 to 1.2 times what was asked, and 1.4 to 1.6 times at 0.1 % among 4,000, where it
looks beyond the pairs: the far tail is not of one kind, look-alikes and people whom a data set has
under two names. The count below had 0.85 to 1.04 times, and 0.55 to 1.0 there. So a rate that the
people do not carry (rule of three) is refused, and none is extrapolated from a curve.

The threshold stands just above the last pair whose alarm would keep the rate, so that one fewer is
counted than allowed: the rate to be expected on new people is then the one that was asked for, and
not that of luck. Galleries larger than the N - 1 others are taken for several that fail apart,
which is the worst there can be (1 - (1 - p) ** k is concave, Jensen).

The interval is measured: people are parted into halves at random, the threshold of one half is
tried on the other, and 95 % of the rates found there are inside. All the people, tried on as many
new ones, spread by 1 / sqrt(2) of what halves do; square roots of rates, whose spread does not
depend on the rate, are brought nearer by that. An end of zero stays one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pairs import Pairs, Rows, above, directed, strangers

DRAWS, LEVEL = 200, 0.95

KEPT = 20_000
"""Pairs that are kept at least, so that parts of few people have enough."""

LEAST = 3
"""Probes that must be expected to raise an alarm: none seen of n leaves a rate below 3 / n."""


@dataclass(frozen=True)
class Alarm:
    """A threshold among ``size`` people, its rate, and the bounds that as many new people show,
    95 %."""

    size: int
    fpir: float
    threshold: float
    low: float
    high: float


class Strangers:
    """Strangers by falling score, for the rates of any gallery size and any part of the people.

    ``people``: how many. ``worlds``: choices of pictures of each, over which rates are means.
    ``floor``: the threshold from which on all pairs are there. ``directed``: ``first`` alone is the
    probe of a pair; else either is the other's.
    """

    def __init__(
        self,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        score: NDArray[np.float64],
        people: int,
        worlds: int,
        floor: float,
        directed: bool = False,
    ) -> None:
        self.first, self.second, self.score = first, second, score
        self.people, self.worlds, self.floor, self.directed = people, worlds, floor, directed
        self.probes = 1 if directed else 2
        self.turn = _turns([first, second][: self.probes], people * worlds)

    def part(self, chosen: NDArray[np.bool_]) -> Strangers:
        """Only the ``chosen`` (people,), numbered anew."""
        everywhere = np.tile(chosen, self.worlds)
        kept = everywhere[self.first] & everywhere[self.second]
        number = np.cumsum(everywhere) - 1
        return Strangers(
            number[self.first[kept]],
            number[self.second[kept]],
            self.score[kept],
            int(chosen.sum()),
            self.worlds,
            self.floor,
            self.directed,
        )

    def rates(self, size: int, pairs: int) -> NDArray[np.float64]:
        """FPIR among ``size`` people with the first 1, 2, ... ``pairs`` pairs accepted."""
        turn = self.turn[: self.probes * pairs]
        if not len(turn):
            return np.zeros(0)
        held = min(size, self.people - 1)
        chance = _chances(self.people, held, int(turn.max()) + 1)
        rate = np.cumsum(chance[turn])[self.probes - 1 :: self.probes]
        rate /= self.people * self.worlds
        rate = np.minimum(rate, 1.0)
        if size > held:
            rate = 1 - (1 - rate) ** (size / held)
        return np.asarray(rate)

    def fpir(self, size: int, threshold: float) -> float:
        """Share of strangers' probes with any of ``size`` people at or above ``threshold``.

        Raises:
            ValueError: pairs above it were left out.
        """
        if threshold < self.floor:
            raise ValueError(f"threshold: pairs are kept from {self.floor:.4f}, got {threshold}")
        rates = self.rates(size, int(np.searchsorted(-self.score, -threshold, side="right")))
        return float(rates[-1]) if len(rates) else 0.0

    def threshold(self, size: int, fpir: float) -> float:
        """The lowest score at which ``fpir`` is to be expected of new people.

        Raises:
            ValueError: not enough pairs were kept to reach the rate.
        """
        # What no probe meets twice takes so many pairs; where some do, it takes more.
        total = len(self.score)
        share = fpir * self.people * self.worlds / min(size, self.people - 1)
        share *= self.people / self.probes
        upto = min(total, 2 * math.ceil(share) + 100)
        rates = self.rates(size, upto)
        while upto < total and rates[-1] <= fpir:
            upto = min(total, 4 * upto)
            rates = self.rates(size, upto)
        if not total or rates[-1] <= fpir:
            raise ValueError(f"fpir: too few pairs are kept for {fpir:g} among {size}")
        kept = int(np.searchsorted(rates, fpir * (1 + 1e-12), side="right"))
        return above(float(self.score[max(kept - 1, 0)]))


def meet(
    rows: Rows,
    people: NDArray[Any],
    share: float,
    worlds: int = 1,
    seed: int = 0,
    templates: int = 1,
) -> Strangers:
    """All people of ``rows`` (N, D), of length 1, as strangers: one picture of each as probe, and
    the same or up to ``templates`` others as what is enrolled, ``worlds`` times at random where
    some have several; ``share``: of the pairs that are kept."""
    names, person = np.unique(people, return_inverse=True)
    count = len(names)
    random = np.random.default_rng(seed)
    parts, floor = [], -2.0
    for world in range(worlds if count < len(rows) else 1):
        mixed = random.permutation(len(rows))
        chosen = np.empty(count, np.int64)
        chosen[person[mixed]] = mixed  # of several pictures of a person, the last stays
        if templates == 1:
            found = strangers(rows[chosen], np.arange(count), share, seed)
        else:
            enrolled = _enrolled(person, random.permutation(len(rows)), templates)
            found = directed(rows, chosen, enrolled, share, seed)
        found = _cut(found, share)
        parts.append((found.first + world * count, found.second + world * count, found.score))
        if not found.whole:
            floor = max(floor, float(found.score[-1]))
    first, second, score = (np.concatenate(of) for of in zip(*parts, strict=True))
    order = np.argsort(-score, kind="stable")
    order = order[: np.searchsorted(-score[order], -floor, side="right")]
    return Strangers(
        first[order], second[order], score[order], count, len(parts), floor, templates > 1
    )


def _cut(found: Pairs, share: float) -> Pairs:
    """The most alike of pairs that came whole, at least ``KEPT`` of them."""
    kept = max(math.ceil(1.1 * share * len(found.score)), KEPT)
    if not found.whole or kept >= len(found.score):
        return found
    return Pairs(found.first[:kept], found.second[:kept], found.score[:kept], whole=False)


def _enrolled(
    person: NDArray[np.integer], mixed: NDArray[np.int64], templates: int
) -> NDArray[np.int64]:
    """Rows of ``templates`` pictures of each person (people, templates), the first in ``mixed``;
    of who has fewer, some again."""
    order = mixed[np.argsort(person[mixed], kind="stable")]
    pictures = np.bincount(person)
    start = np.cumsum(pictures) - pictures
    return order[start[:, None] + np.arange(templates) % pictures[:, None]]


def needed(sizes: Sequence[int], fpirs: Sequence[float]) -> float:
    """The share of all pairs that :func:`meet` must keep for these thresholds, with room."""
    # Alarms of several templates coincide, so larger galleries take more pairs than their part.
    return min(max((1.5 if n == 1 else 4 / n) * f for n in sizes for f in fpirs), 1.0)


def carried(people: int, fpir: float) -> bool:
    """Whether so many people, each a probe, carry the rate (rule of three)."""
    return people * fpir >= LEAST - 1e-9


def most(people: int, fpir: float) -> int:
    """The largest gallery for which so many people carry the rate: more than there are others of
    count as several galleries, and what is asked of each must be carried."""
    if not carried(people, fpir):
        return 0
    lowest = LEAST / people
    several = math.log1p(-fpir) / math.log1p(-lowest) if lowest < fpir else 1.0
    return math.floor((people - 1) * several + 1e-9)


def alarms(
    found: Strangers,
    sizes: Sequence[int],
    fpirs: Sequence[float],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Alarm]:
    """The thresholds at all ``fpirs`` among all ``sizes`` people, see :func:`alarms_of`."""
    cases = [(size, fpir) for size in sizes for fpir in fpirs]
    return alarms_of(found, cases, draws=draws, seed=seed)


def alarms_of(
    found: Strangers, cases: Sequence[tuple[int, float]], *, draws: int = DRAWS, seed: int = 0
) -> list[Alarm]:
    """The threshold of each case, a number of people and an FPIR, with its interval.

    Raises:
        ValueError: a rate that so many people do not carry.
    """
    for _, fpir in cases:
        if not 0 < fpir < 1 or not carried(found.people, fpir):
            raise ValueError(
                f"fpir: {fpir:g} needs at least {math.ceil(LEAST / max(fpir, 1e-9) - 1e-9)} people "
                f"(rule of three), got {found.people}"
            )
    random = np.random.default_rng(seed)
    seen, least = np.empty((2, draws, len(cases)))
    for draw in range(draws):
        chosen = np.zeros(found.people, bool)
        chosen[random.permutation(found.people)[: found.people // 2]] = True
        one, other = found.part(chosen), found.part(~chosen)
        for column, (size, fpir) in enumerate(cases):
            threshold = one.threshold(size, fpir)
            seen[draw, column] = other.fpir(size, threshold)
            # Several galleries of these people may fail together, and raise no more than one.
            least[draw, column] = other.fpir(min(size, found.people - 1), threshold)
    low = np.quantile(least, (1 - LEVEL) / 2, axis=0)
    high = np.quantile(seen, (1 + LEVEL) / 2, axis=0)
    return [
        Alarm(size, fpir, found.threshold(size, fpir), _nearer(a, fpir), _nearer(b, fpir))
        for (size, fpir), a, b in zip(cases, low.tolist(), high.tolist(), strict=True)
    ]


def _nearer(end: float, fpir: float) -> float:
    """An end of the interval, of half the people, for all of them."""
    if end == 0:
        return 0.0
    centre = math.sqrt(fpir)
    return float((centre + (math.sqrt(end) - centre) / math.sqrt(2)) ** 2)


def _turns(probes: Sequence[NDArray[np.int64]], count: int) -> NDArray[np.int32]:
    """For each probe of each pair, how many pairs of that probe came before (probes P,)."""
    ends = np.stack(probes, axis=1).reshape(-1)
    ends = ends.astype(np.uint16 if count <= 1 << 16 else np.int64)
    order = np.argsort(ends, kind="stable")
    times = np.bincount(ends, minlength=count)
    turn = np.empty(len(ends), np.int32)
    turn[order] = np.arange(len(ends)) - np.repeat(np.cumsum(times) - times, times)
    return turn


def _chances(people: int, size: int, turns: int) -> NDArray[np.float64]:
    """The chance, for m = 0, 1, ..., that the next alike of a probe's others, after m, is in the
    gallery and none of the m is: C(N-2-m, n-1) / C(N-1, n)."""
    before = np.arange(min(turns, people - 1))
    absent = np.cumprod(np.maximum(people - 1 - size - before, 0) / (people - 1 - before))
    missed = np.concatenate([[1.0], absent])
    return np.asarray(missed[:-1] - missed[1:])
