"""Template distillation: the student's unit embedding regresses the teacher's."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ..losses.embedding import check_shapes


def template(student: Tensor, teacher: Tensor, weight: float = 100.0) -> Tensor:
    """``weight * mean((s / |s| - t / |t|)^2)`` over batch and dimensions, in float32.

    PocketNet, arXiv 2108.10710, eq. 3, with the paper's weight 100: an untrained student,
    orthogonal to its teacher, starts at ``200 / D``.

    Args:
        student, teacher: (B, D), any norm.
    """
    check_shapes(student, teacher)
    return weight * F.mse_loss(
        F.normalize(student.float(), dim=1), F.normalize(teacher.float(), dim=1)
    )


def angular(student: Tensor, teacher: Tensor, weight: float = 7.0) -> Tensor:
    """``weight * mean(|s / |s| - t / |t||^2)`` over the batch, that is ``2 weight (1 - cos)``.

    The angular distillation loss of VarGFaceNet, arXiv 1910.04985, eq. 3, with alpha = 7.
    """
    check_shapes(student, teacher)
    return weight * 2 * (1 - F.cosine_similarity(student.float(), teacher.float(), dim=1)).mean()
