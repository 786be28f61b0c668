"""Embeddings as int8 templates: what firmware keeps of a face, and what int8 search compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ..embeddings import check_embeddings

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TIE = 1e-4
"""Added before rounding: a half that float32 embeddings miss by their own rounding counts as one,
and nothing else comes so close to it (the next value is at least 1/510 away)."""


def templates(embeddings: ArrayLike) -> NDArray[np.int8]:
    """Embeddings (N, D) or (D,) as int8 of the same shape, the largest magnitude of a row 127.

    ``round(127 * value / largest)``, halves away from zero: the bytes that ``pv_template_make``
    makes of the same output of the network. Cosines change by less than 0.006, most by less than
    0.001. Raises InputError for wrong shapes, values that are not finite, a row of zeros.
    """
    rows = check_embeddings("embeddings", embeddings).astype(np.float64)
    largest = np.abs(rows).max(axis=-1, keepdims=True)
    zero = np.flatnonzero(largest == 0)
    if zero.size:
        raise InputError(f"embeddings: row {zero[0]} is all zeros, which has no direction")
    sizes = np.floor(127 * np.abs(rows) / largest + 0.5 + _TIE)
    result: NDArray[np.int8] = np.copysign(sizes, rows).astype(np.int8)
    return result
