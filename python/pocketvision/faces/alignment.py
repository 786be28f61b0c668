"""Alignment: the similarity warp that brings five landmarks of a face to a model's template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _runtime
from ..errors import InputError, shown
from ..runtime.arrays import dense, integer, numbers
from .template import ARCFACE_TEMPLATE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEAST_SPAN = 2.0
"""Pixels between the outermost landmarks of a face."""

MOST_SIDE = 4096
"""Pixels of a crop's side, as in a record; a picture may be larger."""

MIRRORED = -0.3
"""Where the eyes' distance, seen from them to the mouth, is so much of that to the mouth, left and
right are exchanged; 0.9 in the template, around 0 in profile."""


def check_picture(picture: Any, name: str = "picture") -> NDArray[np.uint8]:
    """A dense uint8 (H, W, 3) array; InputError that says what came instead."""
    if not isinstance(picture, np.ndarray):
        raise InputError(
            f"{name}: expected a numpy array of uint8 RGB (H, W, 3), got "
            f"{type(picture).__name__}. Convert it with numpy.asarray(image.convert('RGB'))."
        )
    if picture.dtype != np.uint8:
        raise InputError(
            f"{name}: expected uint8 values 0 to 255, got {picture.dtype}. "
            "Scale floats by 255, round, and use .astype(numpy.uint8)."
        )
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise InputError(
            f"{name}: expected shape (H, W, 3) with RGB last and at least one pixel, got "
            f"{picture.shape}"
        )
    return dense(picture)


def check_landmarks(landmarks: ArrayLike, name: str = "landmarks") -> NDArray[np.float64]:
    """Float64 (F, 5, 2) with F >= 1 from that shape or (5, 2); InputError for anything else."""
    points = numbers(name, landmarks, np.float64)
    if points.ndim == 2:
        points = points[np.newaxis]
    if points.ndim != 3 or points.shape[1:] != (5, 2) or len(points) == 0:
        raise InputError(
            f"{name}: expected five (x, y) points per face, shape (F, 5, 2) or (5, 2) with at "
            f"least one face, got shape {points.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=(1, 2)))
    if bad.size:
        raise InputError(
            f"{name}: face {bad[0]} contains NaN or infinity. Leave out faces whose landmarks "
            "the detector did not find."
        )
    return points


def check_faces(landmarks: ArrayLike, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """``check_landmarks``, and InputError for points that can be no face of ``picture``.

    A face may reach past the picture, but its middle lies inside. Points less than two pixels
    apart are fractions of the picture; mirrored ones are (y, x), or the person's own left first.
    """
    points = check_landmarks(landmarks)
    height, width = picture.shape[:2]
    middle = points.sum(axis=1) / 5

    def refuse(wrong: NDArray[np.bool_], text: str) -> None:
        if wrong.any():
            face = int(np.flatnonzero(wrong)[0])
            x, y = middle[face]
            raise InputError(
                f"landmarks of face {face}: expected pixels as (x, y), the points around "
                f"({x:.6g}, {y:.6g}) {text}"
            )

    outside = ((middle < 0) | (middle > (width, height))).any(axis=1)
    refuse(outside, f"lie outside the picture of {width} x {height} pixels")
    spans = (points.max(axis=1) - points.min(axis=1)).max(axis=1)
    refuse(
        (spans > 0) & (spans < LEAST_SPAN),
        "are less than 2 pixels apart; multiply fractions of the picture by its size",
    )
    eyes = points[:, 1] - points[:, 0]
    down = (points[:, 3] + points[:, 4] - points[:, 0] - points[:, 1]) / 2
    turn = eyes[:, 0] * down[:, 1] - eyes[:, 1] * down[:, 0]
    refuse(
        turn < MIRRORED * (down**2).sum(axis=1),
        "are mirrored; give (x, y), not (y, x), and the image-left eye and mouth corner first",
    )
    return points


def align(
    picture: NDArray[np.uint8],
    landmarks: ArrayLike,
    *,
    size: tuple[int, int] = (112, 112),
    template: ArrayLike = ARCFACE_TEMPLATE,
) -> NDArray[np.uint8]:
    """Cut aligned faces out of a picture.

    ``picture``: uint8 (H, W, 3) of any size. ``landmarks``: (F, 5, 2) or (5, 2), pixels as (x, y),
    in the order of the template. ``size``: height and width of a crop. Returns uint8
    (F, height, width, 3): least-squares similarity (Umeyama 1991), bilinear, black outside.
    Raises InputError for wrong types and shapes, for points that are not finite, for points
    that coincide or lie on one line, and for those of ``check_faces``.
    """
    height, width = _size(size)
    target = check_landmarks(template, "template")
    if len(target) != 1:
        raise InputError(f"template: expected the five points of one face, got {len(target)} faces")
    pixels = check_picture(picture)
    return _runtime.warp(pixels, check_faces(landmarks, pixels), target[0], height, width)


def _size(size: Any) -> tuple[int, int]:
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise InputError(f"size: expected (height, width) in pixels, got {shown(size)}")
    expected = f"(height, width) of 1 to {MOST_SIDE} pixels"
    height, width = (integer("size", side, expected, 1, MOST_SIDE) for side in size)
    return height, width
