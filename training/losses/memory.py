"""A memory of a teacher's embeddings: a student's place among thousands of faces, not a batch's.

Batches of 128 rarely hold two strangers who are alike, and those decide the true accept rate at
low false accept rates. Both terms compare a student's cosines to remembered teacher embeddings
``M`` with the teacher's own, which needs no label: ``S M^T`` should be ``T M^T``. The first term is
relational distillation (Park et al., CVPR 2019, distance-wise) with a queue in place of the batch
(He et al., MoCo, CVPR 2020); the second looks at the worst excess only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .embedding import check_shapes


class Memory(nn.Module):
    """The last ``size`` rows of width ``dimension`` pushed; part of a resume point.

    Raises:
        ValueError: ``size`` below 1.
    """

    def __init__(self, size: int, dimension: int):
        super().__init__()
        if size < 1:
            raise ValueError(f"memory: expected at least 1 row, got {size}")
        self.stored: Tensor
        self.register_buffer("stored", torch.zeros(size, dimension))
        self.pushed = 0

    @property
    def rows(self) -> Tensor:
        """(M, D), M up to ``size``; a copy, as a loss still needs it when rows are pushed."""
        return self.stored[: min(self.pushed, len(self.stored))].clone()

    def get_extra_state(self) -> int:
        """How many rows were pushed, for ``state_dict``."""
        return self.pushed

    def set_extra_state(self, state: int) -> None:
        """That of a ``state_dict``."""
        self.pushed = state

    @torch.no_grad()
    def push(self, rows: Tensor) -> None:
        """Stores (B, D), in place of the oldest; of more than ``size`` the last."""
        size = len(self.stored)
        kept = rows.detach()[-size:].float()
        first = self.pushed + len(rows) - len(kept)
        places = (first + torch.arange(len(kept), device=kept.device)) % size
        self.stored[places] = kept.to(self.stored.device)
        self.pushed += len(rows)


def relation(student: Tensor, teacher: Tensor, memory: Tensor) -> Tensor:
    """Mean squared difference of the cosines to ``memory``, a scalar.

    Args:
        student: (B, D), any norm.
        teacher: (B, D), unit norm.
        memory: (M, D), unit norm; without rows the term is 0.
    """
    check_shapes(student, teacher)
    if not len(memory):
        return student.sum() * 0
    return F.mse_loss(_unit(student) @ memory.T, teacher @ memory.T)


def impostors(student: Tensor, teacher: Tensor, memory: Tensor, hardest: int) -> Tensor:
    """Mean squared excess of the ``hardest`` most similar remembered faces of each row.

    A student's cosine to them above its teacher's is what makes a stranger pass; one that is too
    low costs nothing here, so that a second view of the same person is not pushed away.

    Args:
        student, teacher, memory: as in :func:`relation`.
    """
    check_shapes(student, teacher)
    if not len(memory):
        return student.sum() * 0
    cosine, nearest = (_unit(student) @ memory.T).topk(min(hardest, len(memory)), dim=1)
    wanted = (teacher @ memory.T).gather(1, nearest)
    return (cosine - wanted).clamp_min(0).square().mean()


def _unit(rows: Tensor) -> Tensor:
    return F.normalize(rows.float(), dim=1)
