"""What is done to a clip's pictures: multi-scale corner crops and mirror images, or the centre.

VTN's (arXiv 1905.08711) augmentation: a square of 1, 0.841, 0.707 or 0.595 of the shorter side in
the centre or a corner, mirrored or not; in tests 224 of 256 pixels in the centre. One resampling
does both of its steps, scaling and cropping.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .base import Frames

SCALES = (1.0, 0.841, 0.707, 0.595)
CENTRE = 224 / 256


@dataclass(frozen=True)
class Views:
    """How clips are drawn in training.

    ``scales``: sides of the square as shares of the shorter side. ``mirror``: share of mirrored
    clips. ``light``: brightness times up to ``1 +- light``, the same for all frames of a clip.
    ``shortest``: see ``windows.drawn``. ``centre``: of tests, the square's side as a share.
    """

    scales: tuple[float, ...] = SCALES
    mirror: float = 0.5
    light: float = 0.0
    shortest: float = 1.0
    centre: float = CENTRE

    def __post_init__(self) -> None:
        for name, shares in (("scales", self.scales), ("centre", (self.centre,)),
                             ("shortest", (self.shortest,))):  # fmt: skip
            if not shares or not all(0 < share <= 1 for share in shares):
                raise ValueError(f"views.{name}: expected above 0 to 1, got {shares}")
        for name in ("mirror", "light"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"views.{name}: expected 0 to 1, got {getattr(self, name)}")


Box = tuple[int, int, int]
"""Top, left and side of a square in pixels."""


def drawn(frames: Frames, size: int, options: Views, random: np.random.Generator) -> Tensor:
    """Uint8 (T, C, size, size) of (T, H, W, C): one crop, mirror and light for all frames."""
    height, width = frames.shape[1:3]
    side = max(1, round(min(height, width) * float(random.choice(options.scales))))
    place = int(random.integers(0, 5))
    mirrored = bool(random.random() < options.mirror)
    light = 1 + options.light * float(random.uniform(-1, 1))
    clip = crop(frames, corner(height, width, side, place), size)
    if mirrored:
        clip = mirror(clip)
    if options.light:
        bright = (clip[:, :3].float() * light).round().clamp(0, 255).to(torch.uint8)
        clip = torch.cat([bright, clip[:, 3:]], 1)
    return clip


def central(frames: Frames, size: int, share: float = CENTRE) -> Tensor:
    """Uint8 (T, C, size, size): the square in the middle, ``share`` of the shorter side."""
    height, width = frames.shape[1:3]
    side = max(1, round(min(height, width) * share))
    return crop(frames, corner(height, width, side, 0), size)


def corner(height: int, width: int, side: int, place: int) -> Box:
    """The square of ``side`` in the centre (0) or a corner (1 to 4, row by row)."""
    down, right = height - side, width - side
    if place == 0:
        return down // 2, right // 2, side
    return down * ((place - 1) // 2), right * ((place - 1) % 2), side


def crop(frames: Frames, box: Box, size: int) -> Tensor:
    """Uint8 (T, C, size, size) of a square of (T, H, W, C): bilinear, over all that it shrinks."""
    top, left, side = box
    whole = torch.from_numpy(np.ascontiguousarray(frames[:, top : top + side, left : left + side]))
    planes = whole.permute(0, 3, 1, 2)
    if side == size:
        return planes.contiguous()
    resized = F.interpolate(planes.float(), (size, size), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)


def mirror(clip: Tensor) -> Tensor:
    """Left for right; what flowed to the left flows to the right."""
    flipped = clip.flip(-1)
    if flipped.shape[1] > 3:
        flipped[:, 3] = 255 - flipped[:, 3]
    return flipped
