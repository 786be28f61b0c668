"""TAR at FAR with confidence intervals by bootstrap over people.

Pairs that share a person are not independent, so people are drawn with replacement, not pairs
(Bolle, Ratha, Pankanti: Error analysis of pattern recognition systems, CVIU 2004, "subsets
bootstrap"). A person drawn w times counts w times in each own genuine pair and an impostor pair
of people drawn v and w times counts v * w times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .faces import protocol


@dataclass(frozen=True)
class Interval:
    """A figure measured on all people, and the bounds that hold ``level`` of the redrawn ones."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Operating:
    """One operating point: accept where cosine >= ``threshold``."""

    far: float
    threshold: Interval
    tar: Interval
    level: float
    draws: int
    impostors: int


def operating_point(
    scores: ArrayLike,
    same: ArrayLike,
    first: Sequence[Any],
    second: Sequence[Any],
    far: float,
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Operating:
    """Threshold and TAR at ``far``, each with its interval.

    Args:
        scores: (P,) cosines.
        same: (P,) whether a pair is genuine.
        first, second: (P,) the person of either side, any hashable sortable name.
        far: the false accept rate asked for.
        draws: bootstrap samples.
        level: share of the samples inside the interval.
        seed: of the draws.

    Raises:
        ValueError: too few impostor pairs for ``far`` (rule of three, see
            :func:`protocol.threshold_at_far`), or a genuine pair names two people.
    """
    threshold = protocol.threshold_at_far(scores, same, far)
    score, genuine = np.asarray(scores, np.float64), np.asarray(same, bool)
    left, right, people = _indices(first, second, genuine)
    order = np.argsort(-score, kind="stable")
    score, genuine, left, right = score[order], genuine[order], left[order], right[order]
    random = np.random.default_rng(seed)
    thresholds: list[float] = []
    tars: list[float] = []
    while len(tars) < draws:
        drawn = np.bincount(random.integers(0, people, people), minlength=people)
        weight = np.where(genuine, drawn[left], drawn[left] * drawn[right]).astype(np.float64)
        if not weight[genuine].any() or not weight[~genuine].any():
            continue  # nobody of one kind was drawn: there is no rate to speak of
        limit, tar = _weighted(score, genuine, weight, far)
        thresholds.append(limit)
        tars.append(tar)
    tar = float((score[genuine] >= threshold).mean())
    return Operating(
        far,
        _interval(threshold, thresholds, level),
        _interval(tar, tars, level),
        level,
        draws,
        int((~genuine).sum()),
    )


def _weighted(
    score: NDArray[np.floating],
    genuine: NDArray[np.bool_],
    weight: NDArray[np.floating],
    far: float,
) -> tuple[float, float]:
    """Threshold and TAR of weighted pairs, sorted by falling score: the rule of the whole set."""
    impostor = score[~genuine], np.cumsum(weight[~genuine])
    # The first impostor whose acceptance would pass the rate: accept what scores above it.
    first = int(np.searchsorted(impostor[1], far * impostor[1][-1] * (1 + 1e-12), side="right"))
    limit = float(np.nextafter(impostor[0][min(first, len(impostor[0]) - 1)], np.inf))
    accepted = weight[genuine] * (score[genuine] >= limit)
    return limit, float(accepted.sum() / weight[genuine].sum())


def _indices(
    first: Sequence[Any], second: Sequence[Any], genuine: NDArray[np.bool_]
) -> tuple[NDArray[np.integer], NDArray[np.integer], int]:
    if not len(first) == len(second) == len(genuine):
        raise ValueError(
            f"expected one person per side and pair, got {len(first)} and {len(second)} "
            f"for {len(genuine)} pairs"
        )
    names, index = np.unique([*first, *second], return_inverse=True)
    left, right = index[: len(first)], index[len(first) :]
    wrong = np.flatnonzero((left == right) != genuine)
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(
            f"pair {row} is called {'genuine' if genuine[row] else 'an impostor'} but its people "
            f"are {first[row]!r} and {second[row]!r}"
        )
    return left, right, len(names)


def _interval(value: float, samples: list[float], level: float) -> Interval:
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
