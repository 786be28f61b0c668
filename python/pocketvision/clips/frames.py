"""Frames as an encoder of clips reads them: the square in the middle, scaled, as stored values."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..faces.alignment import check_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .. import _runtime

    Values = Callable[[NDArray[np.int16]], NDArray[Any]]

CENTRE = 0.875
"""Side of the square that is looked at, as a share of the shorter side: VTN's tests see 224 of 256
pixels (arXiv 1905.08711)."""


def central(frame: Any, size: int) -> NDArray[np.uint8]:
    """Uint8 (size, size, 3) of a frame (H, W, 3): bilinear, over all pixels that it shrinks.

    As ``training/data/clips/views.py`` prepares what is tested there. Raises InputError for another
    type or shape.
    """
    picture = check_picture(frame, "frame")
    height, width = picture.shape[:2]
    side = max(1, round(min(height, width) * CENTRE))
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(square)
    weights = _weights(side, size)
    rows = (weights @ square.reshape(side, -1).astype(np.float32)).reshape(size, side, 3)
    both = np.matmul(weights, rows)
    return np.asarray(np.clip(np.rint(both), 0, 255), np.uint8)


@lru_cache(maxsize=8)
def _weights(side: int, size: int) -> NDArray[np.float32]:
    """Float32 (size, side): a triangle as wide as the pixels of the result, at least two."""
    scale = side / size
    reach = max(scale, 1.0)
    middle = (np.arange(size) + 0.5) * scale
    apart = np.abs(np.arange(side) + 0.5 - middle[:, None]) / reach
    weights = np.maximum(1 - apart, 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def values(tensor: _runtime.Tensor, recipe: Any, modality: str) -> Values:
    """What makes pixels, or differences of pixels, the stored values of ``tensor``.

    ``(pixel - mean) / std``, or ``difference / std``, quantised as ONNX's QuantizeLinear does it in
    float32. Raises InputError for a modality that a camera alone does not give.
    """
    if modality not in ("rgb", "difference"):
        raise InputError(
            f"modality: {modality!r} needs more than frames; a live stream runs models of rgb, "
            "difference, or both"
        )
    order = slice(None, None, -1 if recipe["colour"] == "BGR" else 1)
    std = np.asarray(recipe["std"], np.float32)
    if modality == "rgb":
        mean, first, last = np.asarray(recipe["mean"], np.float32), 0, 255
    else:
        mean, first, last = np.zeros(3, np.float32), -255, 255
    real = (np.arange(first, last + 1, dtype=np.float32)[:, None] - mean) / std
    if tensor.dtype == "float32":
        table = real
    else:
        info = np.iinfo(tensor.dtype)
        stored = np.rint(real / np.float32(tensor.scale)) + np.float32(tensor.zero_point)
        table = np.clip(stored, info.min, info.max).astype(tensor.dtype)
    channels = np.arange(3)

    def stored_values(pixels: NDArray[np.int16]) -> NDArray[Any]:
        found = table[pixels[..., order] - first, channels]
        return np.ascontiguousarray(found.reshape(tensor.shape))

    return stored_values
