"""OSAKD: soft labels from the nearest neighbours in the network's own output space.

M. Tzelepi, A. Tefas, "Online self-acquired knowledge distillation", ICME 2021, arXiv 2108.11798.
With k-nearest-neighbour density estimates p(y) = k / (N V) and p(y | c) = k_c / (N_c V), and the
prior N_c / N, Bayes' rule leaves the posterior P(c | y) = k_c / k: the share of the k neighbours
that carry label c. No teacher, and one distance matrix more per step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def soft_labels(
    outputs: Tensor,
    labels: Tensor,
    classes: int,
    neighbours: int,
    bank: tuple[Tensor, Tensor] | None = None,
    *,
    include_self: bool = False,
) -> Tensor:
    """Float32 (B, classes): k_c / k of each row's nearest neighbours; no gradient.

    Args:
        outputs: (B, D); neighbours are nearest in Euclidean distance.
        labels: int64 (B).
        bank: outputs (M, D) and labels (M) of earlier batches, searched too. With many classes a
            batch seldom holds two of one class, and k_c of the true class would be 0.
        include_self: count the row itself. Off by default: it would leak the hard label, which the
            cross-entropy beside this loss has already.

    Raises:
        ValueError: fewer candidates than ``neighbours``.
    """
    with torch.no_grad():
        rows = outputs.detach().float()
        pool, pool_labels = rows, labels
        if bank is not None and len(bank[0]):
            pool, pool_labels = torch.cat([rows, bank[0].float()]), torch.cat([labels, bank[1]])
        if neighbours > len(pool) - (not include_self):
            raise ValueError(
                f"neighbours: {neighbours} asked for among {len(pool)} rows; enlarge the batch or "
                "the queue, or lower neighbours (about twice batch / classes is informative)"
            )
        distance = torch.cdist(rows, pool)
        if not include_self:
            distance.diagonal().fill_(torch.inf)
        nearest = distance.topk(neighbours, largest=False).indices
        shares = torch.zeros(len(rows), classes, device=rows.device)
        ones = torch.full(nearest.shape, 1.0 / neighbours, device=rows.device)
        return shares.scatter_add_(1, pool_labels[nearest], ones)


def divergence(logits: Tensor, target: Tensor, kind: str = "mse") -> Tensor:
    """How far softmax(logits) (B, C) is from ``target`` (B, C), averaged over the batch.

    ``mse``: squared error summed over classes, as in the paper; ``kl``: KL(target || softmax).
    """
    if kind == "kl":
        return F.kl_div(F.log_softmax(logits.float(), dim=1), target, reduction="batchmean")
    return (logits.float().softmax(dim=1) - target).square().sum(dim=1).mean()


class Queue(nn.Module):
    """The last ``size`` outputs and labels, oldest first out; part of a resume point.

    They stay on the device they were computed on, and follow the module to another.
    """

    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.outputs: Tensor | None
        self.labels: Tensor | None
        # Buffers for the sake of ``to``; load_state_dict could not: their length varies.
        self.register_buffer("outputs", None, persistent=False)
        self.register_buffer("labels", None, persistent=False)

    @property
    def bank(self) -> tuple[Tensor, Tensor] | None:
        """What ``soft_labels`` searches, or None while empty."""
        return None if self.outputs is None or self.labels is None else (self.outputs, self.labels)

    def get_extra_state(self) -> list[Tensor]:
        """The bank, for ``state_dict``."""
        return list(self.bank or ())

    def set_extra_state(self, state: list[Tensor]) -> None:
        """The bank of a ``state_dict``."""
        self.outputs, self.labels = state or (None, None)

    def push(self, outputs: Tensor, labels: Tensor) -> None:
        """Appends a batch (no gradient is kept)."""
        rows = outputs.detach().float()
        if self.outputs is None or self.labels is None:
            self.outputs, self.labels = rows[-self.size :], labels[-self.size :]
            return
        self.outputs = torch.cat([self.outputs, rows])[-self.size :]
        self.labels = torch.cat([self.labels, labels])[-self.size :]
