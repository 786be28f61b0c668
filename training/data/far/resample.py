"""Shrinking, enlarging, motion and noise as numbers: what one picture and a batch of them share.

Resampling is linear and goes along rows and columns apart, so that a matrix says all of it. The
matrices are Pillow's own, asked for by resizing the identity.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .shots import LARGEST, Shot

Floats = NDArray[np.float32]

FILTERS = {
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}
LINE = 7
"""Side of a motion's kernel in small pixels."""


@cache
def matrix(source: int, target: int, kernel: str) -> Floats:
    """(target, source): each row the weights of one pixel; read only."""
    identity = Image.fromarray(np.eye(source, dtype=np.float32))
    found = np.array(identity.resize((source, target), FILTERS[kernel]), np.float32)
    found.setflags(write=False)
    return found


def gaussian(source: int, target: int, softness: float) -> Floats:
    """(target, source) of a Gaussian of ``softness`` target pixels about each pixel's centre."""
    scale = source / target
    centres = (np.arange(target) + 0.5) * scale - 0.5
    distance = (np.arange(source)[None] - centres[:, None]) / (softness * scale)
    weights = np.exp(-0.5 * distance**2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def down(source: int, shot: Shot) -> tuple[Floats, Floats]:
    """The matrices (size, source) along columns and along rows."""
    if shot.kernel == "random":
        soft_y, soft_x = shot.softness
        return gaussian(source, shot.size, soft_y), gaussian(source, shot.size, soft_x)
    found = matrix(source, shot.size, shot.kernel)
    return found, found


def line(angle: float, length: float) -> Floats:
    """(LINE, LINE), sum 1: points along a line through the middle, each shared among four pixels.

    Up to 5 pixels long, so that its ends stay inside.
    """
    found = np.zeros((LINE + 1, LINE + 1))
    for along in np.linspace(-length / 2, length / 2, 21):
        x, y = (LINE // 2 + along * f(angle) for f in (np.cos, np.sin))
        left, top = int(x), int(y)
        right, low = x - left, y - top
        found[top : top + 2, left : left + 2] += np.outer([1 - low, low], [1 - right, right])
    kernel = found[:LINE, :LINE]
    return np.asarray(kernel / kernel.sum(), np.float32)


@cache
def field(index: int) -> Floats:
    """(LARGEST, LARGEST, 3) of normal noise; a smaller face takes its corner."""
    random = np.random.default_rng([0xFA2, index])
    found = random.standard_normal((LARGEST, LARGEST, 3), np.float32)
    found.setflags(write=False)
    return found
