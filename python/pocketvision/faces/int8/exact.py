"""Candidates that an index or a server named, scored and ordered as the exact search does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _runtime

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPARE = 32
"""Candidates beyond ``k`` to ask for: the order of others is not quite the exact one."""


def exact(
    rows: NDArray[np.int64], templates: NDArray[np.int8], probe: NDArray[np.int8], k: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The ``k`` best of a few candidates, best first.

    Args:
        rows: int64 (C,), the numbers of the candidates, ascending: equal scores keep that order.
        templates: int8 (C, D), theirs.
        probe: int8 (D,).
        k: 1 to C.

    Returns:
        Rows int64 (k,) and cosines float32 (k,), those of ``Int8Gallery.search``.
    """
    inverse = _runtime.measure_templates(templates)
    order, scores = _runtime.search_templates(templates, inverse, probe[np.newaxis], k)
    return rows[order[0]], scores[0].astype(np.float32) / np.float32(_runtime.SCORE_ONE)
