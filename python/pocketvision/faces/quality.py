"""Quality of a face: how far its embedding can be trusted, with the reasons where it cannot."""

from __future__ import annotations

from binascii import a2b_base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _runtime
from ..errors import InputError, ModelFileError
from ..record import Record
from ..runtime.shipped import LOW_RESOLUTION_MODEL
from .alignment import check_landmarks, check_picture
from .template import ARCFACE_TEMPLATE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

QUERY_LEVEL: int = _runtime.QUALITY_QUERY
"""Score below which an answer is not to be relied on: of clean faces that were kept from training
fewer than 1 in 100 lie below (``pocketvision/quality.h`` has the number for the chip too)."""

ENROL_LEVEL: int = _runtime.QUALITY_ENROL
"""Score below which a face is not enrolled: a template stays and is compared with every face that
comes, and another picture can be taken, which 1 in 30 clean faces kept from training is asked."""

MARGIN_UNIT = float(_runtime.QUALITY_MARGIN_ONE)
"""The runtime's units of a margin that are a cosine of 1."""

TEMPLATE_REACH = 3.0
"""Pixels of 112 by which a record's template may differ from ArcFace's, which the quality's network
learnt from."""

FEW_EYES = 18
"""Eye distance in pixels of a face in a crop of 56: below, few pixels may be what blurs it."""

_FOR_FEW = f"{LOW_RESOLUTION_MODEL} is for faces of few pixels"

LEAST_SIDE, MOST_SIDE = 80, 448
"""Pixels of a square crop that can be measured (``pocketvision/quality.h``)."""


@dataclass(frozen=True)
class Quality:
    """What is known of one face's picture.

    ``score``: 0 to 100, how far answers that rest on it can be trusted: what is probably left of a
    clean picture's embedding, and 0 where strangers in such pictures are taken for one another.
    ``reasons``: why answers that rest on it are not reliable, a short sentence each; none for a
    face that is good enough.
    ``margin``: cosine by which a match must exceed its threshold to be relied on, 0 for most clean
    faces: strangers in pictures spoilt alike come as near. The rest says what was measured:

    ``face``: 0 to 100, how much the crop looks like an upright face. ``sharpness``: mean difference
    of neighbouring pixels against that of pixels four times as far apart, in the weaker direction:
    about 0.25 blurred, 0.4 to 0.8 sharp, above 1 noise. ``bands``: mean difference in grey levels
    of neighbours across and down, of the crop, of half and of quarter its size. ``brightness``:
    mean, 0 to 255. ``contrast``: mean deviation of a 14x14 thumbnail, grey levels. ``dark``,
    ``bright``: share of the pixels that are clipped, 0 to 1.

    Where landmarks were given, else None: ``eye_distance``: pixels of the picture, of a face of
    this size that looks straight ahead. ``residual``: root mean square of the similarity fit, in
    eye distances. ``yaw``: where the nose lies beside the middle of the eyes, in eye distances, to
    the image's right positive; beyond 0.3 a half profile. ``roll``: of the eyes in the picture,
    degrees, clockwise positive. ``outside``: share of the face, the crop's middle, that lies
    outside the picture.
    """

    score: int
    reasons: tuple[str, ...] = ()
    face: int | None = None
    sharpness: float | None = None
    bands: tuple[tuple[float, float], ...] = ()
    brightness: float | None = None
    contrast: float | None = None
    dark: float | None = None
    bright: float | None = None
    eye_distance: float | None = None
    residual: float | None = None
    yaw: float | None = None
    roll: float | None = None
    outside: float | None = None
    margin: float = 0.0

    @property
    def reliable(self) -> bool:
        """Whether nothing speaks against an answer that rests on this face."""
        return not self.reasons

    @property
    def enrolable(self) -> bool:
        """Whether it is good enough to be compared with for years: reliable, with some room."""
        return self.reliable and self.score >= ENROL_LEVEL

    @property
    def why_not_enrolled(self) -> tuple[str, ...]:
        """``reasons``, or that the score is below ``ENROL_LEVEL``; empty if enrolable."""
        if self.reasons or self.enrolable:
            return self.reasons
        return (f"quality {self.score} of 100, and enrolment asks for {ENROL_LEVEL}",)

    def doubt(self, score: float, threshold: float) -> str | None:
        """Why a match of ``score`` at ``threshold`` (cosines) is not to be relied on, or None.

        None also for a score that does not reach the threshold: nobody was taken for somebody.
        """
        if not threshold <= score < threshold + self.margin:
            return None
        return (
            f"strangers in such pictures come as near; of them a match of {self.margin:.2f} above "
            "the threshold counts"
        )

    def __str__(self) -> str:
        said = f" ({'; '.join(self.reasons)})" if self.reasons else ""
        return f"quality {self.score} of 100{said}"


def quality_of(
    crops: NDArray[np.uint8],
    landmarks: ArrayLike | None = None,
    picture_size: tuple[int, int] | None = None,
    *,
    template: ArrayLike = ARCFACE_TEMPLATE,
    smallest: int | None = None,
) -> NDArray[Any]:
    """The quality of aligned faces.

    ``crops``: uint8 RGB (N, S, S, 3) or (S, S, 3), 80 to 448 pixels a side, aligned to ArcFace's
    template. ``landmarks`` (N, 5, 2) in pixels and ``picture_size`` (height, width) of the picture
    that they were cut out of, where known. ``template``: what they were aligned to.
    ``smallest``: of a model for faces from far away, as its record has it: down to so many pixels
    a side of the face's crop in the picture, few pixels alone speak against no face.
    Returns an object array (N,) of :class:`Quality`; 30 microseconds a face.
    Raises InputError for wrong types and shapes.
    """
    one = isinstance(crops, np.ndarray) and crops.ndim == 3
    items = [check_picture(crop, f"crops[{i}]") for i, crop in enumerate([crops] if one else crops)]
    if not items or any(item.shape != items[0].shape for item in items):
        raise InputError("crops: expected at least one crop, all of one size")
    points = None
    if landmarks is not None:
        if picture_size is None:
            raise InputError("picture_size: expected (height, width) along with landmarks")
        points = check_landmarks(landmarks)
        if len(points) != len(items):
            raise InputError(
                f"landmarks: expected {len(items)} faces as in crops, got {len(points)}"
            )
    height, width = picture_size if picture_size is not None else (0, 0)
    target = check_landmarks(template, "template")[0]
    found = _runtime.qualities(np.stack(items), points, target, height, width, smallest or 0)
    return qualities(found, smallest)


def check_recipe(record: Record) -> None:
    """InputError for a model whose crops the quality's network does not know."""
    height, width = record.preprocess["size"]
    if height != width or not LEAST_SIDE <= height <= MOST_SIDE:
        raise InputError(
            f"return_quality: {record.full_name} takes crops of {height}x{width} pixels; quality "
            f"is measured on square ones of {LEAST_SIDE} to {MOST_SIDE}"
        )
    template = record.preprocess["template"]
    if template is not None:
        apart = np.abs(np.asarray(template) * (112 / height) - ARCFACE_TEMPLATE).max()
        if apart > TEMPLATE_REACH:
            raise InputError(
                f"return_quality: {record.full_name} aligns faces to points up to {apart:.0f} of "
                "112 pixels from ArcFace's, which quality is measured by"
            )


def see_embeddings(measured: NDArray[Any], rows: NDArray[np.float32], record: Record) -> None:
    """Raises the margins of ``measured``, an array (N,) of the runtime's, by what the embeddings
    ``rows`` (N, D) say, where the model's record knows how its unrecognisable faces look.

    Raises ModelFileError for directions that cannot be read.
    """
    known = record.face.unrecognisable
    if known is None or not len(rows):
        return
    from .int8.templates import templates

    try:
        directions = np.frombuffer(a2b_base64(known["directions"], strict_mode=True), np.int8)
        directions = directions.reshape(known["count"], record.embedding)
    except ValueError as error:
        raise ModelFileError(
            f"{record.full_name}: record field 'unrecognisable.directions': {error}. Compile the "
            "model again."
        ) from None
    _runtime.see_templates(measured, templates(rows), directions, known["level"])


def measurable(record: Record) -> bool:
    """Whether the quality of a model's faces can be told; not of crops of other shapes."""
    try:
        check_recipe(record)
    except InputError:
        return False
    return True


def empty(count: int) -> NDArray[Any]:
    """What the runtime fills with the qualities of ``count`` faces, for :func:`qualities`."""
    return np.zeros(count, _runtime.QUALITY)


def qualities(found: NDArray[Any], smallest: int | None = None) -> NDArray[Any]:
    """An object array (N,) of :class:`Quality` of what the runtime filled."""
    bands = found["sharpness"] / 64
    columns: dict[str, list[Any]] = {
        "score": found["score"].tolist(),
        "reasons": [_reasons(row, smallest) if row["reasons"] else () for row in found],
        "face": found["face"].tolist(),
        "sharpness": (bands[:, 0] / np.maximum(bands[:, 2], 1 / 64)).min(axis=1).tolist(),
        "bands": [tuple(map(tuple, levels)) for levels in bands.tolist()],
        "brightness": found["brightness"].astype(float).tolist(),
        "contrast": found["contrast"].astype(float).tolist(),
        "dark": (found["dark"] / 100).tolist(),
        "bright": (found["bright"] / 100).tolist(),
        "margin": (found["margin"] / MARGIN_UNIT).tolist(),
    }
    placed = found["placed"].tolist()
    for name, unit in _PLACED.items():
        values = (found[name] / unit).tolist()
        columns[name] = [
            value if told else None for value, told in zip(values, placed, strict=True)
        ]
    result = np.empty(len(found), object)
    for index, values in enumerate(zip(*columns.values(), strict=True)):
        # Past the frozen class's own __init__, which takes as long as the measuring.
        quality = object.__new__(Quality)
        quality.__dict__.update(zip(columns, values, strict=True))
        result[index] = quality
    return result


_PLACED = {
    "eye_distance": 256.0,
    "residual": float(_runtime.QUALITY_EYES_UNIT),
    "yaw": float(_runtime.QUALITY_EYES_UNIT),
    "roll": 1.0,
    "outside": 100.0,
}
"""What only landmarks tell, and how many of the runtime's units are one of ours."""


def _reasons(row: Any, smallest: int | None) -> tuple[str, ...]:
    bits, texts = int(row["reasons"]), _runtime.QUALITY_REASONS.items()
    return tuple(_sentence(text, row, smallest) for bit, text in texts if bits & bit)


def _sentence(text: str, row: Any, smallest: int | None) -> str:
    """The runtime's words, with the figure that they rest on where there is one."""
    if text.endswith("outside the picture"):
        return f"{row['outside']} % of the face is outside the picture"
    if text == "too small":
        eyes = f"too small: eyes {row['eye_distance'] / 256:.0f} pixels apart"
        if smallest is None:
            return f"{eyes}; {_FOR_FEW}"
        return f"{eyes}, and the model is for faces of {smallest} pixels and more"
    if text in ("too dark", "too bright"):
        return f"{text}: mean {row['brightness']} of 255"
    few = smallest is None and 0 < row["eye_distance"] < FEW_EYES * 256
    if few and text.endswith("too few pixels"):
        return f"{text}: eyes {row['eye_distance'] / 256:.0f} pixels apart; {_FOR_FEW}"
    return text
