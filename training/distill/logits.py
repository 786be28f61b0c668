"""Distillation of class scores from one teacher or several, such as those of other modalities.

G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015, arXiv
1503.02531; with VTN's numbers (arXiv 1905.08711): ``0.4 T^2 KL(teacher || student)`` at T = 8.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 8.0


def softened(logits: Sequence[Tensor], weights: Sequence[float], temperature: float) -> Tensor:
    """The teachers' opinion: the weighted mean (N, C) of their softened probabilities.

    The gradient of ``KL(mean || student)`` is that of the weighted mean of each teacher's own KL:
    they differ by what the teachers disagree among themselves, in which no student has a part.
    """
    total = sum(weights)
    parts = [
        w / total * F.softmax(x / temperature, 1) for x, w in zip(logits, weights, strict=True)
    ]
    return torch.stack(parts).sum(0)


def divergence(student: Tensor, target: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """``T^2 KL(target || student)``, the mean over the batch.

    Args:
        student: logits (N, C).
        target: probabilities (N, C) that were softened by the same temperature.
    """
    own = F.log_softmax(student / temperature, 1)
    return temperature**2 * F.kl_div(own, target, reduction="batchmean")
