"""Tracker: which faces of a frame are those of the frame before, by how far their boxes overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

OVERLAP = 0.3
"""Intersection over union of two boxes, from which on they may be of one face: one that moves by
half of its width in a frame has 1/3."""
PATIENCE = 10
"""Frames that a face may be missing, turned away or covered, and keep its track."""


class Tracker:
    """Gives each face a number that it keeps from frame to frame; one object a stream.

    The pairs that overlap most are matched first. Nothing is predicted, so a face that jumps, or
    comes back after ``patience`` frames, has a new number.
    """

    def __init__(self, overlap: float = OVERLAP, patience: int = PATIENCE) -> None:
        self.overlap, self.patience = overlap, patience
        self._boxes = np.empty((0, 4))
        self._numbers: list[int] = []
        self._missing: list[int] = []
        self._last = 0

    def update(self, boxes: ArrayLike) -> list[int]:
        """The numbers, from 1, of the faces of the next frame.

        Args:
            boxes: (N, 4), left, top, right, bottom in pixels.

        Returns:
            N numbers, no two of them equal.
        """
        rows = np.asarray(boxes, np.float64).reshape(-1, 4)
        shared = overlaps(self._boxes, rows)
        found = [0] * len(rows)
        seen: set[int] = set()
        while shared.size and shared.max() >= self.overlap:
            old, new = divmod(int(shared.argmax()), len(rows))
            found[new] = self._numbers[old]
            seen.add(old)
            shared[old], shared[:, new] = -1, -1
        kept = [
            old
            for old in range(len(self._numbers))
            if old not in seen and self._missing[old] < self.patience
        ]
        for new, number in enumerate(found):
            if not number:
                self._last += 1
                found[new] = self._last
        self._boxes = np.concatenate([rows, self._boxes[kept]])
        self._missing = [0] * len(rows) + [self._missing[old] + 1 for old in kept]
        self._numbers = found + [self._numbers[old] for old in kept]
        return list(found)


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (A, 4) and (B, 4): (A, B), 0 to 1."""
    low = np.maximum(a[:, np.newaxis, :2], b[:, :2])
    high = np.minimum(a[:, np.newaxis, 2:], b[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1) for boxes in (a, b)]
    whole = areas[0][:, np.newaxis] + areas[1] - shared
    result: NDArray[np.float64] = np.divide(
        shared, whole, out=np.zeros_like(shared), where=whole > 0
    )
    return result
