"""What lenses, motion and small sensors do: blur of several shapes, few pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Picture = NDArray[np.uint8]
RESAMPLING = (
    *(Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST),
    Image.Resampling.LANCZOS,
)


def blurred(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Gaussian of a radius up to 8 pixels."""
    radius = 0.3 + 7.7 * strength**1.5
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def motion(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """The mean along a line of up to 35 pixels, in any direction."""
    length, angle = 2 + 33 * strength**1.2, random.uniform(0, np.pi)
    steps = np.linspace(-length / 2, length / 2, int(length) + 2)
    return _mean_of_moved(picture, steps * np.cos(angle), steps * np.sin(angle))


def few_pixels(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Shrunk to 64 pixels or fewer, down to 5, and enlarged again."""
    side = max(5, round(64 * (5 / 64) ** strength))
    down = Image.Resampling.BOX if random.random() < 0.6 else RESAMPLING[int(random.integers(4))]
    up = RESAMPLING[int(random.integers(2)) if random.random() < 0.7 else int(random.integers(4))]
    small = Image.fromarray(picture).resize((side, side), down)
    return np.asarray(small.resize((picture.shape[1], picture.shape[0]), up))


def defocused(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """The mean over a disc of a radius up to 11 pixels."""
    radius = 1 + 10 * strength
    grid = np.mgrid[-11 : 12 : 2 if radius > 5 else 1, -11 : 12 : 2 if radius > 5 else 1].reshape(
        2, -1
    )
    inside = grid[:, (grid**2).sum(axis=0) <= radius**2]
    return _mean_of_moved(picture, inside[1].astype(float), inside[0].astype(float))


def mosaic(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Squares of one colour, as faces are made unknown: 3 to 20 pixels a side."""
    step = 3 + round(17 * strength)
    height, width = picture.shape[:2]
    small = Image.fromarray(picture).resize(
        (max(1, width // step), max(1, height // step)), Image.Resampling.BOX
    )
    return np.asarray(small.resize((width, height), Image.Resampling.NEAREST))


def glass(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Every pixel from somewhere up to 12 pixels away, then a slight blur."""
    reach = 1 + 11 * strength
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    moved = random.uniform(-reach, reach, (2, height, width)).round().astype(int)
    found = picture[
        np.clip(rows + moved[0], 0, height - 1), np.clip(columns + moved[1], 0, width - 1)
    ]
    return np.asarray(Image.fromarray(found).filter(ImageFilter.GaussianBlur(0.7)))


def zoomed(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """The mean of enlargements up to twice."""
    image, total = Image.fromarray(picture), np.zeros(picture.shape)
    height, width = picture.shape[:2]
    for scale in np.linspace(1, 1 + 0.1 + 0.9 * strength, 9):
        x, y = width * (1 - 1 / scale) / 2, height * (1 - 1 / scale) / 2
        box = (x, y, width - x, height - y)
        total += np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box))
    return np.rint(total / 9).astype(np.uint8)


def _mean_of_moved(picture: Picture, x: NDArray[np.float64], y: NDArray[np.float64]) -> Picture:
    """The mean of the picture moved by whole pixels, the edge repeated."""
    reach = int(np.ceil(max(np.abs(x).max(), np.abs(y).max()))) + 1
    height, width = picture.shape[:2]
    wide = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)), "edge")
    total = np.zeros(picture.shape, np.uint32)
    for right, down in zip(x.round().astype(int), y.round().astype(int), strict=True):
        top, left = reach + down, reach + right
        total += wide[top : top + height, left : left + width]
    return ((total + len(x) // 2) // len(x)).astype(np.uint8)
