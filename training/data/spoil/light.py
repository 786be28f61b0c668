"""What light does: too little, too much, of one colour, from one side; and tones exchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def _bytes(values: NDArray[np.floating]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def dark(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Down to a hundredth of the light, with a sensor's noise; sometimes amplified again."""
    gain = 0.6 * (0.01 / 0.6) ** strength
    seen = picture * gain + random.normal(0, random.uniform(0, 2.5), picture.shape)
    seen = np.clip(np.rint(seen), 0, 255)
    if random.random() < 0.3:
        seen = seen * min(0.7 / gain, 100.0 / max(1.0, float(seen.mean())))
    return _bytes(seen)


def bright(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Light added or multiplied until most of it is white."""
    if random.random() < 0.5:
        return _bytes(picture * (1.2 + 8 * strength**2))
    return _bytes(picture + 40.0 + 215 * strength)


def low_contrast(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Down to a hundredth of the contrast, about any grey."""
    share, middle = 0.6 * (0.01 / 0.6) ** strength, random.uniform(20, 235)
    noise = random.normal(0, random.uniform(0, 1.5), picture.shape)
    return _bytes(middle + (picture - picture.mean()) * share + noise)


def coloured(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Light of another colour, at most of one colour alone."""
    gain = 1 - strength * random.uniform(0, 1, 3)
    gain[int(random.integers(3))] = 1.0
    return _bytes(picture * gain + random.normal(0, 1, picture.shape))


def grey(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """As a grey camera sees it, or with less colour; which spoils little."""
    light = picture @ np.array([0.299, 0.587, 0.114])
    share = 1.0 if random.random() < 0.7 else 0.5 + 0.5 * strength
    return _bytes(share * light[..., None] + (1 - share) * picture)


def inverted(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """The negative, in part or whole."""
    share = 0.5 + 0.5 * strength
    return _bytes((1 - share) * picture + share * (255.0 - picture))


def fog(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Uneven grey before the face."""
    from .nothing import smooth

    height, width = picture.shape[:2]
    thick = np.clip(strength * (0.7 + 0.6 * smooth(random, height, width, 3)), 0, 0.97)[..., None]
    return _bytes((1 - thick) * picture + thick * random.uniform(170, 235))


def solarised(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """All above a level becomes its negative."""
    level = 230 - 180 * strength
    return np.where(picture > level, 255 - picture, picture)


def few_levels(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Two to eight levels a colour."""
    count = 8 - round(6 * strength)
    return _bytes(np.rint(picture / 255 * (count - 1)) * (255 / (count - 1)))


def side_light(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """One side in the dark, the other too bright."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    return _bytes(picture * (2.0 ** (5 * strength * along))[..., None])


def gamma(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """The middle tones up or down, by an exponent of up to ten."""
    exponent = 10.0 ** (strength * random.choice([-1, 1]))
    return _bytes(255 * (picture / 255) ** exponent)


def harsh(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Contrast or colour multiplied, up to nine times."""
    by = 1.5 + 7.5 * strength
    middle = picture.mean() if random.random() < 0.5 else picture.mean(axis=2, keepdims=True)
    return _bytes(middle + (picture - middle) * by)


def vignette(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Dark, or white, around a middle that lies anywhere near that of the face."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    middle = random.normal(0, 0.2, 2)
    far = np.hypot(rows - middle[0], columns - middle[1])
    share = np.clip((1.4 - strength * 1.1 - far) * random.uniform(1, 5) + 1, 0, 1)[..., None]
    return _bytes(share * picture + (1 - share) * random.choice([0, 0, 255]))


def hues(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """Colours exchanged, as of BGR; which spoils little."""
    orders = [(2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)]
    return np.ascontiguousarray(picture[..., orders[int(random.integers(5))]])
