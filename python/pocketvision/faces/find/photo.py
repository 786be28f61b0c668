"""Faces: a plain photo in; boxes, landmarks, quality, embeddings and crops out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ...runtime.shipped import DEFAULT_MODEL
from ..alignment import align
from ..embedder import Embedder
from ..inputs import open_picture
from .detector import Detector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..embeddings import Embeddings
    from ..quality import Quality

SMALLEST = 24
"""Pixels of a side of the smallest face that is looked for where nothing is said."""
PARTS = 24
"""A face that nobody asked for by ``min_face`` has at least this part of the shorter side."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a picture.

    ``box``: left, top, right, bottom in pixels of the picture. ``landmarks``: float64 (5, 2).
    ``score``: the detector's, 0 to 1. ``quality``: how far its embedding can be relied on, and why.
    ``embedding``: float32 (D,) of length 1, which knows its model.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float64]
    score: float
    quality: Quality
    embedding: Embeddings
    _picture: NDArray[np.uint8]

    @cached_property
    def crop(self) -> NDArray[np.uint8]:
        """The aligned face that was embedded, uint8 RGB (S, S, 3)."""
        recipe = self.embedding.identity.record.preprocess  # type: ignore[union-attr]
        height, width = recipe["size"]
        template = recipe["template"]
        assert template is not None  # Faces has looked
        (crop,) = align(self._picture, self.landmarks, size=(height, width), template=template)
        return np.asarray(crop, np.uint8)

    def __repr__(self) -> str:
        left, top, right, bottom = (round(value) for value in self.box)
        return (
            f"Face({right - left}x{bottom - top} at {left}, {top}, score {self.score:.2f}, "
            f"{self.quality})"
        )


class Faces:
    """Finds and embeds the faces of plain photos; many threads may use one object.

    >>> faces = pocketvision.Faces("pocketnet-s-128", detector="build/facefinder")
    >>> for face in faces.find("group.jpg"):
    ...     print(face.box, face.quality, face.embedding)

    ``model``: as of :class:`Embedder`. ``detector``: path of a compiled detector, or a
    :class:`Detector`. ``target``: forces a compiled variant of the embedder. Raises what both
    raise, and InputError for a model that has no points to align faces to.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Embedder = DEFAULT_MODEL,
        *,
        detector: str | os.PathLike[str] | Detector,
        target: str | None = None,
    ) -> None:
        self.embedder = model if isinstance(model, Embedder) else Embedder(model, target=target)
        self.detector = detector if isinstance(detector, Detector) else Detector(detector)
        if self.embedder.record.preprocess["template"] is None:
            raise InputError(f"model: {self.embedder.name} has no template; it takes crops alone")

    def __repr__(self) -> str:
        return f"Faces({self.embedder.name!r}, detector={self.detector.model.path!r})"

    def find(
        self,
        picture: Any,
        *,
        min_face: int | None = None,
        most: int = 256,
        upside_down: bool = False,
    ) -> list[Face]:
        """The faces of a picture, largest first; an empty list where there is none.

        ``picture``: what :func:`pocketvision.read_picture` opens, or uint8 RGB (H, W, 3).
        ``min_face``: pixels of the smallest face that is looked for; by default a 24th of the
        shorter side, at least 24 pixels. Less takes longer: large pictures are seen in tiles.
        ``most``: faces, the surest. ``upside_down``: where nobody is found, the picture is turned
        by quarters until somebody is. Raises InputError for what is no picture.
        """
        pixels = open_picture(picture, "picture")
        if min_face is None:
            min_face = smallest(pixels)
        found = self.detector.find(pixels, min_face=min_face, most=most)
        for turn in (2, 1, 3) if upside_down and not len(found) else ():
            found = self.detector.find(pixels, min_face=min_face, most=most, turn=turn)
            if len(found):
                break
        if not len(found):
            return []
        rows, qualities = self.embedder.embed(pixels, found.landmarks, return_quality=True)
        sizes = [-(box[2] - box[0]) * (box[3] - box[1]) for box in found.boxes]
        return [
            Face(
                _box(found.boxes[index]),
                found.landmarks[index],
                float(found.scores[index]),
                qualities[index],
                rows[index],
                pixels,
            )
            for index in sorted(range(len(found)), key=sizes.__getitem__)
        ]


def smallest(picture: NDArray[np.uint8]) -> int:
    """Pixels of the smallest face that is looked for where nothing is said."""
    return int(max(SMALLEST, min(picture.shape[:2]) // PARTS))


def _box(row: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, top, right, bottom = row.tolist()
    return left, top, right, bottom
