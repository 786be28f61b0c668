"""Training views: faces moved, relit, and blended two into one, from a table of random draws.

A small set of people is soon learnt by heart. Half of one face and half of another is a face that
nobody has seen, and a teacher has an opinion on it; the student may be asked for that opinion on as
many such faces as there is time ("A good teacher is patient and consistent", Beyer et al., CVPR
2022, arXiv 2106.05237, with mixup; here the masks are also smooth edges, as aligned crops allow).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

DRAWS = 20
"""Random numbers that one view takes."""


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


def draw(batch: int, seed: int, step: int) -> Tensor:
    """Uniform float32 (batch, DRAWS) of one step, the same on every rank and for any device."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    return torch.rand(batch, DRAWS, generator=generator)


def make(first: Tensor, second: Tensor | None, draws: Tensor, reach: Reach) -> Tensor:
    """Float32 (B, 3, H, W) in [-1, 1] of uint8 (B, H, W, 3); ``second`` blends in where drawn.

    All on one device, which the views are made on.
    """
    x = _real(first)
    if second is not None and reach.compose > 0:
        blend = masks(draws[:, 8:13], x.shape[-1]) * _column(draws, 7).lt(reach.compose)
        x = torch.lerp(x, _real(second), blend)
    return _relit(_moved(x, draws, reach), draws, reach)


def mirrored(draws: Tensor, reach: Reach) -> Tensor:
    """bool (B): which views are mirror images."""
    return draws[:, 0] < reach.mirror


def masks(draws: Tensor, size: int) -> Tensor:
    """(B, 1, size, size) in [0, 1]: half of them one weight all over, half a soft edge."""
    angle, offset = _column(draws, 1) * 2 * math.pi, (_column(draws, 2) - 0.5) * 0.8
    softness = 0.05 + 0.25 * _column(draws, 3)
    line = torch.linspace(-1, 1, size, device=draws.device)
    along = line.view(1, 1, 1, -1) * angle.cos() + line.view(1, 1, -1, 1) * angle.sin()
    edge = torch.sigmoid((along - offset) / softness)
    return torch.where(_column(draws, 4) < 0.5, _column(draws, 0), edge)


def shrunk(x: Tensor, size: int) -> Tensor:
    """``x`` at ``size`` pixels, channels last."""
    if size < x.shape[-1]:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    return x.contiguous(memory_format=torch.channels_last)


def _moved(x: Tensor, draws: Tensor, reach: Reach) -> Tensor:
    limits = (reach.turn, reach.scale, reach.stretch, reach.shift, reach.shift)
    angle, scale, stretch, across, down = (
        (draws[:, column] * 2 - 1) * limit for column, limit in enumerate(limits, start=1)
    )
    mirror = torch.where(mirrored(draws, reach), -1.0, 1.0)
    wide, high = (1 + scale) * (1 + stretch) * mirror, 1 + scale
    rows = (
        torch.stack([angle.cos() * wide, -angle.sin() * high, across], 1),
        torch.stack([angle.sin() * wide, angle.cos() * high, down], 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), False)
    return F.grid_sample(x, grid, "bilinear", "border", False)


def _relit(x: Tensor, draws: Tensor, reach: Reach) -> Tensor:
    gain = 1 + (_column(draws, 6) * 2 - 1) * reach.light
    bias = (_column(draws, 13) * 2 - 1) * reach.light / 2
    tint = 1 + (draws[:, 14:17, None, None] * 2 - 1) * reach.tint
    return (x * gain * tint + bias).clamp_(-1, 1)


def _column(draws: Tensor, index: int) -> Tensor:
    return draws[:, index].view(-1, 1, 1, 1)


def _real(pixels: Tensor) -> Tensor:
    return pixels.permute(0, 3, 1, 2).float().sub_(127.5).div_(127.5)
