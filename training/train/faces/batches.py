"""Batches by step number: which pictures, drawn how, the same after a resume and on any ranks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...data.degrade import Degrade, degrade
from ...data.order import Order
from ...run import ranks


@dataclass(frozen=True)
class Batch:
    """This rank's rows: pictures and blend partners uint8 (B, H, W, 3), labels and indices (B)."""

    first: Tensor
    second: Tensor | None
    labels: Tensor
    indices: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``, all but the indices: what they look up is on the host."""
        first, labels = (v.to(device, non_blocking=True) for v in (self.first, self.labels))
        second = None if self.second is None else self.second.to(device, non_blocking=True)
        return Batch(first, second, labels, self.indices)

    def pin_memory(self) -> Batch:
        """The same in page-locked memory; the DataLoader calls it, ahead of the loop."""
        second = None if self.second is None else self.second.pin_memory()
        return Batch(self.first.pin_memory(), second, self.labels.pin_memory(), self.indices)


UNTOUCHED = Degrade()

Key = tuple[int, int, int, int]
"""A picture's index, its blend partner's, the step, and the row in the whole batch."""


class _Pictures(Dataset):
    def __init__(self, pictures: Any, pairs: bool, seed: int, options: Degrade):
        self.pictures, self.pairs, self.seed, self.options = pictures, pairs, seed, options

    def __len__(self) -> int:
        return len(self.pictures.labels)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor | None, int, int]:
        own, other, step, row = key
        first = self._picture(own, step, row, 0)
        second = self._picture(other, step, row, 1) if self.pairs else None
        return first, second, int(self.pictures.labels[own]), own

    def _picture(self, index: int, step: int, row: int, which: int) -> Tensor:
        picture = self.pictures.image(index)
        if self.options.active:
            random = np.random.default_rng([self.seed, step, row, which, 2])
            picture = degrade(picture, self.options, random)
        return torch.from_numpy(np.array(picture))


def _collate(items: list[tuple[Tensor, Tensor | None, int, int]]) -> Batch:
    first, second, labels, indices = zip(*items, strict=True)
    return Batch(
        torch.stack(first),
        torch.stack(second) if second[0] is not None else None,
        torch.tensor(labels),
        torch.tensor(indices),
    )


class _Steps:
    """The sampler: for each step from ``start`` on, this rank's keys."""

    def __init__(self, order: Order, batch: int, start: int, stop: int):
        self.order, self.batch = order, batch
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[list[Key]]:
        rows = ranks.share(self.batch)
        for step in range(self.start, self.stop):
            own, partners = (
                draw(self.batch, step) for draw in (self.order.rows, self.order.partners)
            )
            places = range(self.batch)[rows]
            yield [(int(own[row]), int(partners[row]), step, row) for row in places]

    def __len__(self) -> int:
        return self.stop - self.start


def batches(
    pictures: Any,
    batch: int,
    seed: int,
    start: int,
    stop: int,
    *,
    pairs: bool,
    workers: int,
    options: Degrade = UNTOUCHED,
    pin: bool = False,
    together: int = 1,
) -> Iterator[Batch]:
    """Batches of steps ``start`` to ``stop - 1``.

    Args:
        pairs: read a blend partner for each row.
        options: what is done to single pictures.
        pin: into page-locked memory, which a GPU copies from while the host goes on.
        together: see :class:`Order`.
    """
    order = Order(pictures.weights, seed, pictures.labels, together)
    loader: DataLoader = DataLoader(
        _Pictures(pictures, pairs, seed, options),
        batch_sampler=_Steps(order, batch, start, stop),
        num_workers=workers,
        collate_fn=_collate,
        persistent_workers=workers > 0,
        pin_memory=pin,
    )
    return iter(loader)


def resident(
    pictures: Any,
    batch: int,
    seed: int,
    start: int,
    stop: int,
    *,
    pairs: bool,
    device: torch.device,
) -> Iterator[Batch]:
    """The batches of :func:`batches` from a copy of all pictures on ``device``."""
    crops = torch.from_numpy(np.array(pictures.crops())).to(device)
    labels = torch.from_numpy(np.array(pictures.labels)).to(device)
    share, order = ranks.share(batch), Order(pictures.weights, seed)
    for step in range(start, stop):
        own, partners = (
            torch.from_numpy(draw(batch, step)[share]) for draw in (order.rows, order.partners)
        )
        there = own.to(device, non_blocking=True)
        second = crops[partners.to(device, non_blocking=True)] if pairs else None
        yield Batch(crops[there], second, labels[there], own)
