"""K folds of a set of clips, by their names: the same for every seed, network and teacher."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .base import Clips


def folds(clips: Clips, count: int) -> NDArray[np.int64]:
    """The fold, 0 to ``count - 1``, of each clip; each class is shared out evenly.

    Raises:
        ValueError: a class has fewer clips than there are folds.
    """
    found = np.empty(len(clips), np.int64)
    order = np.array([_place(row.path) for row in clips.rows])
    begun = 0
    for label, name in enumerate(clips.names):
        own = np.flatnonzero(clips.labels == label)
        if len(own) < count:
            raise ValueError(
                f"data.folds: class {name!r} has {len(own)} clips, too few for {count} folds"
            )
        ranked = own[np.argsort(order[own])]
        # The next class goes on where this one ended, so that folds are of one size.
        found[ranked] = (begun + np.arange(len(own))) % count
        begun += len(own)
    return found


def aside(clips: Clips, share: float) -> NDArray[np.bool_]:
    """Whether each clip is kept from training to choose by, about ``share`` of each class."""
    found = np.zeros(len(clips), bool)
    order = np.array([_place(f"aside {row.path}") for row in clips.rows])
    for label in range(len(clips.names)):
        own = np.flatnonzero(clips.labels == label)
        found[own[np.argsort(order[own])][: round(share * len(own))]] = True
    return found


def _place(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48
