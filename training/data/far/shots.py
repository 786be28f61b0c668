"""What a far camera does to each row of a batch, decided by a table of random draws.

``data/degrade.py`` spoils a picture before anybody sees it, the teacher too. What stands here is
done to the view that the student alone is shown: its teacher sees the sharp face.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LARGEST = 56
"""Pixels of the largest small face; a batch holds all its small faces in maps of this side."""

KERNELS = ("area", "bicubic", "random")
DRAWS = 16
"""Random numbers drawn for one row; with another count a run that goes on sees other faces."""

FIELDS = 256
"""Noise fields that are drawn once; each noisy face takes one of them."""

SHARPEST, SOFTEST = 0.25, 0.7
"""Standard deviation of a random kernel's Gaussian, in pixels of the small face: a lens in focus
lies between the pixel's own area (0.29) and twice that."""


@dataclass(frozen=True)
class Far:
    """How often (shares of 1) and how far; ``share`` 0 leaves every face sharp.

    ``share`` of the rows are shrunk to ``smallest`` to ``largest`` pixels, as many in each octave,
    by one of ``kernels``: ``area`` (a sensor), ``bicubic`` with anti-aliasing (the papers'
    protocol), ``random`` (a Gaussian, another along x than along y). Enlarged again they are by
    bicubic or bilinear interpolation, half and half: the papers do the first, alignment the second.
    Of those that are shrunk ``motion`` are blurred along a line of up to ``length`` small pixels,
    ``noise`` get Gaussian noise of up to ``grey`` levels, ``jpeg`` are encoded at a quality from
    ``quality`` to 95, all at the small size.
    """

    share: float = 0.0
    smallest: int = 8
    largest: int = 56
    kernels: tuple[str, ...] = KERNELS
    motion: float = 0.0
    length: float = 3.0
    noise: float = 0.0
    grey: float = 8.0
    jpeg: float = 0.0
    quality: int = 40

    def __post_init__(self) -> None:
        for name in ("share", "motion", "noise", "jpeg"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"far.{name}: expected a share from 0 to 1, got {getattr(self, name)}"
                )
        if not 4 <= self.smallest <= self.largest <= LARGEST:
            raise ValueError(
                f"far: expected 4 <= smallest <= largest <= {LARGEST} pixels, got "
                f"{self.smallest} and {self.largest}"
            )
        if not self.kernels or (unknown := sorted(set(self.kernels) - set(KERNELS))):
            what = repr(unknown[0]) if self.kernels else "nothing"
            raise ValueError(f"far.kernels: expected some of {', '.join(KERNELS)}, got {what}")
        if not (0 <= self.length <= 5 and 0 <= self.grey <= 64):
            raise ValueError(
                "far: expected length of 0 to 5 pixels and grey of 0 to 64 levels, got "
                f"{self.length} and {self.grey}"
            )
        if not 1 <= self.quality <= 95:
            raise ValueError(f"far.quality: expected 1 to 95, got {self.quality}")


@dataclass(frozen=True)
class Shot:
    """What becomes of one face: ``size`` small pixels by ``kernel`` and enlarged by ``up``.

    ``softness``: of a random kernel, standard deviations along y and x in small pixels. ``motion``:
    angle in radians and length in small pixels. ``noise``: standard deviation in grey levels, and
    ``field`` whose noise. ``quality``: of JPEG, None for none.
    """

    size: int
    kernel: str = "area"
    up: str = "bicubic"
    softness: tuple[float, float] = (0.5, 0.5)
    motion: tuple[float, float] = (0.0, 0.0)
    noise: float = 0.0
    field: int = 0
    quality: int | None = None


def draw(batch: int, seed: int, step: int) -> Tensor:
    """Uniform float32 (batch, DRAWS) of one step, the same on every rank and for any device."""
    # Another stream than that of distill/views.py, whose rows are drawn for the same step.
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) ^ 0x5EED_FA12)
    return torch.rand(batch, DRAWS, generator=generator)


def shots(table: Tensor, options: Far) -> list[Shot | None]:
    """Of each row of :func:`draw` what becomes of its face; None: it stays sharp."""
    return [_shot(row, options) for row in table.tolist()]


def _shot(row: Sequence[float], options: Far) -> Shot | None:
    # All of a row is drawn whatever happens, so that one option does not change another's.
    (chosen, size, kernel, soft_y, soft_x, up, moves, angle, length, noisy, grey, field, coded,
     quality, *_) = row  # fmt: skip
    if chosen >= options.share:
        return None
    small = options.smallest * ((options.largest + 1) / options.smallest) ** size
    wide = SOFTEST - SHARPEST
    return Shot(
        min(int(small), options.largest),
        options.kernels[int(kernel * len(options.kernels))],
        "bicubic" if up < 0.5 else "bilinear",
        (SHARPEST + wide * soft_y, SHARPEST + wide * soft_x),
        (math.pi * angle, options.length * length if moves < options.motion else 0.0),
        options.grey * grey if noisy < options.noise else 0.0,
        int(field * FIELDS),
        int(options.quality + quality * (96 - options.quality)) if coded < options.jpeg else None,
    )
