"""Which cell answers for which face: SimOTA, and what its 14 distances should be.

Z. Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430, section 2.1; after OTA,
arXiv 2103.14259. A face gets as many cells as the best overlaps of its candidates sum up to, those
of the least cost; a cell that several want goes to the cheapest.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...models.detector import LIMIT, decoded

BEST = 10
"""Candidates whose overlaps are summed."""
OVERLAP_COST = 3.0
NEAR, FAR = 0.75, 1.5
"""A candidate's centre is within half the box of the face's, but no less and no more than this
many strides: small faces have one all the same, and the rims of large ones none."""
SMALLEST = 0.75
"""Strides of a box's longer side from which on cells of this stride may answer for it."""
BACKGROUND, IGNORED = -1, -2


class Assigned(NamedTuple):
    """Of a picture: int64 (A), the face of each cell, ``BACKGROUND`` or ``IGNORED``; and float32
    (A), the overlap of its box with the face's, 0 without one."""

    faces: Tensor
    overlaps: Tensor


def wanted(boxes: Tensor, points: Tensor, where: Tensor) -> Tensor:
    """Outputs 2 to 15 that say exactly ``boxes`` (..., 4) and ``points`` (..., 5, 2) at the cells
    ``where`` (..., 3): float32 (..., 14), NaN where a point is."""
    centres, strides = where[..., :2], where[..., 2:]
    first, last = centres - boxes[..., :2], boxes[..., 2:] - centres
    marks = (points - centres[..., None, :]).flatten(-2)
    return torch.cat([first, last, marks], dim=-1) / strides


@torch.no_grad()
def assign(
    values: Tensor, where: Tensor, boxes: Tensor, points: Tensor, ignored: Tensor
) -> Assigned:
    """Of one picture.

    Args:
        values: (A, 16) that the network says at the cells ``where`` (A, 3).
        boxes, points, ignored: (N, 4), (N, 5, 2) with NaN, bool (N).
    """
    centres, strides = where[:, :2], where[:, 2]
    faces = torch.full((len(where),), BACKGROUND, dtype=torch.int64, device=values.device)
    overlaps = torch.zeros(len(where), device=values.device)
    for box in boxes[ignored]:
        inside = ((centres >= box[:2]) & (centres <= box[2:])).all(dim=1)
        faces[inside] = IGNORED
    numbers = torch.arange(len(boxes), device=values.device)[~ignored]
    own = boxes[~ignored]
    if not len(own):
        return Assigned(faces, overlaps)
    said = decoded(values[None], where)
    common = pairwise(said.boxes[0], own)
    sides = own[:, 2:] - own[:, :2]
    reach = torch.maximum(sides[:, None] / 2, NEAR * strides[:, None])
    reach = torch.minimum(reach, FAR * strides[:, None])
    offsets = (centres - (own[:, None, :2] + own[:, None, 2:]) / 2).abs()
    told = wanted(own[:, None], points[~ignored][:, None], where)
    fits = (told.nan_to_num(0.0).abs() <= LIMIT).all(dim=2)
    fits &= sides.amax(dim=1)[:, None] >= SMALLEST * strides
    candidate = fits & (offsets <= reach).all(dim=2)  # (N, A)
    cost = -said.scores[0].clamp_min(1e-6).log() - OVERLAP_COST * common.T.clamp_min(1e-3).log()
    cost = torch.where(candidate, cost, torch.inf)
    best = torch.where(candidate, common.T, 0.0).topk(min(BEST, len(where)), dim=1).values
    counts = best.sum(dim=1).int().clamp_min(1)
    rank = cost.argsort(dim=1).argsort(dim=1)
    chosen = candidate & (rank < counts[:, None])
    least, face = torch.where(chosen, cost, torch.inf).min(dim=0)
    taken = torch.isfinite(least)
    faces[taken] = numbers[face[taken]]
    overlaps[taken] = common[taken, face[taken]]
    return Assigned(faces, overlaps)


def pairwise(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union (A, N) of boxes (A, 4) and (N, 4)."""
    first = torch.maximum(a[:, None, :2], b[None, :, :2])
    last = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    common = (last - first).clamp_min(0).prod(dim=2)
    areas = [(part[:, 2:] - part[:, :2]).clamp_min(0).prod(dim=1) for part in (a, b)]
    return common / (areas[0][:, None] + areas[1] - common).clamp_min(1e-6)
