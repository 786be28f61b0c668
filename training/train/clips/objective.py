"""The loss of clips: the true classes, and what teachers of any modality say of the same clip."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ...distill import logits
from .made import Teacher
from .recipe import Recipe


class Objective:
    """Terms of the loss by name; ``right`` is the share of the batch that is, and no part of it."""

    def __init__(self, recipe: Recipe, teachers: Sequence[Teacher]):
        self.recipe, self.teachers = recipe, teachers

    def __call__(self, found: Tensor, labels: Tensor, clips: Tensor) -> dict[str, Tensor]:
        """Weighted scalars of logits (N, C) of ``clips``, pixels 0 to 255 at the drawn size."""
        found, options = found.float(), self.recipe.distill
        classes = F.cross_entropy(found, labels, label_smoothing=self.recipe.smoothing)
        terms = {"classes": classes * (options.labels if options else 1.0)}
        if options is not None:
            weights = options.weights or (1.0,) * len(self.teachers)
            said = [teacher(clips).float() for teacher in self.teachers]
            target = logits.softened(said, weights, options.temperature)
            terms["distilled"] = options.weight * logits.divergence(
                found, target, options.temperature
            )
        with torch.no_grad():
            terms["right"] = (found.argmax(1) == labels).float().mean()
        return terms
