"""Overlap of boxes and non-maximum suppression, in numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Found(NamedTuple):
    """Faces of a picture, best first: float (K), (K, 4) left, top, right, bottom, (K, 5, 2)."""

    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]

    def chosen(self, places: NDArray[np.int64] | NDArray[np.bool_]) -> Found:
        """Those at ``places``."""
        return Found(self.scores[places], self.boxes[places], self.points[places])


def area(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(...) of boxes (..., 4); 0 where an edge is beyond the opposite one."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def shared(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Areas (N, M) that boxes (N, 4) and (M, 4) have in common."""
    first = np.maximum(a[:, None, :2], b[None, :, :2])
    last = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return area(np.concatenate([first, last], axis=2))


def overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4)."""
    common = shared(a, b)
    return np.asarray(common / np.maximum(area(a)[:, None] + area(b)[None] - common, 1e-9))


def suppressed(found: Found, threshold: float, most: int = 1000) -> Found:
    """Greedy non-maximum suppression: of boxes that overlap more than ``threshold`` the best."""
    order = np.argsort(-found.scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        there = overlap(found.boxes[best][None], found.boxes[order])[0]
        order = order[there <= threshold]
    return found.chosen(np.array(kept, np.int64))
