"""What stands before a face: rectangles, half of it, other pictures, stripes, discs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .nothing import clouds, noise_alone

Picture = NDArray[np.uint8]


def _filling(picture: Picture, random: np.random.Generator) -> Picture:
    """Something to cover with: one colour, noise, clouds, or the picture itself turned."""
    kind = int(random.integers(4))
    if kind == 0:
        return np.broadcast_to(random.integers(0, 256, 3, np.uint8), picture.shape)
    if kind == 1:
        return noise_alone(picture, 0.5, random)
    if kind == 2:
        return clouds(picture, 0.5, random)
    return np.roll(picture[::-1], int(random.integers(picture.shape[1])), axis=1)


def rectangle(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """A rectangle of 5 to 90 % of the picture, anywhere."""
    height, width = picture.shape[:2]
    area, ratio = 0.05 + 0.85 * strength, random.uniform(0.6, 1.6)
    high = int(np.clip(round(height * np.sqrt(area * ratio)), 1, height))
    wide = int(np.clip(round(width * np.sqrt(area / ratio)), 1, width))
    top, left = random.integers(0, [height - high + 1, width - wide + 1])
    found, filling = picture.copy(), _filling(picture, random)
    found[top : top + high, left : left + wide] = filling[top : top + high, left : left + wide]
    return found


def half(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Everything beyond a line through the face; the stronger, the more."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.choice(np.arange(4)) * np.pi / 2 + random.normal(0, 0.2)
    beyond = np.cos(angle) * columns + np.sin(angle) * rows > 0.9 - 1.6 * strength
    filling = np.zeros_like(picture) if random.random() < 0.5 else _filling(picture, random)
    return np.where(beyond[..., None], filling, picture)


def patched(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Up to twelve small rectangles."""
    found = picture
    for _ in range(1 + round(11 * strength)):
        found = rectangle(found, float(random.uniform(0, 0.08)), random)
    return found


def stripes(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Bars of one colour, as a fence before the face."""
    period, share = random.integers(6, 28), 0.2 + 0.7 * strength
    hidden = np.arange(112) % period < share * period
    found = picture.copy()
    colour = random.integers(0, 256, 3, np.uint8)
    if random.random() < 0.5:
        found[hidden[: len(found)]] = colour
    else:
        found[:, hidden[: found.shape[1]]] = colour
    return found


def discs(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Up to twenty discs of some colour, as drops or snow."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    found = picture.copy()
    for _ in range(3 + round(17 * strength)):
        y, x = random.uniform(0, [height, width])
        near = (rows - y) ** 2 + (columns - x) ** 2 < random.uniform(4, 8 + 8 * strength) ** 2
        found[near] = random.integers(0, 256, 3, np.uint8)
    return found


def banded(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """A bar over the eyes, or a mask from below, of one colour."""
    height = len(picture)
    found = picture.copy()
    if random.random() < 0.5:
        top = round(height * (0.42 - 0.1 * strength))
        found[top : round(height * (0.46 + 0.2 * strength))] = random.integers(0, 256, 3, np.uint8)
    else:
        found[round(height * (0.95 - 0.45 * strength)) :] = random.integers(0, 256, 3, np.uint8)
    return found


def lines(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Up to 150 thin lines of like direction, as rain or scratches."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    height, width = picture.shape[:2]
    colour = tuple(int(value) for value in random.integers(0, 256, 3))
    across, down = random.uniform(-30, 30, 2)
    for _ in range(10 + round(140 * strength)):
        x, y = random.uniform(0, width), random.uniform(0, height)
        draw.line((x, y, x + across, y + down), colour, int(random.integers(1, 3)))
    return np.asarray(image)
