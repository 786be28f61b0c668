"""Pictures of nothing: noise, one colour, waves, clouds, tiles in disorder, boards, lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.uint8]


def smooth(random: np.random.Generator, height: int, width: int, cells: int) -> NDArray[np.float64]:
    """Random values from about -1 to 1 that change over ``cells`` to a side."""
    coarse = Image.fromarray(random.normal(0, 0.5, (cells + 1, cells + 1)).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.float64)


def _bytes(values: NDArray[np.floating]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def noise_alone(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Uniform or Gaussian noise, grey or coloured, of one to 16 pixels."""
    height, width = picture.shape[:2]
    grain = int(2 ** random.uniform(0, 4))
    size = (height // grain + 1, width // grain + 1, 3 if random.random() < 0.6 else 1)
    if random.random() < 0.4:
        seen = random.uniform(0, 255, size)
    else:
        seen = random.normal(random.uniform(20, 230), random.uniform(3, 90), size)
    coarse = np.broadcast_to(_bytes(seen), (*size[:2], 3))
    if random.random() < 0.5:
        image = Image.fromarray(np.ascontiguousarray(coarse))
        return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return coarse.repeat(grain, axis=0).repeat(grain, axis=1)[:height, :width]


def flat(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """One colour, perhaps with an even slope or a trace of noise."""
    height, width = picture.shape[:2]
    colour = random.uniform(0, 255, 3) if random.random() < 0.7 else random.uniform(0, 255)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    slope = random.choice([0, 0, 20, 120]) * random.uniform(-1, 1, (2, 3))
    seen = colour + rows[..., None] * slope[0] + columns[..., None] * slope[1]
    return _bytes(seen + random.normal(0, random.choice([0, 1, 3]), picture.shape))


def waves(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Sums of one to four waves, or hard stripes of them."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    total = np.zeros((height, width))
    for _ in range(int(random.integers(1, 5))):
        angle, length = random.uniform(0, np.pi), 2 ** random.uniform(1.3, 6.5)
        along = np.cos(angle) * columns + np.sin(angle) * rows
        total += np.sin(2 * np.pi * along / length + random.uniform(0, 6))
    if random.random() < 0.4:
        total = np.sign(total)
    colours = random.uniform(0, 255, (2, 3))
    share = (total[..., None] / max(1e-6, float(np.abs(total).max())) + 1) / 2
    return _bytes(colours[0] * share + colours[1] * (1 - share))


def clouds(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Noise of every scale, the coarse stronger: like walls, bark, sky or leaves."""
    height, width = picture.shape[:2]
    colour = random.random() < 0.5
    fall = random.uniform(0.4, 1.1)
    seen = np.zeros((height, width, 3))
    for cells in (2, 4, 8, 16, 32, 64):
        if colour:
            layer = np.stack([smooth(random, height, width, cells) for _ in range(3)], axis=-1)
        else:
            layer = smooth(random, height, width, cells)[..., None]
        seen += layer * (2 / cells) ** fall
    return _bytes(random.uniform(60, 190) + random.uniform(20, 120) * seen)


def shuffled_tiles(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """The picture's own squares in disorder, 28, 16 or 14 pixels a side."""
    step = int(random.choice([14, 16, 28]))
    height, width = picture.shape[0] // step, picture.shape[1] // step
    used = picture[: height * step, : width * step]
    tiles = used.reshape(height, step, width, step, 3).swapaxes(1, 2).reshape(-1, step, step, 3)
    mixed = tiles[random.permutation(len(tiles))]
    return mixed.reshape(height, width, step, step, 3).swapaxes(1, 2).reshape(used.shape)


def checkerboard(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Squares of two colours, 3 to 30 pixels a side."""
    step = random.integers(3, 31)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] // step
    colours = random.integers(0, 256, (2, 3), np.uint8)
    return colours[(rows + columns) % 2]


def scribble(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Lines and ellipses of any colour."""
    height, width = picture.shape[:2]
    ground = tuple(int(value) for value in random.integers(0, 256, 3))
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(4, 30))):
        x, y = np.sort(random.integers(0, width, 2)), np.sort(random.integers(0, height, 2))
        box = (int(x[0]), int(y[0]), int(x[1]) + 1, int(y[1]) + 1)
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        if random.random() < 0.5:
            draw.line(box, colour, int(random.integers(1, 6)))
        else:
            draw.ellipse(box, colour if random.random() < 0.5 else None, colour)
    return np.asarray(image)
