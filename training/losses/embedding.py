"""Regression of a teacher's embedding: the direction of each and the geometry of the batch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def check_shapes(student: Tensor, teacher: Tensor) -> None:
    """Raises ValueError where the two (B, D) differ in shape."""
    if student.shape != teacher.shape:
        raise ValueError(
            f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)} differ; project "
            "the teacher's embeddings to the student's size"
        )


def embedding_regression(
    student: Tensor, teacher: Tensor, direction: float = 4.0, relation: float = 10.0
) -> Tensor:
    """``direction (1 - cos) + relation MSE(S S^T, T T^T)``, a scalar, in float32.

    The first term is the PocketNet KD loss (arXiv 2108.10710, eq. 3: 100 MSE of unit vectors) up to
    scale: ``|s - t|^2 = 2 (1 - cos)``. The second compares the similarity matrices of the batch
    (relational KD, Park et al. 2019, distance-wise term).

    Args:
        student: (B, D), any norm.
        teacher: (B, D), unit norm.
    """
    check_shapes(student, teacher)
    unit = F.normalize(student.float(), dim=1)
    cosine = (unit * teacher).sum(dim=1)
    similarity = F.mse_loss(unit @ unit.T, teacher @ teacher.T)
    return direction * (1 - cosine).mean() + relation * similarity
