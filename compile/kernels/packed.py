"""Weights and tables by channel in the form that a convolution's kernel reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def _as_it_is(table: np.ndarray) -> np.ndarray:
    return table


@dataclass(frozen=True)
class Packed:
    """Weights as a convolution's kernel reads them.

    ``width`` is the length of its tables by channel, which ``arranged`` puts in the kernel's order;
    ``scratch`` counts the int32 of arena that a call uses, 0 for kernels that take none.
    """

    weight: np.ndarray
    width: int
    scratch: int = 0
    arranged: Callable[[np.ndarray], np.ndarray] = _as_it_is

    def table(self, values: np.ndarray, dtype: type = np.float32) -> np.ndarray:
        """Values by channel, padded with zeros, as the kernel reads them."""
        return self.arranged(padded(values, self.width, dtype))


def padded(values: np.ndarray, width: int, dtype: type = np.float32) -> np.ndarray:
    """A table by channel padded with zeros to whole vectors."""
    table: np.ndarray = np.zeros(width, dtype)
    table[: len(values)] = values
    return table
