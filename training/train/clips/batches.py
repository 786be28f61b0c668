"""Batches of clips by step number: which, drawn how, the same after a resume."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...data.clips import views, windows
from ...data.clips.base import Clips, CorruptClipError
from ...data.clips.views import Views
from ...data.order import Order, Steps


class Batch(NamedTuple):
    """Uint8 (B, T, C, size, size) and int64 (B)."""

    clips: Tensor
    labels: Tensor


Key = tuple[int, int, int]
"""A clip's index, the step, and the row in the batch."""


class Drawn(Dataset):
    """Windows and views of clips; what is drawn hangs on seed, step and row alone."""

    def __init__(
        self, clips: Clips, frames: int, stride: int, size: int, options: Views, seed: int
    ):
        self.clips, self.frames, self.stride, self.size = clips, frames, stride, size
        self.options, self.seed = options, seed

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: Key) -> tuple[Tensor, int]:
        """In place of a clip that cannot be read comes the next one."""
        first, step, row = key
        for place in range(first, first + len(self.clips)):
            index = place % len(self.clips)
            random = np.random.default_rng([self.seed, step, row])
            try:
                length = self.clips.length(index)
                window = windows.drawn(
                    length, self.frames, self.stride, random, self.options.shortest
                )
                frames = self.clips.frames(index, [int(number) for number in window])
            except (CorruptClipError, FileNotFoundError) as error:
                print(f"skipped: {error}", file=sys.stderr)
                continue
            clip = views.drawn(frames, self.size, self.options, random)
            return clip, int(self.clips.labels[index])
        raise ValueError(
            f"{self.clips.root}: no clip of the set can be read; is this the right one?"
        )


def batches(
    drawn: Drawn, batch: int, start: int, stop: int, workers: int, pin: bool
) -> Iterator[Batch]:
    """Batches of steps ``start`` to ``stop - 1``; ``pin``: in page-locked memory, for GPUs."""
    loader: DataLoader = DataLoader(
        drawn,
        batch_sampler=Steps(Order(np.ones(len(drawn)), drawn.seed), batch, start, stop),
        num_workers=workers,
        collate_fn=_collate,
        persistent_workers=workers > 0,
        pin_memory=pin,
    )
    return iter(loader)


def _collate(items: list[tuple[Tensor, int]]) -> Batch:
    return Batch(
        torch.stack([clip for clip, _ in items]), torch.tensor([label for _, label in items])
    )
