"""Samples: what a network's inputs are fed with, one mapping of names to arrays after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

Sample = dict[str, np.ndarray]
"""An array of an input's own shape, float32, by the input's name."""


@dataclass(frozen=True)
class Input:
    """An input of a network: ``shape`` is static; of a map, ``channels_last`` where it is NHWC."""

    name: str
    shape: tuple[int, ...]
    channels_last: bool = False

    @property
    def channels(self) -> int:
        """Of a map, how many it has."""
        return self.shape[-1 if self.channels_last else 1]

    @property
    def size(self) -> tuple[int, int]:
        """Of a map of four axes, its height and width."""
        height, width = self.shape[1:3] if self.channels_last else self.shape[2:4]
        return height, width


class Samples(Sequence[Sample]):
    """Samples in memory."""

    def __init__(self, items: Iterable[Sample]):
        self.items = list(items)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Samples: ...
    def __getitem__(self, index: int | slice) -> Sample | Samples:
        if isinstance(index, slice):
            return self.chosen(np.arange(len(self))[index])
        return self.items[index]

    def chosen(self, places: np.ndarray) -> Samples:
        """Those at ``places``: int64 indices, or bool (N)."""
        numbers = np.arange(len(self))[places]
        return Samples(self.items[number] for number in numbers)


@dataclass(frozen=True)
class Look:
    """How an 8-bit picture becomes an input: ``(pixel - mean) / std`` for each channel.

    ``colour`` is RGB, BGR or grey; ``mean`` and ``std`` have a number for each channel.
    """

    colour: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def values(self, crop: np.ndarray) -> np.ndarray:
        """float32 (H, W, C) of uint8 (H, W, C), which is RGB or grey."""
        colours = crop[..., ::-1] if self.colour == "BGR" else crop
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        return np.asarray((colours - mean) / std)


class Pictures(Samples):
    """Samples of one input that are made of 8-bit pictures when they are asked for.

    ``crops``: uint8 (N, H, W, C).
    """

    def __init__(self, crops: np.ndarray, into: Input, look: Look):
        self.crops, self.into, self.look = crops, into, look

    def __len__(self) -> int:
        return len(self.crops)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Samples: ...
    def __getitem__(self, index: int | slice) -> Sample | Samples:
        if isinstance(index, slice):
            return self.chosen(np.arange(len(self))[index])
        values = self.look.values(self.crops[index])
        laid = values if self.into.channels_last else values.transpose(2, 0, 1)
        return {self.into.name: np.ascontiguousarray(laid[None])}

    def chosen(self, places: np.ndarray) -> Pictures:
        return Pictures(self.crops[places], self.into, self.look)

    def seen(self, mean: Sequence[float], std: Sequence[float]) -> Pictures:
        """The same pictures with another mean and standard deviation."""
        look = replace(self.look, mean=tuple(mean), std=tuple(std))
        return Pictures(self.crops, self.into, look)
