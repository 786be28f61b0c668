"""Alignment: the similarity warp that brings five landmarks of a face to a model's template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _runtime
from .errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ARCFACE_TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""Image-left eye, image-right eye, nose, mouth corners left and right, in 112x112 pixels."""


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
    return np.ascontiguousarray(picture)


def check_landmarks(landmarks: ArrayLike) -> NDArray[np.float64]:
    """Float64 (F, 5, 2) with F >= 1 from that shape or (5, 2); InputError for anything else."""
    try:
        points = np.asarray(landmarks, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"landmarks: expected numbers of shape (F, 5, 2), got {type(landmarks).__name__}: "
            f"{error}"
        ) from None
    if points.ndim == 2:
        points = points[np.newaxis]
    if points.ndim != 3 or points.shape[1:] != (5, 2) or len(points) == 0:
        raise InputError(
            "landmarks: expected five (x, y) points per face, shape (F, 5, 2) or (5, 2) with at "
            f"least one face, got shape {np.shape(landmarks)}"
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=(1, 2)))
    if bad.size:
        raise InputError(
            f"landmarks: face {bad[0]} contains NaN or infinity. Leave out faces whose landmarks "
            "the detector did not find."
        )
    return np.ascontiguousarray(points)


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
    Raises InputError for wrong types and shapes, for points that are not finite, and for points
    that coincide or lie on one line.
    """
    height, width = size
    if not (isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0):
        raise InputError(f"size: expected positive (height, width) in pixels, got {size!r}")
    target = check_landmarks(template)[0]
    return _runtime.warp(check_picture(picture), check_landmarks(landmarks), target, height, width)
