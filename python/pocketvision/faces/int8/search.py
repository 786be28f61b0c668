"""Int8Gallery: exact search among up to a million int8 templates, in a mapped file or an array."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ... import _runtime
from ...errors import InputError, shown
from ...runtime.arrays import integer
from ..gallery.firmware import HEADER_BYTES, MAX_ENTRIES, NAME_BYTES, read_header
from ..gallery.rows import model_of
from .probes import probes_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..embedder import Embedder

MOST_VALUES = 4096
"""Of a template; PV_MAX_DIMENSION in csrc/include/pocketvision/template.h."""


class Int8Gallery:
    """Templates that are searched where they lie, exactly; many threads may use one object.

    >>> gallery = pocketvision.Int8Gallery.open("people.pvg", model="pocketnet-s-128")
    >>> rows, scores = gallery.search(embedding, k=5)
    >>> print(gallery.name(rows[0]), scores[0])

    The answers are those that firmware gives of the same file: same scores, same order, equal ones
    in the order of rows. A template takes D bytes where it lies, and four for its length in memory.

    Args:
        templates: int8 (N, D) as :func:`pocketvision.faces.int8.templates.templates` makes them,
            N at most 1,000,000, D at most 4096; rows of zeros are refused. It is not copied.
        names: one for each row, or None.
        source_sha256: of the int8 file of the model that made them; then embeddings that know
            their model are checked against it.

    Raises:
        InputError: says which of these is of another type, shape or size.
    """

    def __init__(
        self,
        templates: NDArray[np.int8],
        names: Sequence[str] | None = None,
        source_sha256: str | None = None,
    ) -> None:
        if not isinstance(templates, np.ndarray) or templates.dtype != np.int8:
            raise InputError(
                "templates: expected an int8 array (N, D), as "
                f"pocketvision.faces.int8.templates.templates makes it, got {shown(templates)}"
            )
        if templates.ndim != 2 or not 0 < len(templates) <= MAX_ENTRIES:
            raise InputError(
                f"templates: expected 1 to {MAX_ENTRIES:,} rows (N, D), got shape {templates.shape}"
            )
        if not 0 < templates.shape[1] <= MOST_VALUES:
            raise InputError(
                f"templates: expected 1 to {MOST_VALUES} values a row, got {templates.shape[1]}"
            )
        if names is not None and len(names) != len(templates):
            raise InputError(f"names: expected {len(templates)}, one a row, got {len(names)}")
        if source_sha256 is not None and not re.fullmatch("[0-9a-f]{64}", source_sha256):
            raise InputError(f"source_sha256: expected 64 digits, got {shown(source_sha256)}")
        whole = templates if templates.strides[1] == 1 else np.ascontiguousarray(templates)
        self._templates = whole if whole.strides[0] >= whole.shape[1] else whole.copy()
        self._names = names
        self.source_sha256 = source_sha256
        try:
            self._inverse = _runtime.measure_templates(self._templates)
        except InputError as error:
            raise InputError(f"{error}: a row of zeros has no direction") from None

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, model: str | os.PathLike[str] | Embedder | None = None
    ) -> Self:
        """Map the file that ``Gallery.to_firmware().to_bytes()`` is, ``gallery export`` writes.

        Every byte is checked once. Nobody may shorten the file while it is open: replace it by
        another of its name instead.

        Args:
            path: of a ``.pvg`` file.
            model: the embedder that makes the probes, or its name or path: the file must be of it.

        Raises:
            InputError: no such file's form, one that is truncated, damaged or empty, or one of
                another model than ``model``.
            FileNotFoundError: no such file.
        """
        place = os.fspath(path)
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        try:
            dimension, count, digest = read_header(data)
            if count == 0:
                raise InputError("gallery: has no entry, so there is nobody to find")
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        if model is not None:
            wanted, _ = model_of(model)
            if wanted.source_sha256 != digest:
                raise InputError(
                    f"{place}: its templates are of another model (source_sha256 "
                    f"{digest[:12]}...) than {wanted.name} ({wanted.source_sha256[:12]}...), and "
                    "the two do not compare. Give that model, or export a gallery of this one"
                )
        entry = NAME_BYTES + dimension
        entries = np.frombuffer(data, np.uint8, count * entry, HEADER_BYTES).reshape(count, entry)
        return cls(entries[:, NAME_BYTES:].view(np.int8), _Names(entries), digest)

    def __len__(self) -> int:
        return len(self._templates)

    def __repr__(self) -> str:
        return f"Int8Gallery({len(self)} templates of {self.dimension} values)"

    @property
    def dimension(self) -> int:
        """Values of a template."""
        return int(self._templates.shape[1])

    def name(self, row: int) -> str:
        """Whose template a row is; InputError for a row that is none, or without names."""
        if self._names is None:
            raise InputError("name: this gallery was made without names")
        last = len(self) - 1
        return self._names[integer("row", row, f"an integer from 0 to {last}", 0, last)]

    def search(self, embeddings: ArrayLike, k: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
        """The ``k`` templates that are most like each embedding, best first.

        Args:
            embeddings: float (D,) or (Q, D) of the model that made the templates, or int8
                templates of these shapes. Several at once take less time each.
            k: 1 to the number of templates.

        Returns:
            Rows int64 and cosines float32 of the int8 templates, -1 to 1 in steps of 1/32768: (k,)
            each, or (Q, k). Equal ones stand in the order of rows.

        Raises:
            InputError: for another dimension, another model's embeddings, a ``k`` out of range.
        """
        count = integer("k", k, f"an integer from 1 to {len(self)} (templates)", 1, len(self))
        probes, single = probes_of(embeddings, self.dimension, self.source_sha256)
        rows, scores = _runtime.search_templates(self._templates, self._inverse, probes, count)
        cosines = scores.astype(np.float32) / np.float32(_runtime.SCORE_ONE)
        return (rows[0], cosines[0]) if single else (rows, cosines)


class _Names(Sequence[str]):
    """The names of a mapped gallery, read when they are asked for: a million take a second."""

    def __init__(self, entries: NDArray[np.uint8]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, row: Any) -> Any:
        field = bytes(self._entries[row, :NAME_BYTES])
        try:
            return field.rstrip(b"\0").decode()
        except UnicodeDecodeError as error:
            raise InputError(f"gallery: the name of row {row} is not UTF-8: {error}") from None
