"""What a detector loses: objectness, class, boxes and points, by labels and by its teacher."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ...evaluate.detect.yunet import YuNet
from ...models.detector import LOGIT
from .assign import BACKGROUND, IGNORED, assign, wanted
from .batches import Batch
from .recipe import Recipe

SMOOTH = 0.02
"""Share of a face's size below which the error of a point counts squared."""


def eiou(found: Tensor, true: Tensor) -> Tensor:
    """(N) losses of boxes (N, 4): 1 - IoU and the squared errors of centre, width and height, each
    by that of the box around both. Y. Zhang et al., "Focal and Efficient IOU Loss", arXiv
    2101.08158."""
    first, last = torch.maximum(found[:, :2], true[:, :2]), torch.minimum(found[:, 2:], true[:, 2:])
    common = (last - first).clamp_min(0).prod(dim=1)
    sides = [box[:, 2:] - box[:, :2] for box in (found, true)]
    areas = [side.clamp_min(0).prod(dim=1) for side in sides]
    whole = torch.maximum(found[:, 2:], true[:, 2:]) - torch.minimum(found[:, :2], true[:, :2])
    whole = whole.square().clamp_min(1e-6)
    apart = ((found - true).unflatten(1, (2, 2)).sum(dim=1) / 2).square().sum(dim=1)
    stretch = ((sides[0] - sides[1]).square() / whole).sum(dim=1)
    iou = common / (areas[0] + areas[1] - common).clamp_min(1e-6)
    return 1 - iou + apart / whole.sum(dim=1) + stretch


def focal(logits: Tensor, targets: Tensor, power: float) -> Tensor:
    """Cross-entropy with targets in 0..1, by the ``power`` of the error (quality focal loss, arXiv
    2006.04388)."""
    plain = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    if power == 0:
        return plain
    return plain * (logits.sigmoid() - targets).abs().pow(power)


class Objective:
    """The terms of a batch.

    Args:
        where: cells of the views, float32 (A, 3).
        data: folder that the teacher's file is relative to.
    """

    def __init__(self, recipe: Recipe, where: Tensor, data: Path):
        self.options, self.teacher, self.where = recipe.losses, recipe.teacher, where
        self.yunet = YuNet(data / recipe.teacher.file) if recipe.teacher else None

    def __call__(self, values: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Weighted scalars whose sum is lost; ``values`` float32 (B, A, 16), without bounds."""
        terms = self._labels(values, batch)
        if self.yunet is not None:
            terms |= self._taught(values, batch)
        return terms

    def _labels(self, values: Tensor, batch: Batch) -> dict[str, Tensor]:
        weights, where = self.options, self.where
        objects, counted = torch.zeros_like(values[..., 0]), torch.ones_like(values[..., 0])
        rows, cells, boxes, points, overlaps = [], [], [], [], []
        for row, faces in enumerate(batch.faces):
            face, common = assign(values[row].detach(), where, *faces)
            taken = torch.nonzero(face > BACKGROUND)[:, 0]
            counted[row, face == IGNORED] = 0
            objects[row, taken] = 1
            rows.append(torch.full_like(taken, row))
            cells.append(taken)
            boxes.append(faces.boxes[face[taken]])
            points.append(faces.points[face[taken]])
            overlaps.append(common[taken])
        cell, overlap = torch.cat(cells), torch.cat(overlaps)
        true, marks = torch.cat(boxes), torch.cat(points)
        number = max(1, len(cell))
        said, at = values[torch.cat(rows), cell], where[cell]
        told = wanted(true, marks, at)
        sizes = (true[:, 2:] - true[:, :2]).clamp_min(1.0).prod(dim=1).sqrt()[:, None]
        known = torch.isfinite(told[:, 4:])
        share = (said[:, 6:] - told[:, 4:].nan_to_num(0.0)) * at[:, 2:] / sizes
        errors = F.smooth_l1_loss(share, torch.zeros_like(share), reduction="none", beta=SMOOTH)
        edges = torch.tensor([-1.0, -1.0, 1.0, 1.0], device=values.device)
        lost = {
            "object": (counted * focal(LOGIT * values[..., 1], objects, weights.focal)).sum(),
            "cls": F.binary_cross_entropy_with_logits(
                LOGIT * said[:, 0], overlap.clamp(0, 1), reduction="sum"
            ),
            "box": eiou(said[:, 2:6] * edges, told[:, :4] * edges).sum(),
            "points": (errors * known).sum() / 10,
        }
        return {name: getattr(weights, name) * value / number for name, value in lost.items()}

    def _taught(self, values: Tensor, batch: Batch) -> dict[str, Tensor]:
        assert self.yunet is not None and self.teacher is not None
        answer = torch.from_numpy(self.yunet.cells(batch.pixels.cpu().numpy())).to(values.device)
        scores = (answer[..., 0] * answer[..., 1]).clamp(0, 1).sqrt()
        sure = scores * (scores >= self.teacher.sure)
        number = sure.sum().clamp_min(1.0)
        cells = F.binary_cross_entropy_with_logits(
            LOGIT * values[..., :2], answer[..., :2].clamp(0, 1), reduction="none"
        ).sum(dim=2)
        # Far from faces YuNet's class says nothing; its product with objectness does.
        lost = (cells * (scores + 0.05)).sum() / number
        row, cell = torch.nonzero(sure, as_tuple=True)
        if not len(row):
            return {"taught": self.teacher.cells * lost, "places": values.sum() * 0}
        told, at = answer[row, cell], self.where[cell]
        true = wanted(told[:, 2:6], told[:, 6:].unflatten(1, (5, 2)), at)
        sizes = (told[:, 4:6] - told[:, 2:4]).clamp_min(1.0).prod(dim=1).sqrt()[:, None]
        share = (values[row, cell, 2:] - true) * at[:, 2:] / sizes
        errors = F.smooth_l1_loss(share, torch.zeros_like(share), reduction="none", beta=SMOOTH)
        places = (errors.mean(dim=1) * sure[row, cell]).sum() / number
        return {
            "taught": self.teacher.cells * lost,
            "places": self.teacher.places * self.options.points * places,
        }
