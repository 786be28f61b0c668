"""K folds of a set of clips, by their names: the same for every seed, network and teacher."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .base import Clips


def folds(clips: Clips, count: int, groups: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """The fold, 0 to ``count - 1``, of each clip; each class is shared out evenly.

    Args:
        groups: int64 (N), clips of one number stay together, the largest are placed first, each
            where fewest of its classes are.

    Raises:
        ValueError: a class has fewer clips than there are folds.
    """
    if groups is not None:
        return _grouped(clips, count, groups)
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


def _grouped(clips: Clips, count: int, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    classes = np.eye(len(clips.names), dtype=np.int64)[clips.labels]
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    members.sort(key=lambda own: (-len(own), min(_place(clips.rows[i].path) for i in own)))
    if len(members) < count:
        raise ValueError(f"data.scenes: {len(members)} scenes are too few for {count} folds")
    held = np.zeros((count, len(clips.names)), np.int64)
    found = np.empty(len(clips), np.int64)
    for own in members:
        fewest = np.lexsort((held.sum(1), held @ classes[own].sum(0)))[0]
        found[own] = fewest
        held[fewest] += classes[own].sum(0)
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
