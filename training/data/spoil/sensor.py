"""What sensors and files do: noise of several kinds, JPEG, lost rows."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Picture = NDArray[np.uint8]


def _bytes(values: NDArray[np.floating]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def noise(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Gaussian, of grey or of each colour, up to 140 grey levels."""
    shape = picture.shape if random.random() < 0.6 else (*picture.shape[:2], 1)
    return _bytes(picture + random.normal(0, 4 + 136 * strength**1.3, shape))


def shot_noise(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Few photons: 100 for white down to one."""
    photons = 100 * (1 / 100) ** strength
    return _bytes(random.poisson(picture / 255 * photons) * (255 / photons))


def jpeg(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Quality 40 down to 1, sometimes at half the size."""
    image, size = Image.fromarray(picture), (picture.shape[1], picture.shape[0])
    if random.random() < 0.3:
        image = image.resize((size[0] // 2, size[1] // 2), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=max(1, round(40 * (1 - strength))))
    found = Image.open(file).convert("RGB")
    return np.asarray(found if found.size == size else found.resize(size))


def salt_and_pepper(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Up to 70 % of the pixels black or white."""
    found = picture.copy()
    hit = random.random(picture.shape[:2]) < 0.02 + 0.68 * strength
    found[hit] = np.where(random.random((int(hit.sum()), 1)) < 0.5, 0, 255)
    return found


def lost_rows(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Rows that lie elsewhere, as of a broken transmission."""
    found = picture.copy()
    for row in np.flatnonzero(random.random(len(picture)) < 0.1 + 0.9 * strength):
        found[row] = np.roll(picture[row], int(random.integers(picture.shape[1])), axis=0)
    return found


def coloured_noise(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Coarse spots of colour, 4 pixels wide."""
    height, width = picture.shape[:2]
    coarse = random.normal(0, 10 + 110 * strength, (height // 4 + 1, width // 4 + 1, 3))
    return _bytes(picture + coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width])


def sharpened(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Edges exaggerated, up to nine times."""
    mask = ImageFilter.UnsharpMask(random.uniform(1, 5), round(100 + 800 * strength), 0)
    return np.asarray(Image.fromarray(picture).filter(mask))


def outlined(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Mixed with its own outlines or relief, at most those alone."""
    kinds = (ImageFilter.EMBOSS, ImageFilter.CONTOUR, ImageFilter.FIND_EDGES)
    drawn = np.asarray(Image.fromarray(picture).filter(kinds[int(random.integers(3))]))
    share = 0.3 + 0.7 * strength
    return _bytes(share * drawn + (1 - share) * picture)


def two_tones(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Two to five levels of grey."""
    count = 5 - round(3 * strength)
    light = np.clip(picture.mean(axis=2) + random.normal(0, 15), 0, 255)
    grey = np.floor(light / 256 * count) * (255 / (count - 1))
    return _bytes(np.repeat(grey[..., None], 3, axis=2))


def median(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """The median of 3 to 15 pixels a side, as of too much noise reduction."""
    size = 3 + 2 * round(6 * strength)
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.MedianFilter(size)))
