"""Detector: faces of whole pictures or frames, with boxes and landmarks, by one compiled model."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ... import _runtime
from ...errors import InputError, ModelFileError, shown
from ...runtime.arrays import integer
from ...runtime.lending import Lending
from ...runtime.model import Model
from ...runtime.shipped import DEFAULT_DETECTOR, is_path, of_task
from ..inputs import open_picture
from .tiles import Tile, merged, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASK = "face-detection"
FORMATS = {
    "grey8": (1, 1), "rgb888": (2, 3), "rgb565le": (3, 2), "rgb565be": (4, 2), "bgr888": (5, 3),
    "yuyv": (6, 2), "uyvy": (7, 2),
}  # fmt: skip
"""Number of a camera's format in frame.h, and bytes of a pixel."""
MOST = 100_000
CAPACITY = 512
"""Cells of one input that may be faces."""


class Detected(NamedTuple):
    """Faces, best first, in pixels whose centres have integer coordinates.

    ``boxes``: float64 (N, 4), left, top, right, bottom. ``landmarks``: float64 (N, 5, 2), of the
    image left and right eye, nose, left and right mouth corner, as ``Embedder.embed`` takes them.
    ``scores``: float64 (N), 0 to 1.
    """

    boxes: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)


class Detector:
    """Finds faces; one object may be used from many threads at once.

    ``model``: name of a shipped detector, or path of a compiled one, whose record has the task
    ``face-detection``. ``target``: as of ``Embedder``. ``score``: from which on a cell is a face,
    in place of the record's. Raises InputError for another name or a score that is none,
    FileNotFoundError, ModelFileError for another file.
    """

    def __init__(
        self, model: str | os.PathLike[str] = DEFAULT_DETECTOR, *, target: str | None = None,
        score: float | None = None,
    ) -> None:  # fmt: skip
        self.model = Model(model, target=target)
        record = self.model.record
        if record is None or record.task != TASK:
            what = f"a model of the task {record.task!r}" if record else "a model without a record"
            if is_path(model):
                raise ModelFileError(f"{self.model.path}: expected a face detector, got {what}")
            raise InputError(
                f"detector: expected a face detector, got {shown(model)}, {what}; shipped: "
                f"{', '.join(of_task(TASK)) or 'none'}. Give one of these names, or a compiled file"
            )
        from ...record.detection import FaceDetection

        assert isinstance(record.part, FaceDetection)
        part, recipe = record.part, record.preprocess
        self.score = part.score if score is None else score
        if isinstance(self.score, bool) or not isinstance(self.score, int | float):
            raise InputError(f"score: expected a number, got {shown(score)}")
        if not 0 < self.score < 1:
            raise InputError(f"score: expected a number between 0 and 1, got {shown(score)}")
        self.size, self.overlap = (recipe["size"][0], recipe["size"][1]), part.overlap
        make = partial(
            _runtime.Finder, self.model._library, part.strides, part.logit, self.score,
            part.overlap, recipe["mean"], recipe["std"], recipe["colour"] == "BGR", CAPACITY,
        )  # fmt: skip
        self._finders: Lending[_runtime.Finder] = Lending(make)

    @property
    def name(self) -> str:
        """Full name ``name.tag`` of the weights."""
        record = self.model.record
        assert record is not None  # looked at when it was opened
        return record.full_name

    def find(
        self, picture: Any, *, min_face: int | None = None, turn: int = 0, most: int = 256
    ) -> Detected:
        """The faces of a picture: uint8 RGB (H, W, 3), or a file.

        ``min_face``: pixels of the smallest face that is to be found; pictures that are too large
        for that in one input are looked at whole and in tiles. None: whole only. ``turn``: quarter
        turns, 0 to 3; by 1 what is right in the picture is up. ``most``: faces.
        Raises InputError for what is no picture, and for numbers out of range.
        """
        pixels = open_picture(picture, "picture")
        rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
        return self.find_frame(rows, "rgb888", min_face=min_face, turn=turn, most=most)

    def find_frame(
        self, rows: NDArray[np.uint8], form: str, *, min_face: int | None = None, turn: int = 0,
        most: int = 256,
    ) -> Detected:  # fmt: skip
        """The same of a camera's frame: uint8 (H, bytes of a row) of a format of ``FORMATS``."""
        if form not in FORMATS:
            raise InputError(f"form: expected one of {', '.join(FORMATS)}, got {shown(form)}")
        number, each = FORMATS[form]
        frame = np.ascontiguousarray(rows)
        if frame.dtype != np.uint8 or frame.ndim != 2 or not frame.size or frame.shape[1] % each:
            raise InputError(
                f"rows: expected uint8 (H, {each} W) of {form}, got {frame.dtype} {frame.shape}"
            )
        most, turn = (
            integer("most", most, f"1 to {MOST:,} faces", 1, MOST),
            integer("turn", turn, "0 to 3 quarter turns", 0, 3),
        )
        height, width = frame.shape[0], frame.shape[1] // each
        if form in ("yuyv", "uyvy") and width % 2:
            raise InputError(f"rows: {form} holds pairs of pixels, got a width of {width}")
        smallest = None if min_face is None else integer("min_face", min_face, "1 pixel or more", 1)
        shown_size = self.size if turn % 2 == 0 else self.size[::-1]
        found: list[tuple[Tile, NDArray[Any]]] = []
        with self._finders.borrow() as finder:
            for tile in tiles(height, width, shown_size, smallest):
                area = (tile.left, tile.top, tile.width, tile.height)
                found.append((tile, finder.find(frame, number, width, turn, area, most)))
        faces = found[0][1] if len(found) == 1 else merged(found, height, width, self.overlap)
        return _detected(faces[:most])


def _detected(faces: NDArray[Any]) -> Detected:
    unit = float(_runtime.DETECTION_UNIT)
    return Detected(
        faces["box"] / unit,
        faces["landmarks"].reshape(-1, 5, 2) / unit,
        faces["score"] / float(_runtime.DETECTION_SCORE_ONE),
    )
