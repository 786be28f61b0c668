"""What cameras, people and transport do to a crop: low resolution, blur, JPEG, hidden parts.

Pictures of train sets are better than those of cameras; a network that has only seen good ones
falls behind on the rest. Flips, crops and colour are batch work (``distill/views.py``); these are
done to the single picture, with Pillow and numpy.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from . import worn
from .spoil import KINDS, NO_FACE

SHARES = ("low_resolution", "blur", "jpeg", "cut_out", "mask", "glasses", "bands", "spoil")
WORN = {"glasses": worn.glasses, "mask": worn.mask, "bands": worn.bands}


@dataclass(frozen=True)
class Degrade:
    """How often (shares of 1) and how far (uniform up to the bound).

    ``low_resolution``: shrunk to ``smallest`` pixels or more and enlarged again; ``blur``: Gaussian
    of a radius up to ``radius`` pixels; ``jpeg``: encoded at a quality from ``quality`` to 95;
    ``cut_out``: a grey rectangle of up to ``area`` of the picture (DeVries, Taylor, arXiv
    1708.04552). ``mask``, ``glasses``, ``bands``: of ``worn.py``. ``spoil``: one of ``kinds``
    (``spoil/__init__.py`` names them; those that leave no face are refused) at a strength up to
    ``strength``.
    """

    low_resolution: float = 0.0
    smallest: int = 24
    blur: float = 0.0
    radius: float = 2.0
    jpeg: float = 0.0
    quality: int = 30
    cut_out: float = 0.0
    area: float = 0.15
    mask: float = 0.0
    glasses: float = 0.0
    bands: float = 0.0
    spoil: float = 0.0
    strength: float = 0.5
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in (*SHARES, "area", "strength"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"degrade.{name}: expected a share from 0 to 1, got {value}")
        known = set(KINDS) - NO_FACE
        if unknown := sorted(set(self.kinds) - known):
            raise ValueError(f"degrade.kinds: {unknown[0]!r} is none of {', '.join(sorted(known))}")
        if bool(self.kinds) != bool(self.spoil):
            raise ValueError("degrade.spoil: goes with degrade.kinds, and they with it")
        if not 1 <= self.quality <= 95:
            raise ValueError(f"degrade.quality: expected 1 to 95, got {self.quality}")
        if self.smallest < 4 or self.radius < 0:
            raise ValueError(
                "degrade: expected smallest >= 4 pixels and radius >= 0, got "
                f"{self.smallest} and {self.radius}"
            )

    @property
    def active(self) -> bool:
        """Whether anything would ever be done."""
        return any(getattr(self, name) for name in SHARES)

    @property
    def worn(self) -> bool:
        """Whether anything is done that came with ``worn.py`` and ``spoil``."""
        return any((self.mask, self.glasses, self.bands, self.spoil))


def degrade(
    picture: NDArray[np.uint8], options: Degrade, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Uint8 RGB (H, W, 3) of one; in the order in which light, lens and file spoil it."""
    # All draws are made whatever happens, so that one option does not change another's.
    chance, amount = random.random(4), random.random(6)
    height, width = picture.shape[:2]
    found = picture
    if chance[0] < options.cut_out:
        found = found.copy()
        shares = options.area * amount[0], 0.5 + amount[1]  # area, and height against width
        high = min(height, round(height * float(np.sqrt(shares[0] * shares[1]))))
        wide = min(width, round(width * float(np.sqrt(shares[0] / shares[1]))))
        top, left = int(amount[2] * (height - high + 1)), int(amount[3] * (width - wide + 1))
        found[top : top + high, left : left + wide] = 127
    # Of a generator of their own, so that recipes of before give the pictures of before.
    more = np.random.default_rng(int(amount[5] * 2**53)) if options.worn else random
    for name, wear in WORN.items():
        if options.worn and more.random() < getattr(options, name):
            found = wear(found, more)
    if options.spoil and more.random() < options.spoil:
        kind = options.kinds[int(more.integers(len(options.kinds)))]
        found = KINDS[kind](found, float(more.uniform(0, options.strength)), more)
    image = Image.fromarray(np.ascontiguousarray(found))
    if chance[1] < options.blur:
        image = image.filter(ImageFilter.GaussianBlur(float(options.radius * amount[4])))
    if chance[2] < options.low_resolution:
        side = min(height, width)
        small = max(options.smallest, round(side * amount[5])) / side
        if small < 1:
            reduced = (max(1, round(width * small)), max(1, round(height * small)))
            image = image.resize(reduced, Image.Resampling.BOX)
            image = image.resize((width, height), Image.Resampling.BILINEAR)
    if chance[3] < options.jpeg:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(random.integers(options.quality, 96)))
        image = Image.open(file).convert("RGB")
    return np.asarray(image)
