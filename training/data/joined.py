"""Several sets as one: their people side by side, each picture with its source's weight."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .base import FaceSet


class Joined:
    """The pictures of ``sets`` one after the other; nobody is in two of them.

    ``weights``: float (N), how often a picture comes in an epoch: that of its source. ``skipped``:
    what the sets skipped.

    Args:
        sets: with the weight of each, above 0.

    Raises:
        ValueError: no set, or a weight that is not above 0.
    """

    def __init__(self, sets: Sequence[tuple[FaceSet, float]]):
        if not sets or min(weight for _, weight in sets) <= 0:
            raise ValueError("sources: expected at least one, each of a weight above 0")
        self.sets = [faces for faces, _ in sets]
        self.starts = np.cumsum([0, *map(len, self.sets)])
        people = np.cumsum([0, *(faces.classes for faces in self.sets)])
        self.labels: NDArray[np.int64] = np.concatenate(
            [np.asarray(s.labels) + first for s, first in zip(self.sets, people[:-1], strict=True)]
        )
        self.names = [
            f"{number}/{name}" for number, faces in enumerate(self.sets) for name in faces.names
        ]
        self.weights = np.repeat([float(weight) for _, weight in sets], list(map(len, self.sets)))
        self.skipped = [text for faces in self.sets for text in getattr(faces, "skipped", [])]

    @property
    def classes(self) -> int:
        return len(self.names)

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> NDArray[np.uint8]:
        faces, place = self._place(index)
        return faces.image(place)

    def size(self, index: int) -> tuple[int, int]:
        faces, place = self._place(index)
        return faces.size(place)

    def stamp(self) -> str:
        return hashlib.sha256("\n".join(faces.stamp() for faces in self.sets).encode()).hexdigest()

    def _place(self, index: int) -> tuple[FaceSet, int]:
        which = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.sets[which], index - int(self.starts[which])


class Without:
    """``faces`` but for the pictures at ``left_out``, such as those kept aside to judge by.

    People who have no picture left are gone too.
    """

    def __init__(self, faces: FaceSet, left_out: NDArray[np.bool_]):
        self.faces, self.kept = faces, np.flatnonzero(~left_out)
        present, labels = np.unique(np.asarray(faces.labels)[self.kept], return_inverse=True)
        self.labels: NDArray[np.int64] = labels.astype(np.int64)
        self.names = [faces.names[label] for label in present]
        self.skipped = list(getattr(faces, "skipped", []))

    @property
    def classes(self) -> int:
        return len(self.names)

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> NDArray[np.uint8]:
        return self.faces.image(int(self.kept[index]))

    def size(self, index: int) -> tuple[int, int]:
        return self.faces.size(int(self.kept[index]))

    def stamp(self) -> str:
        return f"{self.faces.stamp()} {len(self.kept)}"


def repeated(weights: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """Indices of one epoch, in order: a picture of weight 2.3 comes twice, or in 0.3 of all epochs
    three times.

    The length is the same in every epoch: the rounded sum of each weight's pictures.
    """
    parts = []
    for weight in np.unique(weights):
        rows = np.flatnonzero(weights == weight)
        whole, rest = divmod(round(weight * len(rows)), len(rows))
        parts += [rows] * whole + [np.sort(random.permutation(rows)[:rest])]
    return np.sort(np.concatenate(parts), kind="stable")


def length(weights: NDArray[np.float64]) -> int:
    """Pictures of an epoch of :func:`repeated`."""
    kinds, counts = np.unique(weights, return_counts=True)
    return sum(round(w * n) for w, n in zip(kinds, counts, strict=True))
