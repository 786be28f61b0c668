"""Batches by step number: which pictures, drawn how, the same after a resume and on any ranks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .. import ranks


@dataclass(frozen=True)
class Batch:
    """This rank's rows: pictures and blend partners uint8 (B, H, W, 3), labels and indices (B)."""

    first: Tensor
    second: Tensor | None
    labels: Tensor
    indices: Tensor


def order(length: int, batch: int, seed: int, step: int) -> np.ndarray:
    """Indices (batch) of a step: every epoch is a new permutation, batches run across epochs."""
    start = step * batch
    found = np.empty(batch, np.int64)
    for row in range(batch):
        epoch, place = divmod(start + row, length)
        found[row] = _permutation(length, seed, epoch)[place]
    return found


@functools.lru_cache(maxsize=2)
def _permutation(length: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(length)


class _Pictures(Dataset):
    def __init__(self, pictures: Any, pairs: bool):
        self.pictures, self.pairs = pictures, pairs

    def __len__(self) -> int:
        return len(self.pictures.labels)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor | None, int, int]:
        own, other = key
        second = _tensor(self.pictures.image(other)) if self.pairs else None
        return _tensor(self.pictures.image(own)), second, int(self.pictures.labels[own]), own


def _tensor(picture: np.ndarray) -> Tensor:
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
    """The sampler: for each step from ``start`` on, this rank's (picture, partner) pairs."""

    def __init__(self, length: int, batch: int, seed: int, start: int, stop: int):
        self.arguments = (length, batch, seed)
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        length, batch, seed = self.arguments
        rows = ranks.share(batch)
        for step in range(self.start, self.stop):
            own = order(length, batch, seed, step)
            partners = np.random.default_rng([seed, step, 1]).integers(0, length, batch)
            yield list(zip(own[rows].tolist(), partners[rows].tolist(), strict=True))

    def __len__(self) -> int:
        return self.stop - self.start


def batches(
    pictures: Any, batch: int, seed: int, start: int, stop: int, *, pairs: bool, workers: int
) -> Iterator[Batch]:
    """Batches of steps ``start`` to ``stop - 1``; ``pairs`` reads a blend partner for each row."""
    loader: DataLoader = DataLoader(
        _Pictures(pictures, pairs),
        batch_sampler=_Steps(len(pictures.labels), batch, seed, start, stop),
        num_workers=workers,
        collate_fn=_collate,
        persistent_workers=workers > 0,
    )
    return iter(loader)
