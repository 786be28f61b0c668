"""PartialFC: class centres sharded over ranks, softmax over all of them, optionally sampled."""

from __future__ import annotations

import itertools

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from ..run import ranks
from ..run.device import autocast
from .margin import Margin, check_embedding, check_labels


class PartialFC(nn.Module):
    """Each rank holds a contiguous shard of the centres and sees the whole batch.

    An et al., "Partial FC: Training 10 Million Identities on a Single Machine", arXiv 2010.05222.
    The softmax's denominator is summed over ranks; nothing of size B x C is ever sent. With
    ``sampling`` below 1 a step uses the batch's own classes and a random part of the others.

    Gradients: the loss is the mean over the whole batch, the same on every rank. A shard's
    gradient is complete on its rank and must not be averaged; the embedding's gradient sums what
    all shards send back, times the ranks, so that the average of DistributedDataParallel is the
    one-process gradient.
    """

    def __init__(self, embedding: int, classes: int, margin: Margin, sampling: float = 1.0):
        super().__init__()
        if not 0 < sampling <= 1:
            raise ValueError(f"sampling: expected a share in (0, 1], got {sampling}")
        self.margin, self.classes, self.sampling = margin, classes, sampling
        self.world = ranks.world()
        self.bounds = [classes * n // self.world for n in range(self.world + 1)]
        self.first, last = self.bounds[ranks.rank() : ranks.rank() + 2]
        # Drawn whole and cut, so that any number of ranks starts from the same centres.
        centres = torch.empty(classes, embedding).normal_(0, 0.01)
        self.weight = nn.Parameter(centres[self.first : last].clone())

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy over all ranks' rows; embedding (B, D) and labels (B) of this rank.

        Raises:
            ValueError: another embedding size, or a label outside 0 .. classes - 1.
        """
        check_embedding(embedding, self.weight)
        rows, wanted = embedding.float(), ranks.gathered(labels)
        if self.world > 1:
            # Forward unchanged, gradient times the ranks: see the class's docstring.
            rows = rows * self.world - (rows * (self.world - 1)).detach()
            rows = ranks.gathered(rows)
        check_labels(wanted, self.classes)
        local = wanted - self.first
        local = torch.where((local >= 0) & (local < len(self.weight)), local, -1)
        weight, local = self._sampled(local)
        with autocast(rows.device, enabled=False):
            cosine = F.normalize(rows) @ F.normalize(weight.float()).T
        logits = self.margin.logits(cosine, local)
        return _cross_entropy(logits, local, self.world)

    def _sampled(self, local: Tensor) -> tuple[Tensor, Tensor]:
        """The centres of this step and the labels as rows of them."""
        if self.sampling == 1:
            return self.weight, local
        count = len(self.weight)
        wanted = max(1, round(self.sampling * count))
        positive = local[local >= 0].unique()
        if len(positive) >= count:
            return self.weight, local
        draw = torch.rand(count).to(local.device)
        draw[positive] = 2.0
        chosen = draw.topk(max(wanted, len(positive))).indices.sort().values
        place = torch.full((count + 1,), -1, device=local.device)
        place[chosen] = torch.arange(len(chosen), device=local.device)
        return self.weight[chosen], place[local]

    def whole(self, shard: Tensor) -> Tensor:
        """All rows (classes, D) of which ``shard`` is this rank's, for a checkpoint; collective.

        They meet on the host: a head is sharded because no GPU has room for the whole.
        """
        sizes = [end - first for first, end in itertools.pairwise(self.bounds)]
        # Ranks gather equal shares only: shorter shards are padded, and cut again.
        widest = torch.zeros(max(sizes), shard.shape[1])
        widest[: len(shard)] = shard.detach().cpu()
        parts = ranks.gathered(widest).split(max(sizes))
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    def shard(self, whole: Tensor) -> Tensor:
        """This rank's rows of ``whole`` (classes, D), whatever number of ranks wrote it.

        Raises:
            ValueError: another number of classes or embedding size.
        """
        if whole.shape != (self.classes, self.weight.shape[1]):
            raise ValueError(
                f"centres: expected {(self.classes, self.weight.shape[1])}, got "
                f"{tuple(whole.shape)}; they are of another set of people or embedding"
            )
        return whole[self.first : self.first + len(self.weight)].clone()


def _cross_entropy(logits: Tensor, local: Tensor, world: int) -> Tensor:
    """Mean over rows of logsumexp over all ranks' logits minus the true class's logit."""
    top = logits.detach().amax(1) if logits.shape[1] else logits.new_full((len(logits),), -1e30)
    if world > 1:
        dist.all_reduce(top, dist.ReduceOp.MAX)
    total = (logits - top.view(-1, 1)).exp().sum(1)
    own = logits.gather(1, local.clamp_min(0).view(-1, 1)).view(-1) - top
    own = torch.where(local >= 0, own, torch.zeros_like(own))
    if world > 1:
        total, own = _summed(total), _summed(own)
    return (total.log() - own).mean()


def _summed(value: Tensor) -> Tensor:
    """The sum over ranks; each rank's gradient is that of its own summand."""
    whole = value.detach().clone()
    dist.all_reduce(whole)
    return value + (whole - value.detach())
