"""People whom a recipe keeps from training, and how often an embedder finds them by their views.

Each is asked for among all by a view of so many pixels, drawn as the recipe draws its own; what is
searched are the teacher's embeddings of the sharp pictures, along the directions that the student
learnt. The student's own sharp embeddings would let it agree with itself on what it has forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import far
from ..data.pictures import stack
from ..distill import teacher, views
from ..evaluate.faces import groups
from ..models.stored.checkpoint import shipped_directions
from ..run import pictures
from ..train.faces.recipe import SHIPPED, Recipe

BATCH = 32
SHARP = 0
"""In place of a size: the view is not shrunk."""


@dataclass(frozen=True)
class People:
    """Sharp crops, uint8 (N, H, W, 3), and the teacher's unit embeddings of them (N, D)."""

    crops: np.ndarray
    known: Tensor


def people(recipe: Recipe, data: Path, embedding: int, most: int) -> People:
    """Of the recipe's sources those of one picture a person that training keeps aside.

    Args:
        data: the folder that the recipe's names start from.
        embedding: values of the student's embedding.
        most: people, the first in the order of the lists' names by seed of the recipe.

    Raises:
        ValueError: the recipe keeps nobody aside, or has no single teacher.
        FileNotFoundError: a list, picture or teacher is missing.
    """
    options = recipe.embedding
    if options is None or len(options.teachers) != 1 or options.directions is None:
        raise ValueError("embedding: expected one teacher, and directions that the student learnt")
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
    crops = stack((found[i], str(found[i])) for i in np.sort(order))
    ask = teacher.open_teacher(options.teachers[0], data)
    planes = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    known = torch.cat([ask(part.float()) for part in planes.split(BATCH)]).cpu()
    file = shipped_directions() if options.directions == SHIPPED else data / options.directions
    along = torch.from_numpy(teacher.directions(file, known.shape[1], embedding))
    return People(crops, teacher.project(known, along))


def view(recipe: Recipe, crops: np.ndarray, size: int, step: int) -> Tensor:
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
def found(
    models: Sequence[nn.Module], recipe: Recipe, whom: People, size: int
) -> list[tuple[float, float]]:
    """Of each model: the share of people found first, and the mean cosine to their own embedding.

    All models see the same views.
    """
    rows: list[list[Tensor]] = [[] for _ in models]
    for step, start in enumerate(range(0, len(whom.crops), BATCH)):
        seen = view(recipe, whom.crops[start : start + BATCH], size, step)
        seen = seen.contiguous(memory_format=torch.channels_last)
        for model, own in zip(models, rows, strict=True):
            own.append(F.normalize(model(seen).float(), dim=1))
    each = [torch.cat(own) @ whom.known.T for own in rows]
    right = torch.arange(len(whom.crops))
    return [
        (float((cosine.argmax(1) == right).float().mean()), float(cosine.diagonal().mean()))
        for cosine in each
    ]


def trained_on(recipe: Recipe, data: Path, count: int) -> list[Tensor]:
    """Batches of views of ``count`` pictures that the recipe trains on, as it shows them."""
    faces = pictures.open_set(replace(recipe.data, cache=False), data, data)
    rows = np.random.default_rng([recipe.seed, 23]).permutation(len(faces.labels))[:count]
    crops = np.stack([faces.image(int(row)) for row in rows])
    made = []
    for step, start in enumerate(range(0, len(crops), BATCH)):
        part = crops[start : start + BATCH]
        table = views.draw(len(part), recipe.seed, step)
        sharp = views.make(torch.from_numpy(part), None, table, replace(recipe.views, compose=0.0))
        shots = far.shots(far.draw(len(part), recipe.seed, step), recipe.far)
        made.append(far.seen(sharp, shots).contiguous(memory_format=torch.channels_last))
    return made
