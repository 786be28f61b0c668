"""Batches of views by step number: which pictures, drawn how, the same after a resume."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...data.degrade import degrade
from ...data.detect import Faces, views
from ...data.detect.crops import pasted, usual_box
from ...data.detect.store import Store
from ...data.order import Order, Steps
from .recipe import Recipe


class Truth(NamedTuple):
    """Faces of a view: (N, 4), (N, 5, 2) with NaN, bool (N)."""

    boxes: Tensor
    points: Tensor
    ignored: Tensor


class Batch(NamedTuple):
    """Uint8 RGB (B, H, W, 3), and the faces of each view."""

    pixels: Tensor
    faces: list[Truth]

    def to(self, device: torch.device) -> Batch:
        """On ``device``."""
        faces = [Truth(*(part.to(device) for part in one)) for one in self.faces]
        return Batch(self.pixels.to(device), faces)


Key = tuple[int, int, int]
"""A picture's index, the step, and the row in the batch."""


class Drawn(Dataset):
    """Views of pictures; what is drawn hangs on seed, step and row alone."""

    def __init__(self, recipe: Recipe, faces: Faces, data: Path, out: Path, size: tuple[int, int]):
        self.recipe, self.faces, self.size = recipe, faces, size
        self.store = Store(
            out / "pictures.cache", [faces.picture(index) for index in range(len(faces))]
        )
        self.crops = [
            path
            for root in recipe.data.crops
            for path in sorted((data / root).rglob("*"))
            if path.suffix.lower() in (".jpg", ".png", ".webp")
        ]
        if recipe.data.crops and not self.crops:
            raise FileNotFoundError(f"{data / recipe.data.crops[0]}: no pictures below it")
        self.box = usual_box(list(faces.labels), recipe.data.boxes) if self.crops else None

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, key: Key) -> tuple[NDArray[np.uint8], views.View]:
        first, step, row = key
        random = np.random.default_rng([self.recipe.seed, step, row])
        height, width = self.size
        rectangles = views.tiles(height, width, self.recipe.views, random)
        more = random.integers(0, len(self), len(rectangles))
        items = [
            (tile, self._item(first if place == 0 else int(other), random))
            for place, (tile, other) in enumerate(zip(rectangles, more, strict=True))
        ]
        view = views.drawn(items, height, width, self.recipe.views, random)
        return degrade(view.pixels, self.recipe.degrade, random), view

    def _item(self, index: int, random: np.random.Generator) -> views.Item:
        labels = self.faces.labels[index]
        _, height, width = self.store.places[index][0]
        empty = not len(labels.boxes)
        if empty and self.box is not None and random.random() < self.recipe.views.pasted:
            with Image.open(self.crops[int(random.integers(len(self.crops)))]) as image:
                crop = np.asarray(image.convert("RGB"))
            whole = self.store.at(index, 1.0)[0]
            side = random.uniform(60, 160)
            pixels, labels = pasted(whole, crop, self.box, side, random)
            return views.Item(lambda scale: _reduced(pixels, scale), (height, width), labels)
        return views.Item(lambda scale: self.store.at(index, scale), (height, width), labels)


def _reduced(pixels: NDArray[np.uint8], scale: float) -> tuple[NDArray[np.uint8], float, float]:
    """A picture by scale, of one that is not in the store."""
    factor = max(1, int(1 / scale))
    height, width = pixels.shape[:2]
    small = np.asarray(Image.fromarray(pixels).reduce(factor))
    return small, small.shape[1] / width, small.shape[0] / height


def batches(drawn: Drawn, start: int, stop: int) -> Iterator[Batch]:
    """Batches of steps ``start`` to ``stop - 1``."""
    recipe = drawn.recipe
    loader: DataLoader = DataLoader(
        drawn,
        batch_sampler=Steps(Order(np.ones(len(drawn)), recipe.seed), recipe.batch, start, stop),
        num_workers=recipe.data.workers,
        collate_fn=_collate,
        persistent_workers=recipe.data.workers > 0,
    )
    return iter(loader)


def _collate(items: list[tuple[NDArray[np.uint8], views.View]]) -> Batch:
    faces = [
        Truth(*(torch.from_numpy(part) for part in (view.boxes, view.points, view.ignored)))
        for _, view in items
    ]
    return Batch(torch.from_numpy(np.stack([pixels for pixels, _ in items])), faces)
