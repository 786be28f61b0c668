"""The two halves of a set: one trains the operators, the other the edges' weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LARGER = 8 / 7
"""Side that pictures are resized to before a random crop of the training half: 128 for 112."""


def split(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of both halves: every person's pictures in two equal parts, a single one trains.

    Raises:
        ValueError: nobody has two pictures.
    """
    random = np.random.default_rng(seed)
    mixed = random.permutation(len(labels))
    ordered = mixed[np.argsort(labels[mixed], kind="stable")]
    starts = np.searchsorted(labels[ordered], labels[ordered])
    place = np.arange(len(labels)) - starts
    training, validation = ordered[place % 2 == 0], ordered[place % 2 == 1]
    if not len(validation):
        raise ValueError("data: nobody has two pictures, so there is no second half to judge by")
    return np.sort(training), np.sort(validation)


def plain(pictures: np.ndarray, size: int) -> Tensor:
    """Float32 (B, 3, size, size) in [-1, 1] of uint8 (B, H, W, 3)."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().sub_(127.5).div_(127.5)
    if size != x.shape[-1]:
        x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True)
    return x.contiguous(memory_format=torch.channels_last)


def augmented(pictures: np.ndarray, size: int, seed: int, step: int) -> Tensor:
    """The same of a picture resized larger, cut out at random and mirrored in half of the cases."""
    wide = round(size * LARGER)
    large = plain(pictures, wide)
    random = np.random.default_rng([seed, step, 3])
    tops, lefts = random.integers(0, wide - size + 1, (2, len(pictures)))
    mirror = random.random(len(pictures)) < 0.5
    found = torch.empty(len(pictures), 3, size, size)
    for row, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        crop = large[row, :, top : top + size, left : left + size]
        found[row] = crop.flip(-1) if mirror[row] else crop
    return found.contiguous(memory_format=torch.channels_last)
