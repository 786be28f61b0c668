"""ApproximateGallery: search beyond a million int8 templates by an index of usearch."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import InputError, shown
from ...files import PRIVATE, write_whole
from ...runtime.arrays import integer
from .exact import SPARE, exact
from .probes import probes_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ALONE = 2000
"""First rows that one thread adds: of many that start at once, some would hardly be linked."""


class ApproximateGallery:
    """Templates without a limit of their number, searched as :class:`Int8Gallery` does, nearly.

    An index (HNSW of usearch) names candidates, which are scored and ordered exactly; a row that it
    does not name is missed, seldom and without a word. Needs ``pip install 'pocketvision[index]'``.
    Where a million templates are enough, Int8Gallery misses none.

    >>> gallery = ApproximateGallery(128, source_sha256=embedder.model.source_sha256)
    >>> gallery.add(templates(embeddings))
    >>> rows, scores = gallery.search(embedding, k=5)

    Args:
        dimension: values of a template.
        source_sha256: of the int8 file of the model that makes them; then embeddings that know
            their model are checked against it.

    Raises:
        InputError: for numbers out of range. ModuleNotFoundError: without usearch.
    """

    def __init__(self, dimension: int, *, source_sha256: str | None = None) -> None:
        wide = integer("dimension", dimension, "an integer from 1 to 4096", 1, 4096)
        if source_sha256 is not None and not re.fullmatch("[0-9a-f]{64}", source_sha256):
            raise InputError(f"source_sha256: expected 64 digits, got {shown(source_sha256)}")
        self.source_sha256 = source_sha256
        self._index: Any = _usearch().Index(ndim=wide, metric="cos", dtype="i8")

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, source_sha256: str | None = None, mapped: bool = True
    ) -> Self:
        """What ``save`` wrote; the file does not know its model, so the caller says it.

        ``mapped``: search it where it lies, without ``add``; else it is read into memory. Open only
        files that you trust. Raises FileNotFoundError; InputError for no index of int8 cosines.
        """
        place = os.fspath(path)
        if not os.path.isfile(place):
            raise FileNotFoundError(f"{place}: no such index")
        kind = _usearch().Index
        try:
            told = kind.metadata(place)
            index = kind.restore(place, view=mapped) if told else None
        except (RuntimeError, ValueError) as error:
            raise InputError(f"{place}: not an index that usearch opens: {error}") from None
        dtype = "" if index is None else str(index.dtype)
        metric = "" if index is None else str(index.metric_kind)
        if index is None or not dtype.lower().endswith("i8") or "cos" not in metric.lower():
            raise InputError(f"{place}: expected an index of int8 cosines, as save() writes it")
        made = cls(index.ndim, source_sha256=source_sha256)
        made._index = index
        return made

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return f"ApproximateGallery({len(self)} templates of {self.dimension} values)"

    @property
    def dimension(self) -> int:
        """Values of a template."""
        return int(self._index.ndim)

    def add(self, templates: NDArray[np.int8], *, threads: int = 0) -> None:
        """Append int8 rows (N, D), numbered on from those that are there.

        ``threads``: 0 for all cores. Raises InputError for another type or shape, or a row of
        zeros.
        """
        rows = templates
        if not isinstance(rows, np.ndarray) or rows.dtype != np.int8 or rows.ndim != 2:
            raise InputError(f"templates: expected int8 (N, D), got {shown(templates)}")
        if not len(rows) or rows.shape[1] != self.dimension:
            raise InputError(
                f"templates: expected one or more rows of {self.dimension} values, got shape "
                f"{rows.shape}"
            )
        zero = np.flatnonzero(~rows.any(axis=1))
        if zero.size:
            raise InputError(f"templates: row {zero[0]} is all zeros, which has no direction")
        first = len(self)
        keys = np.arange(first, first + len(rows), dtype=np.uint64)
        whole = np.ascontiguousarray(rows)
        alone = min(len(rows), max(0, ALONE - first))
        if alone:
            self._index.add(keys[:alone], whole[:alone], threads=1)
        if alone < len(rows):
            self._index.add(keys[alone:], whole[alone:], threads=threads)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index, whole or not at all; its owner alone may read it."""
        data = self._index.save()
        write_whole(Path(path), lambda file: file.write(data), PRIVATE)

    def search(self, embeddings: ArrayLike, k: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
        """The ``k`` templates that are most like each embedding, as of ``Int8Gallery.search``.

        The scores are exact. Raises InputError as that does.
        """
        count = integer("k", k, f"an integer from 1 to {len(self)} (templates)", 1, len(self))
        probes, single = probes_of(embeddings, self.dimension, self.source_sha256)
        found = self._index.search(probes, min(len(self), count + SPARE))
        # Of a single probe usearch gives its matches, of several a batch of them.
        batch = [found] if len(probes) == 1 else found
        rows = np.empty((len(probes), count), np.int64)
        cosines = np.empty((len(probes), count), np.float32)
        for number, (probe, near) in enumerate(zip(probes, batch, strict=True)):
            keys = np.sort(near.keys)  # in the order of rows, so that equal scores keep it
            if len(keys) < count:  # the index's graph has fallen apart: all rows are looked at
                keys = np.sort(self._index.search(probe, count, exact=True).keys)
            stored = np.stack(self._index.get(keys))
            rows[number], cosines[number] = exact(keys.astype(np.int64), stored, probe, count)
        return (rows[0], cosines[0]) if single else (rows, cosines)


def _usearch() -> Any:
    try:
        import usearch.index
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "a search beyond a million needs usearch. Type: pip install 'pocketvision[index]'",
            name="usearch",
        ) from None
    return usearch.index
