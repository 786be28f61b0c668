"""Face: one face of a photo, with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..alignment import align

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..embeddings import Embeddings
    from ..quality import Quality


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture.

    ``box``: left, top, right, bottom in pixels of the picture. ``landmarks``: float64 (5, 2).
    ``score``: the detector's, 0 to 1. ``quality``: how far its embedding can be relied on, and why;
    None for a model whose crops cannot be measured. ``embedding``: float32 (D,) of length 1, which
    knows its model.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float64]
    score: float
    quality: Quality | None
    embedding: Embeddings
    _picture: NDArray[np.uint8]
    _points: NDArray[np.float64]  # the landmarks in pixels of that, which may be smaller

    @property
    def size(self) -> tuple[float, float]:
        """Height and width of the box in pixels."""
        return self.box[3] - self.box[1], self.box[2] - self.box[0]

    @property
    def area(self) -> float:
        """Pixels of the box."""
        return self.size[0] * self.size[1]

    @cached_property
    def crop(self) -> NDArray[np.uint8]:
        """The aligned face that was embedded, uint8 RGB (S, S, 3)."""
        recipe = self.embedding.identity.record.preprocess  # type: ignore[union-attr]
        height, width = recipe["size"]
        template = recipe["template"]
        assert template is not None  # Faces has looked
        (crop,) = align(self._picture, self._points, size=(height, width), template=template)
        return np.asarray(crop, np.uint8)

    def __str__(self) -> str:
        height, width = self.size
        return f"{width:.0f}x{height:.0f} pixels at {self.box[0]:.0f}, {self.box[1]:.0f}"

    def __repr__(self) -> str:
        left, top, right, bottom = (round(value) for value in self.box)
        return (
            f"Face({right - left}x{bottom - top} at {left}, {top}, score {self.score:.2f}, "
            f"{self.quality})"
        )
