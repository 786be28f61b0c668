"""JPEG's loss on a batch of small pictures, as its encoder and decoder make it together.

What a file keeps of 8x8 pixels is their cosine transform in whole steps of a table (ITU-T T.81,
annex A.3.3 and the tables K.1 and K.2, scaled by the quality as the IJG's encoder does); colours
stay at full resolution. Everything else of a file is without loss, so no file is written.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

LIGHT = (
    *(16, 11, 10, 16, 24, 40, 51, 61), *(12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56), *(14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77), *(24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101), *(72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
COLOUR = (
    *(17, 18, 24, 47, 99, 99, 99, 99), *(18, 21, 26, 66, 99, 99, 99, 99),
    *(24, 26, 56, 99, 99, 99, 99, 99), *(47, 66, 99, 99, 99, 99, 99, 99),
    *(99,) * 32,
)  # fmt: skip
"""Quantisation steps at quality 50."""

TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""Of RGB to light and two colours, ITU-T T.871."""


@cache
def _cosines() -> Tensor:
    rows = [
        [math.cos((2 * x + 1) * u * math.pi / 16) * (math.sqrt(0.125) if u == 0 else 0.5)
         for x in range(8)] for u in range(8)
    ]  # fmt: skip
    return torch.tensor(rows)


def steps(quality: int) -> Tensor:
    """Float32 (3, 8, 8): the steps of light and of both colours at a quality from 1 to 100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    tables = torch.tensor([LIGHT, COLOUR, COLOUR], dtype=torch.float32)
    return ((tables * scale + 50) / 100).floor().clamp(1, 255).view(3, 8, 8)


def coded(pixels: Tensor, qualities: list[int]) -> Tensor:
    """Whole numbers 0..255, float32 (B, 3, H, W), of the same; sides are multiples of 8."""
    batch, _, height, width = pixels.shape
    convert = torch.tensor(TO_YCC, device=pixels.device)
    cosines = _cosines().to(pixels.device)
    table = torch.stack([steps(quality) for quality in qualities]).to(pixels.device)
    table = table[:, :, None, None]
    ycc = torch.einsum("ij,bjhw->bihw", convert, pixels)
    ycc = ycc.round() - torch.tensor([128.0, 0, 0], device=pixels.device).view(3, 1, 1)
    blocks = ycc.view(batch, 3, height // 8, 8, width // 8, 8).transpose(3, 4)
    kept = (cosines @ blocks @ cosines.T / table).round() * table
    found = (cosines.T @ kept @ cosines).transpose(3, 4).reshape(batch, 3, height, width)
    light, colours = (
        (found[:, :1].round() + 128).clamp(0, 255),
        found[:, 1:].round().clamp(-128, 127),
    )
    ycc = torch.cat([light, colours], 1)
    back = torch.linalg.inv(torch.tensor(TO_YCC, dtype=torch.float64)).float().to(pixels.device)
    return torch.einsum("ij,bjhw->bihw", back, ycc).round().clamp(0, 255)
