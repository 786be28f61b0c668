"""Octuplet loss: triplets among sharp faces, among small ones, and across the two.

M. Knoche, M. Elkadeem, S. Hoermann, G. Rigoll, "Octuplet loss: make face recognition robust to
image resolution", FG 2023, arXiv 2207.06726. Of each face a sharp (h) and a small (l) view, and

    L = T_hhh + T_hll + T_lhh + T_lll,   T_xyz = mean_a max(0, d(a_x, p_y) - d(a_x, n_z) + margin)

with the farthest positive p and the nearest negative n of the batch for each anchor a, d Euclidean.

What was chosen here: embeddings are of norm 1 (so that ``margin`` means the same for any network);
an anchor's own other view is no positive, as in the paper; anchors without another face of their
person in the batch are left out, where a positive distance of 0 would stand for them otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def octuplet(sharp: Tensor, small: Tensor, labels: Tensor, margin: float = 0.5) -> Tensor:
    """A scalar, in float32; 0 where no anchor has a positive and a negative.

    Args:
        sharp, small: (B, D), any norm, of the same faces in the same order.
        labels: int64 (B).
    """
    rows = [F.normalize(view.float(), dim=1) for view in (sharp, small)]
    same = labels[:, None] == labels[None]
    positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    counted = positive.any(dim=1) & (~same).any(dim=1)
    share = counted.float() / counted.sum().clamp_min(1)
    total = sharp.new_zeros((), dtype=torch.float32)
    for anchors in rows:
        for others in rows:
            # The square root has no derivative at 0, where two embeddings are one.
            distance = (2 - 2 * anchors @ others.T).clamp_min(1e-8).sqrt()
            farthest = distance.masked_fill(~positive, -torch.inf).amax(dim=1)
            nearest = distance.masked_fill(same, torch.inf).amin(dim=1)
            excess = (farthest - nearest + margin).clamp_min(0)
            total = total + (excess.where(counted, 0.0) * share).sum()
    return total
