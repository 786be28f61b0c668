"""Margin softmax over identities: ArcFace, CosFace and their combination."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..run.device import autocast


@dataclass(frozen=True)
class Margin:
    """``s (cos(m1 theta + m2) - m3)`` for the true class, ``s cos(theta)`` for the others.

    ArcFace (arXiv 1801.07698), eq. 4. Past ``m1 theta + m2 = pi`` the cosine would rise again;
    there the line ``cos(theta) - m2 sin(m2)`` goes on falling, the hard margin that PocketNet
    trains with.
    """

    m1: float = 1.0
    m2: float = 0.0
    m3: float = 0.0
    scale: float = 64.0

    @classmethod
    def arcface(cls, m2: float = 0.5, scale: float = 64.0) -> Margin:
        """arXiv 1801.07698, m = 0.5."""
        return cls(m2=m2, scale=scale)

    @classmethod
    def cosface(cls, m3: float = 0.35, scale: float = 64.0) -> Margin:
        """arXiv 1801.09414, m = 0.35."""
        return cls(m3=m3, scale=scale)

    @classmethod
    def softmax(cls, scale: float = 64.0) -> Margin:
        """Normalised softmax without a margin."""
        return cls(scale=scale)

    def target(self, cosine: Tensor) -> Tensor:
        """``cos(m1 theta + m2) - m3`` of cosines in [-1, 1], float32; gradients are finite."""
        cosine = cosine.float().clamp(-1.0, 1.0)
        if self.m1 == 1.0 and self.m2 == 0.0:
            return cosine - self.m3
        if self.m1 == 1.0:
            # The root's slope is infinite at the ends; there theta does not depend on the cosine.
            sine = (1 - cosine.square()).clamp_min(1e-7).sqrt()
            turned = cosine * math.cos(self.m2) - sine * math.sin(self.m2)
            falling = cosine - self.m2 * math.sin(self.m2)
            return torch.where(cosine > -math.cos(self.m2), turned, falling) - self.m3
        theta = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6))
        angle = self.m1 * theta + self.m2
        # Beyond pi a line in theta of the slope that keeps the whole falling.
        past = -1 - (angle - math.pi)
        return torch.where(angle < math.pi, torch.cos(angle), past) - self.m3

    def logits(self, cosine: Tensor, labels: Tensor) -> Tensor:
        """Scaled float32 logits of cosines (B, C); labels int64 (B), -1: no true class here."""
        cosine = cosine.float().clamp(-1.0, 1.0)
        rows = labels >= 0
        own = cosine.gather(1, labels.clamp_min(0).view(-1, 1))
        change = (self.target(own) - own) * rows.view(-1, 1)
        return self.scale * cosine.scatter_add(1, labels.clamp_min(0).view(-1, 1), change)


class MarginHead(nn.Module):
    """Class centres and the cross-entropy of their margin logits.

    Args:
        embedding: D.
        classes: C; centres are N(0, 0.01) at first, as in PocketNet's code.
    """

    def __init__(self, embedding: int, classes: int, margin: Margin):
        super().__init__()
        self.margin = margin
        self.weight = nn.Parameter(torch.empty(classes, embedding).normal_(0, 0.01))

    def cosines(self, embedding: Tensor) -> Tensor:
        """Float32 (B, C) between embeddings (B, D) and centres."""
        check_embedding(embedding, self.weight)
        with autocast(embedding.device, enabled=False):
            return F.normalize(embedding.float()) @ F.normalize(self.weight.float()).T

    def logits(self, embedding: Tensor) -> Tensor:
        """Scaled cosines (B, C) without a margin: the network's output at test time."""
        return self.margin.scale * self.cosines(embedding)

    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy, a float32 scalar.

        Raises:
            ValueError: another embedding size, or a label outside 0 .. C - 1.
        """
        check_labels(labels, len(self.weight))
        return F.cross_entropy(self.margin.logits(self.cosines(embedding), labels), labels)


def check_labels(labels: Tensor, classes: int) -> None:
    """Raises ValueError where a label is outside 0 .. classes - 1; on CPUs only.

    To look at labels on a GPU the host would wait for it in every step, and a set numbers its
    labels from 0 when it is opened.
    """
    if labels.device.type != "cpu":
        return
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(
            f"labels: expected 0 to {classes - 1}, got {int(labels.min())} to "
            f"{int(labels.max())}; the head was built for another set of people"
        )


def check_embedding(embedding: Tensor, weight: Tensor) -> None:
    """Raises ValueError where (B, D) and the centres (C, D) differ in D."""
    if embedding.ndim != 2 or embedding.shape[1] != weight.shape[1]:
        raise ValueError(
            f"embedding: expected (B, {weight.shape[1]}), got {tuple(embedding.shape)}"
        )
