"""One face from far away, step by step with Pillow: what evaluations show and ``batch.py`` equals.

The order is that of light: motion and lens, the sensor's pixels and noise, the file, and in the end
the enlargement that a network of 112 pixels wants. Motion is taken after the shrinking, where it
costs little; with lines of a few small pixels both orders give nearly the same.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import resample
from .shots import Shot

Picture = NDArray[np.uint8]


def small(picture: Picture, shot: Shot) -> Picture:
    """Uint8 RGB (size, size, 3) of a square crop (H, H, 3): what the camera's file holds.

    Raises:
        ValueError: it is not square, or smaller than ``shot.size``.
    """
    side = picture.shape[0]
    if picture.shape != (side, side, 3) or side < shot.size:
        raise ValueError(
            f"expected a square RGB crop of at least {shot.size} pixels, got {picture.shape}; "
            "align the face first"
        )
    if shot.kernel == "random":
        along_y, along_x = resample.down(side, shot)
        found = np.einsum("ij,jkc,lk->ilc", along_y, picture.astype(np.float32), along_x)
    else:
        image = Image.fromarray(picture)
        size = (shot.size, shot.size)
        found = np.asarray(image.resize(size, resample.FILTERS[shot.kernel]), np.float32)
    angle, length = shot.motion
    if length:
        found = _moved(found, resample.line(angle, length))
    if shot.noise:
        found = found + shot.noise * resample.field(shot.field)[: shot.size, : shot.size]
    pixels = np.clip(np.rint(found), 0, 255).astype(np.uint8)
    return pixels if shot.quality is None else coded(pixels, shot.quality)


def enlarged(pixels: Picture, side: int, up: str = "bicubic") -> Picture:
    """Uint8 RGB (side, side, 3)."""
    return np.asarray(Image.fromarray(pixels).resize((side, side), resample.FILTERS[up]))


def seen(picture: Picture, shot: Shot) -> Picture:
    """``picture`` as a network sees it from far away: shrunk, spoilt, and of its size again."""
    return enlarged(small(picture, shot), picture.shape[0], shot.up)


def coded(pixels: Picture, quality: int) -> Picture:
    """Through a JPEG file that keeps colours at full resolution, as small faces hold few."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(file).convert("RGB"))


def _moved(pixels: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    reach = len(kernel) // 2
    wide = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), "edge")
    height, width = pixels.shape[:2]
    total = np.zeros_like(pixels)
    for (top, left), weight in np.ndenumerate(kernel):
        total += weight * wide[top : top + height, left : left + width]
    return total
