"""Tables by channel as kernels read them."""

from __future__ import annotations

import numpy as np


def padded(values: np.ndarray | None, width: int, dtype: type = np.float32) -> np.ndarray:
    """A per-channel table padded with zeros to whole vectors."""
    assert values is not None
    table: np.ndarray = np.zeros(width, dtype)
    table[: len(values)] = values
    return table
