"""What a search of int8 templates takes: embeddings of the right model and size, as templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ..gallery.contents import Model
from ..gallery.rows import rows_of
from .templates import templates

if TYPE_CHECKING:
    from numpy.typing import NDArray


def probes_of(
    embeddings: Any, dimension: int, source_sha256: str | None
) -> tuple[NDArray[np.int8], bool]:
    """Int8 (Q, D) of embeddings, or of templates, (D,) or (Q, D); and whether one came alone.

    ``source_sha256``: of the model that made the templates to search, None where nobody knows.
    Raises InputError for another dimension, none at all, or another model's.
    """
    if isinstance(embeddings, np.ndarray) and embeddings.dtype == np.int8:
        found, single = np.atleast_2d(embeddings), embeddings.ndim == 1
        if embeddings.ndim not in (1, 2) or found.shape[1] != dimension or not len(found):
            raise InputError(
                f"embeddings: expected int8 ({dimension},) or (Q, {dimension}), got shape "
                f"{embeddings.shape}"
            )
        return np.ascontiguousarray(found), single
    digest = source_sha256
    if digest is None:  # theirs counts for ours
        digest = getattr(getattr(embeddings, "identity", None), "source_sha256", "")
    rows = rows_of(Model("the gallery's model", digest, dimension), "embeddings", embeddings)
    if not len(rows.vectors):
        raise InputError("embeddings: expected at least one, got none")
    return templates(rows.vectors), rows.single
