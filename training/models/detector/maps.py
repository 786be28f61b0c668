"""What a detector's maps stand for: cells, and the scores, boxes and landmarks that they tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

STRIDES = (8, 16, 32)
OUTPUTS = tuple(f"stride{stride}" for stride in STRIDES)
"""Their names in files."""
CHANNELS = 16
"""Of a cell: class, objectness, four edges, five points."""
LIMIT = 4.0
"""Bound on all outputs."""
LOGIT = 2.0
"""Logits of class and objectness by what the network says."""


class Decoded(NamedTuple):
    """Of all cells: scores (N, A) in 0..1, boxes (N, A, 4) left, top, right, bottom, and points
    (N, A, 5, 2) in pixels of the input."""

    scores: Tensor
    boxes: Tensor
    points: Tensor


def cells(height: int, width: int) -> Tensor:
    """Float32 (A, 3): centre x, y and stride of each cell, in the order of :func:`flat`."""
    parts = []
    for stride in STRIDES:
        rows = (torch.arange(height // stride) + 0.5) * stride
        columns = (torch.arange(width // stride) + 0.5) * stride
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        parts.append(torch.stack([x, y, torch.full_like(x, stride)], dim=2).reshape(-1, 3))
    return torch.cat(parts)


def flat(maps: Sequence[Tensor]) -> Tensor:
    """(N, A, 16) of the outputs, fine to coarse, row by row."""
    return torch.cat([part.reshape(len(part), -1, CHANNELS) for part in maps], dim=1)


def decoded(values: Tensor, where: Tensor) -> Decoded:
    """What ``values`` (N, A, 16) say at the cells ``where`` (A, 3); a score is the geometric mean
    of the two probabilities, as YuNet's is."""
    centres, strides = where[:, :2], where[:, 2:]
    logits = LOGIT * values[..., :2]
    scores = (0.5 * F.logsigmoid(logits).sum(dim=-1)).exp()
    signs = torch.tensor([-1.0, -1.0, 1.0, 1.0], device=values.device)
    boxes = centres.repeat(1, 2) + signs * strides * values[..., 2:6]
    points = centres[:, None] + strides[:, None] * values[..., 6:].unflatten(-1, (5, 2))
    return Decoded(scores, boxes, points)
