"""The fixed small forms of a set's pictures: the same bytes for everybody, from the name alone.

``plain`` shrinks by area and enlarges by bicubic interpolation, as published figures do. ``camera``
adds, drawn by a picture's name and size, motion of up to 2 small pixels, noise of up to 6 grey
levels and JPEG of quality 50 to 90. Both enlarge to the crop's own size.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from ....data.far import Shot, picture

SIZES = (28, 24, 20, 16, 14, 12)
FORMS = ("plain", "camera")
SEED = 22


def shot(name: str, size: int, form: str = "plain", up: str = "bicubic") -> Shot:
    """What becomes of the picture called ``name`` at ``size`` pixels.

    Raises:
        ValueError: no such form.
    """
    if form not in FORMS:
        raise ValueError(f"form: expected one of {', '.join(FORMS)}, got {form!r}")
    if form == "plain":
        return Shot(size, "area", up)
    random = np.random.default_rng([SEED, size, zlib.crc32(name.encode())])
    angle, length, grey, field, quality = random.random(5)
    return Shot(
        size, "area", up, motion=(float(np.pi * angle), float(2 * length)), noise=float(6 * grey),
        field=int(256 * field), quality=50 + int(41 * quality),
    )  # fmt: skip


def made(
    crops: NDArray[np.uint8], names: list[str], size: int, form: str = "plain", up: str = "bicubic"
) -> NDArray[np.uint8]:
    """Uint8 (N, H, H, 3) of crops of that shape, each in its form."""
    return np.stack(
        [
            picture.seen(crop, shot(name, size, form, up))
            for crop, name in zip(crops, names, strict=True)
        ]
    )


def small_is_first(first: list[str], second: list[str]) -> NDArray[np.bool_]:
    """bool (P): of which pairs the first picture is the small one, where one is; about half.

    By the pair's own names, so that a list's other pairs do not matter.
    """
    keys = [f"{SEED} {one} {two}" for one, two in zip(first, second, strict=True)]
    return np.array([zlib.crc32(key.encode()) & 0x80 == 0 for key in keys], bool)
