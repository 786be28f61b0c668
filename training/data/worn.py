"""What people wear before their face, and what tight pictures lack around it, on aligned crops.

Places are those of a crop of 112 pixels aligned to ArcFace's points, and scale with the crop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.uint8]
SIDE = 112
EYES = ((38.3, 51.7), (73.5, 51.5))


def mask(picture: Picture, random: np.random.Generator) -> Picture:
    """A face mask of one colour: from the bridge of the nose to below the chin, rounded."""
    left, right, top = random.uniform(20, 28), random.uniform(84, 92), random.uniform(58, 70)
    bridge = 56 + random.uniform(-4, 4), top - random.uniform(2, 8)
    corners = (left, top + random.uniform(2, 8)), (right, top + random.uniform(2, 8))
    chin = (right - random.uniform(4, 12), 104), (56, 112), (left + random.uniform(4, 12), 104)
    shape = [corners[0], bridge, corners[1], *chin]
    return _drawn(picture, shape, tuple(int(value) for value in random.integers(20, 250, 3)))


def glasses(picture: Picture, random: np.random.Generator) -> Picture:
    """Two dark or coloured lenses around the eyes, with a bridge; see-through in part."""
    clear, colour = random.uniform(0, 0.7), random.integers(0, 120, 3)
    wide, high = random.uniform(9, 15), random.uniform(7, 13)
    layer = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(layer)
    for x, y in EYES:
        draw.rounded_rectangle((x - wide, y - high, x + wide, y + high), 5, fill=255)
    draw.line((*EYES[0], *EYES[1]), fill=255, width=2)
    hidden = np.asarray(layer.resize(picture.shape[1::-1]), np.float32)[..., None] / 255
    hidden = hidden * np.float32(1 - clear)
    return np.rint(picture * (1 - hidden) + colour.astype(np.float32) * hidden).astype(np.uint8)


def bands(picture: Picture, random: np.random.Generator) -> Picture:
    """Black at one to three sides, as of a face at the edge of its picture: up to a fifth each.

    Tight sources have them always; where all pictures may have them, they tell nothing.
    """
    height, width = picture.shape[:2]
    found = picture.copy()
    for side in random.permutation(4)[: random.integers(1, 4)]:
        deep = int(random.uniform(0.02, 0.2) * (height if side < 2 else width))
        places = (np.s_[:deep], np.s_[height - deep :], np.s_[:, :deep], np.s_[:, width - deep :])
        found[places[side]] = 0
    return found


def _drawn(picture: Picture, shape: list[tuple[float, float]], colour: tuple[int, ...]) -> Picture:
    image, scale = Image.fromarray(picture), picture.shape[0] / SIDE
    points = [(x * scale, y * scale) for x, y in shape]
    ImageDraw.Draw(image).polygon(points, fill=colour)
    return np.asarray(image)
