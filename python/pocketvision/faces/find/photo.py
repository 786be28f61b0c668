"""Faces: a plain photo in; boxes, landmarks, quality, embeddings and crops out."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import InputError
from ...pictures import read_scaled
from ...runtime.shipped import DEFAULT_DETECTOR, DEFAULT_MODEL
from ..alignment import align
from ..embedder import Embedder
from ..inputs import open_picture
from ..quality import measurable, quality_of
from .detector import Detected, Detector
from .face import Face

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 24
"""Pixels of a side of the smallest face that is looked for where nothing is said."""
PARTS = 24
"""A face that nobody asked for by ``min_face`` has at least this part of the shorter side."""
LONGEST = 4096
"""Pixels of the longer side that a file is read with at most: a 24th of it is more than a crop."""


LIKENESS, UNSURE, LEAST = 30, 0.08, 30
"""The second look: a face has at least ``LIKENESS`` of ``Quality.face``; where its score is less
than ``UNSURE`` above the detector's least, it has ``LEAST`` of ``Quality.score`` as well. Of 302
pictures kept from training, with 282 faces, that took false boxes from 0.205 to 0.060 a picture and
recall from 0.812 to 0.766 (``training/evaluate/detect/photos.py``, 2026-11-27)."""
BEYOND = 0.02
"""Of a box's side that lies outside the picture: then the border cuts the face."""
CUT = "at the picture's border, which cuts it"


class Photo(NamedTuple):
    """A photo that was read: uint8 RGB (H, W, 3), and the file's pixels that one of it is."""

    pixels: NDArray[np.uint8]
    scale: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the file, in pixels."""
        height, width = self.pixels.shape[:2]
        return round(height * self.scale), round(width * self.scale)


def open_photo(source: Any) -> Photo:
    """What :func:`pocketvision.read_picture` opens, or uint8 RGB (H, W, 3).

    Files are read with at most ``LONGEST`` pixels a side, JPEG at part of its size where it is
    larger. Raises what ``read_picture`` raises.
    """
    if isinstance(source, str | os.PathLike):
        return Photo(*read_scaled(source, LONGEST))
    return Photo(open_picture(source, "picture"))


class Faces:
    """Finds and embeds the faces of plain photos; many threads may use one object.

    >>> faces = pocketvision.Faces("pocketnet-s-128")
    >>> for face in faces.find("group.jpg"):
    ...     print(face.box, face.quality, face.embedding)

    ``model``: as of :class:`Embedder`. ``detector``: name of a shipped detector, path of a compiled
    one, or a :class:`Detector`. ``target``: forces a compiled variant of the embedder. Raises what
    both raise, and InputError for a model that has no points to align faces to.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Embedder = DEFAULT_MODEL,
        *,
        detector: str | os.PathLike[str] | Detector = DEFAULT_DETECTOR,
        target: str | None = None,
    ) -> None:
        self.embedder = model if isinstance(model, Embedder) else Embedder(model, target=target)
        self.detector = detector if isinstance(detector, Detector) else Detector(detector)
        if self.embedder.record.preprocess["template"] is None:
            raise InputError(f"model: {self.embedder.name} has no template; it takes crops alone")
        self._measures = measurable(self.embedder.record)

    def __repr__(self) -> str:
        return f"Faces({self.embedder.name!r}, detector={self.detector.model.path!r})"

    def find(
        self,
        picture: Any,
        *,
        min_face: int | None = None,
        most: int = 256,
        upside_down: bool = False,
        doubtful: bool = False,
    ) -> list[Face]:
        """The faces of a picture, largest first; an empty list where there is none.

        ``picture``: what :func:`pocketvision.read_picture` opens, or uint8 RGB (H, W, 3).
        ``min_face``: pixels of the smallest face that is looked for; by default a 24th of the
        shorter side, at least 24 pixels. Less takes longer: large pictures are seen in tiles.
        ``most``: faces, the surest. ``upside_down``: where nobody is found, the picture is turned
        by quarters until somebody is. ``doubtful``: list too what the detector takes for a face and
        the network of quality, which sees it aligned, does not.
        Raises InputError for what is no picture.
        """
        photo = picture if isinstance(picture, Photo) else open_photo(picture)
        found: list[Face] = []
        for turn in (0, 2, 1, 3) if upside_down else (0,):
            found = self._turned(photo, min_face, most, turn, doubtful)
            if not doubtful:
                found = [face for face in found if _likely(face, self.detector.score)]
            if found:
                break
        return sorted(found, key=lambda face: -face.area)

    def _turned(
        self, photo: Photo, min_face: int | None, most: int, turn: int, doubtful: bool
    ) -> list[Face]:
        least = smallest(photo.size) if min_face is None else min_face
        if photo.scale != 1:
            least = max(1, round(least / photo.scale))
        found = self.detector.find(photo.pixels, min_face=least, most=most, turn=turn)
        if self._measures and not doubtful:
            found = self._like_faces(photo.pixels, found)
        if not len(found):
            return []
        qualities: Any = [None] * len(found)
        if self._measures:
            rows, qualities = self.embedder.embed(
                photo.pixels, found.landmarks, return_quality=True
            )
            for index, box in enumerate(found.boxes):
                if _cut(box, photo.pixels):
                    whole = qualities[index]
                    # In place, so that the embeddings carry it too.
                    qualities[index] = replace(whole, reasons=(*whole.reasons, CUT))
        else:
            rows = self.embedder.embed(photo.pixels, found.landmarks)
        return [
            Face(
                _box(_whole(found.boxes[index], photo.scale)),
                _whole(found.landmarks[index], photo.scale),
                float(found.scores[index]),
                qualities[index],
                rows[index],
                photo.pixels,
                found.landmarks[index],
            )
            for index in range(len(found))
        ]

    def _like_faces(self, pixels: NDArray[np.uint8], found: Detected) -> Detected:
        """Without those that the second look takes for none: it needs no embedding, which takes a
        hundred times as long."""
        if not len(found):
            return found
        recipe = self.embedder.record.preprocess
        template, (height, width) = recipe["template"], recipe["size"]
        assert template is not None  # looked at when it was made
        crops = align(pixels, found.landmarks, size=(height, width), template=template)
        told = quality_of(crops, found.landmarks, pixels.shape[:2], template=template)
        kept = [one.face is None or one.face >= LIKENESS for one in told]
        return Detected(found.boxes[kept], found.landmarks[kept], found.scores[kept])


def smallest(size: tuple[int, int]) -> int:
    """Pixels of the smallest face that is looked for where nothing is said.

    ``size``: height and width of the picture.
    """
    return int(max(SMALLEST, min(size) // PARTS))


def _cut(box: NDArray[np.float64], pixels: NDArray[np.uint8]) -> bool:
    """Whether a box reaches beyond the picture: of what is outside a detector guesses little."""
    height, width = pixels.shape[:2]
    spare = BEYOND * (box[2:] - box[:2])
    last = np.array([width - 1, height - 1])
    return bool((box[:2] < -spare).any() or (box[2:] > last + spare).any())


def _likely(face: Face, least: float) -> bool:
    """Whether the second look says that it is a face; of a model that has none, always.

    ``least``: score from which on the detector takes a cell for one.
    """
    told = face.quality
    if told is None or told.face is None:
        return True
    return told.face >= LIKENESS and (face.score >= least + UNSURE or told.score >= LEAST)


def _whole(points: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Pixels of the file for those of the picture that was read; centres are integers in both."""
    return points if scale == 1 else (points + 0.5) * scale - 0.5


def _box(row: NDArray[np.float64]) -> tuple[float, float, float, float]:
    left, top, right, bottom = row.tolist()
    return left, top, right, bottom
