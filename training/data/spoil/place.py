"""What wrong landmarks do: a crop that is turned, moved, of another size, squeezed or bent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .nothing import smooth

Picture = NDArray[np.uint8]


def affine(picture: Picture, matrix: NDArray[np.float64], fill: Picture | int = 0) -> Picture:
    """Pixel p of the result is that at ``matrix @ (p - centre) + centre``; black outside."""
    height, width = picture.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    turn, shift = matrix[:, :2], matrix[:, 2]
    offset = centre + shift - turn @ centre
    data = (*turn[0], offset[0], *turn[1], offset[1])
    image = Image.fromarray(picture)
    return np.asarray(
        image.transform((width, height), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    )


def _turn(degrees: float, scale: float = 1.0) -> NDArray[np.float64]:
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return np.array([[c, -s, 0], [s, c, 0]])


def turned(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """By an angle of 8 to 180 degrees; sometimes the corners show the picture's edge."""
    degrees = (8 + 172 * strength) * random.choice([-1, 1])
    return _framed(picture, _turn(degrees), random)


def quarter_turns(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """By 90, 180 or 270 degrees; sometimes mirrored too."""
    found = np.rot90(picture, 1 + int(random.integers(3)))
    return np.ascontiguousarray(found[:, ::-1] if random.random() < 0.2 else found)


def shifted(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """By 2 to 80 pixels in any direction."""
    angle = random.uniform(0, 2 * np.pi)
    reach = (2 + 78 * strength) * picture.shape[1] / 112
    matrix = np.array([[1, 0, reach * np.cos(angle)], [0, 1, reach * np.sin(angle)]])
    return _framed(picture, matrix, random)


def scaled(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Up to four times larger or smaller, and moved a little."""
    scale = 4.0 ** (strength * random.choice([-1, 1])) * random.uniform(0.9, 1.1)
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    matrix[:, 2] = random.normal(0, 6, 2)
    return _framed(picture, matrix, random)


def squeezed(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """One side up to three times as long as it should be."""
    scale = 1.1 * (3 / 1.1) ** strength
    scale = scale if random.random() < 0.5 else 1 / scale
    return _framed(picture, np.array([[scale, 0, 0], [0, 1.0, 0]]), random)


def sheared(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Rows moved against each other, up to a pixel and a half each."""
    slope = (0.2 + 1.3 * strength) * random.choice([-1, 1])
    return affine(picture, np.array([[1, slope, 0], [0, 1, 0.0]]))


def swirled(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Turned the more the nearer to the middle, up to 400 degrees."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(float)
    x, y = columns - width / 2, rows - height / 2
    radius = np.hypot(x, y) / (width / 2)
    angle = np.deg2rad(40 + 360 * strength) * np.clip(1 - radius, 0, None)
    from_x = np.clip(np.cos(angle) * x - np.sin(angle) * y + width / 2, 0, width - 1)
    from_y = np.clip(np.sin(angle) * x + np.cos(angle) * y + height / 2, 0, height - 1)
    return picture[from_y.round().astype(int), from_x.round().astype(int)]


def bent(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Pulled this way and that, up to 14 pixels, over some eighths of the side."""
    height, width = picture.shape[:2]
    cells = int(random.integers(3, 9))
    reach = (2 + 12 * strength) * height / 112
    pull = reach * np.stack([smooth(random, height, width, cells) for _ in range(2)])
    rows, columns = np.mgrid[:height, :width]
    from_y = np.clip(rows + pull[0], 0, height - 1).round().astype(int)
    from_x = np.clip(columns + pull[1], 0, width - 1).round().astype(int)
    return picture[from_y, from_x]


def _framed(picture: Picture, matrix: NDArray[np.float64], random: np.random.Generator) -> Picture:
    """``affine``; two times of three the picture goes on around itself, mirrored."""
    if random.random() < 1 / 3:
        return affine(picture, matrix)
    height, width = picture.shape[:2]
    wide = np.pad(picture, ((height, height), (width, width), (0, 0)), "symmetric")
    return affine(wide, matrix)[height : 2 * height, width : 2 * width]
