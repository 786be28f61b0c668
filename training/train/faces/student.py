"""The student of a recipe: its network, what it starts from, and what it is shown of a batch."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ... import models
from ...data import far
from ...distill import residual, views
from ...models.rim.residual import Residual, architecture
from ...models.stored.checkpoint import read
from ...run import ranks, state
from .recipe import Recipe


def entry(recipe: Recipe) -> models.Entry:
    """The network's: that of ``recipe.model``, or of it and its assistant."""
    if recipe.residual is None:
        return models.entry(recipe.model)
    name = f"{models.entry(recipe.model).name}-residual"
    return models.built(name, architecture(recipe.model, recipe.residual.assistant))


def begin(model: nn.Module, weights: Path) -> None:
    """Loads ``weights`` into ``model``; those of a student alone leave its assistant at random.

    Raises:
        FileNotFoundError, ValueError: as :func:`state.load_weights`.
    """
    alone = isinstance(model, Residual) and not any(
        name.startswith("student.") for name in read(weights)
    )
    if alone:
        assert isinstance(model, Residual)
        state.load_weights(weights, model.student)
    else:
        state.load_weights(weights, model)


def watched(recipe: Recipe, model: nn.Module, tap: residual.Tap | None) -> nn.Module:
    """What a step calls: ``model``, or a student and assistant apart, with their stages."""
    if not isinstance(model, Residual):
        return model
    return residual.Watched(model, tap, recipe.data.size)


def shown(recipe: Recipe, whole: Tensor, step: int, size: int) -> Tensor:
    """Of views (B, 3, H, H) what the student is shown at ``size`` pixels: some from far away.

    With octuplets (2 B, ...): the sharp views, then the far ones.
    """
    seen = whole
    if recipe.far.share:
        table = far.draw(recipe.batch, recipe.seed, step)[ranks.share(recipe.batch)]
        seen = far.seen(whole, far.shots(table, recipe.far))
    return views.shrunk(seen if recipe.octuplet is None else torch.cat([whole, seen]), size)
