"""Training views: faces moved, relit, and blended two into one, from a table of random draws.

A small set of people is soon learnt by heart. Half of one face and half of another is a face that
nobody has seen, and a teacher has an opinion on it; the student may be asked for that opinion on as
many such faces as there is time ("A good teacher is patient and consistent", Beyer et al., CVPR
2022, arXiv 2106.05237, with mixup; here the masks are also smooth edges, as aligned crops allow).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

DRAWS = 20
"""Random numbers drawn for one view; with another count a run that goes on sees other views."""


@dataclass(frozen=True)
class Reach:
    """How far a view may differ from its picture; every change is uniform within +- its reach.

    ``compose``: share of views that blend two faces. ``mirror``: share that is mirrored. ``turn``
    in radians, ``scale`` and ``stretch`` (width against height) as factors, ``shift`` as a share
    of half the picture, ``light`` and ``tint`` as factors of brightness.
    """

    compose: float = 0.0
    mirror: float = 0.5
    turn: float = 0.0
    scale: float = 0.05
    stretch: float = 0.0
    shift: float = 0.04
    light: float = 0.2
    tint: float = 0.0


class Draws(NamedTuple):
    """What a view's random numbers decide, in the order of the table; float32 (B) each, in [0, 1).

    From ``weight`` to ``flat`` they describe the mask that blends a second face in.
    """

    mirror: Tensor
    turn: Tensor
    scale: Tensor
    stretch: Tensor
    across: Tensor
    down: Tensor
    gain: Tensor
    compose: Tensor
    weight: Tensor
    angle: Tensor
    offset: Tensor
    softness: Tensor
    flat: Tensor
    bias: Tensor
    red: Tensor
    green: Tensor
    blue: Tensor

    @classmethod
    def of(cls, table: Tensor) -> Draws:
        """The columns of a table (B, DRAWS)."""
        return cls(*table[:, : len(cls._fields)].unbind(1))


def draw(batch: int, seed: int, step: int) -> Tensor:
    """Uniform float32 (batch, DRAWS) of one step, the same on every rank and for any device."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    return torch.rand(batch, DRAWS, generator=generator)


def make(first: Tensor, second: Tensor | None, table: Tensor, reach: Reach) -> Tensor:
    """Float32 (B, 3, H, W) in [-1, 1] of uint8 (B, H, W, 3); ``second`` blends in where drawn.

    ``table``: rows of ``draw``. All on one device, which the views are made on.
    """
    x, draws = _real(first), Draws.of(table)
    if second is not None and reach.compose > 0:
        blend = masks(draws, x.shape[-1]) * _each(draws.compose).lt(reach.compose)
        x = torch.lerp(x, _real(second), blend)
    return _relit(_moved(x, draws, reach), draws, reach)


def mirrored(table: Tensor, reach: Reach) -> Tensor:
    """bool (B): which views of the rows of ``draw`` are mirror images."""
    return Draws.of(table).mirror < reach.mirror


def masks(draws: Draws, size: int) -> Tensor:
    """(B, 1, size, size) in [0, 1]: half of them one weight all over, half a soft edge."""
    angle, offset = _each(draws.angle) * 2 * math.pi, (_each(draws.offset) - 0.5) * 0.8
    softness = 0.05 + 0.25 * _each(draws.softness)
    line = torch.linspace(-1, 1, size, device=angle.device)
    along = line.view(1, 1, 1, -1) * angle.cos() + line.view(1, 1, -1, 1) * angle.sin()
    edge = torch.sigmoid((along - offset) / softness)
    return torch.where(_each(draws.flat) < 0.5, _each(draws.weight), edge)


def shrunk(x: Tensor, size: int) -> Tensor:
    """``x`` at ``size`` pixels, channels last."""
    if size < x.shape[-1]:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    return x.contiguous(memory_format=torch.channels_last)


def _moved(x: Tensor, draws: Draws, reach: Reach) -> Tensor:
    angle, scale = _within(draws.turn, reach.turn), _within(draws.scale, reach.scale)
    stretch = _within(draws.stretch, reach.stretch)
    across, down = _within(draws.across, reach.shift), _within(draws.down, reach.shift)
    mirror = torch.where(draws.mirror < reach.mirror, -1.0, 1.0)
    wide, high = (1 + scale) * (1 + stretch) * mirror, 1 + scale
    rows = (
        torch.stack([angle.cos() * wide, -angle.sin() * high, across], 1),
        torch.stack([angle.sin() * wide, angle.cos() * high, down], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), False)
    return F.grid_sample(x, grid, "bilinear", "border", False)


def _relit(x: Tensor, draws: Draws, reach: Reach) -> Tensor:
    gain = 1 + _within(_each(draws.gain), reach.light)
    bias = _within(_each(draws.bias), reach.light) / 2
    colours = torch.stack([draws.red, draws.green, draws.blue], 1)
    tint = 1 + _within(colours[:, :, None, None], reach.tint)
    return (x * gain * tint + bias).clamp_(-1, 1)


def _within(drawn: Tensor, reach: float) -> Tensor:
    """Uniform within +- ``reach``."""
    return (drawn * 2 - 1) * reach


def _each(drawn: Tensor) -> Tensor:
    """(B) as one number for all pixels of each view."""
    return drawn.view(-1, 1, 1, 1)


def _real(pixels: Tensor) -> Tensor:
    return pixels.permute(0, 3, 1, 2).float().sub_(127.5).div_(127.5)
