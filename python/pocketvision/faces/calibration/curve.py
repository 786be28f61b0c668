"""The DET curve of pictures of known people: how often strangers pass, how often owners fail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pairs import BLOCK, Rows

STEPS = 4000
"""Thresholds from -1 to 1."""


@dataclass(frozen=True)
class Curve:
    """Shares at rising thresholds (T,): of impostor pairs at or above, of genuine pairs below.

    Every pair of people counts once, and so does every person with several pictures; ``fnmr`` is
    None where nobody has.
    """

    thresholds: NDArray[np.float64]
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64] | None


def det(rows: Rows, people: NDArray[np.integer], pictures: NDArray[np.integer]) -> Curve:
    """Of rows (N, D) of length 1, the person of each, and how many each person has (P,)."""
    strange, own = np.zeros(STEPS + 1), np.zeros(STEPS + 1)
    weight = 1.0 / pictures[people]
    pairs = 2.0 / np.maximum(pictures * (pictures - 1), 1)[people]
    for start in range(0, len(rows), BLOCK):
        at = slice(start, start + BLOCK)
        score = rows[at] @ rows[start:].T
        place = np.clip(((score + 1) * (STEPS / 2)).astype(np.int64), 0, STEPS)
        later = np.arange(len(score))[:, None] < np.arange(score.shape[1])[None, :]
        same = people[at, None] == people[None, start:]
        both = weight[at, None] * weight[None, start:]
        other = later & ~same
        strange += np.bincount(place[other], both[other], minlength=STEPS + 1)
        both = np.broadcast_to(pairs[at, None], score.shape)
        later &= same
        own += np.bincount(place[later], both[later], minlength=STEPS + 1)
    # A score that falls into a step is at or above its lower end.
    fmr = np.cumsum(strange[::-1])[::-1] / strange.sum()
    own_sum = own.sum()
    fnmr = (np.cumsum(own) - own) / own_sum if own_sum else None
    return Curve(np.linspace(-1, 1, STEPS + 1), fmr, fnmr)
