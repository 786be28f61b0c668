"""People whom a recipe keeps from training, and how well an embedder verifies them by size.

Each is compared, by two views drawn as the recipe draws its own, with everybody: one sharp as a
gallery has it, one of so many pixels. Two views of one picture are more alike than two pictures, so
that the figures rank embedders of few pixels and are no forecast of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import far
from ..data.pictures import stack
from ..distill import views
from ..evaluate.faces import groups
from ..train.faces.recipe import Recipe

BATCH = 32
SHARP = 0
"""In place of a size: the view is not shrunk."""
GALLERY = 1000
"""Added to the steps of the gallery's views, so that none is a probe's."""
STEPS = 2000
"""Thresholds tried among the upper half of the strangers' scores."""


def people(recipe: Recipe, data: Path, most: int) -> NDArray[np.uint8]:
    """Sharp crops (N, H, W, 3) of those who are there with one picture and kept from training.

    Args:
        data: the folder that the recipe's names start from.
        most: people, drawn by the recipe's seed.

    Raises:
        ValueError: the recipe keeps nobody aside.
        FileNotFoundError: a list or a picture is missing.
    """
    found = [
        data / source.root / row["path"]
        for source in recipe.data.sources
        if source.aside and source.list
        for row in groups.kept(data / source.list)
        if groups.names(row["source"], row["origin"])
    ]
    if len(found) < 2:
        raise ValueError(
            "data.sources: no source with aside = true has one picture a person (aaf, utk): nobody "
            "is left to choose by"
        )
    order = np.random.default_rng([recipe.seed, 22]).permutation(len(found))[:most]
    return stack((found[i], str(found[i])) for i in np.sort(order))


def view(recipe: Recipe, crops: NDArray[np.uint8], size: int, step: int) -> Tensor:
    """Float32 (B, 3, H, W) in [-1, 1]: ``crops`` moved, relit and ``size`` pixels wide."""
    count = len(crops)
    # Blends of two faces are nobody; halves of them would be asked for under one name.
    reach = replace(recipe.views, compose=0.0)
    made = views.make(torch.from_numpy(crops), None, views.draw(count, recipe.seed, step), reach)
    if size == SHARP:
        return made
    options = replace(recipe.far, share=1.0, smallest=size, largest=size)
    return far.seen(made, far.shots(far.draw(count, recipe.seed, step), options))


@torch.no_grad()
def embedded(
    models: Sequence[nn.Module], recipe: Recipe, crops: NDArray[np.uint8], size: int, first: int = 0
) -> list[NDArray[np.float32]]:
    """Unit (N, D) of views of all ``crops`` by each model; all models see the same ones.

    Args:
        first: step of the first batch's draws.
    """
    rows: list[list[Tensor]] = [[] for _ in models]
    for step, start in enumerate(range(0, len(crops), BATCH)):
        seen = view(recipe, crops[start : start + BATCH], size, first + step)
        seen = seen.contiguous(memory_format=torch.channels_last)
        for model, own in zip(models, rows, strict=True):
            own.append(F.normalize(model(seen).float(), dim=1))
    return [torch.cat(own).numpy() for own in rows]


def accuracy(cosine: NDArray[np.float32]) -> float:
    """The highest mean of the shares of pairs told rightly, of one person and of strangers.

    Args:
        cosine: (N, N), of each probe with everybody; its own on the diagonal.
    """
    count = len(cosine)
    genuine = np.sort(np.diag(cosine))
    others = np.sort(cosine[~np.eye(count, dtype=bool)])
    tried = np.concatenate([genuine, np.quantile(others, np.linspace(0.5, 1, STEPS))])
    accepted = 1 - np.searchsorted(genuine, tried) / count
    refused = np.searchsorted(others, tried) / len(others)
    return float(((accepted + refused) / 2).max())
