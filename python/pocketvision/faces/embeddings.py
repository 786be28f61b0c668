"""Embeddings: float32 rows that know which model made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..record import Record
from ..runtime.arrays import numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_JOINS = (np.concatenate, np.stack, np.vstack)
"""Functions of numpy that make rows of one array of a sequence of arrays."""


@dataclass(frozen=True)
class Identity:
    """Which model made an embedding: two are the same where ``source_sha256`` is.

    ``source_sha256``: of the int8 file that was compiled, so that all targets of one file share it.
    ``record``: the model's, with the thresholds that verdicts use.
    """

    source_sha256: str
    record: Record = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.record.full_name


class Embeddings(np.ndarray[Any, np.dtype[np.float32]]):
    """A numpy array, float32 (N, D) or (D,), with ``identity`` and perhaps ``quality``.

    ``identity``: the model that made the rows; None where rows without one were joined to them.
    ``quality``: an object array (N,) of ``Quality``, or that of a single row; None where it was
    not asked for. Rows, slices, copies, pickles, ``numpy.stack``, ``vstack`` and ``concatenate``
    keep both. What is computed of them, such as a sum, is a bare array, as is
    ``numpy.asarray(embeddings)``. Joining rows of two models is an InputError.
    """

    identity: Identity | None
    quality: Any

    def __array_finalize__(self, source: Any) -> None:
        self.identity = getattr(source, "identity", None)
        quality = getattr(source, "quality", None)
        self.quality = quality if self.shape == getattr(source, "shape", None) else None

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        # Of columns, and of single values by a mask, nothing is said: they are no embedding.
        if isinstance(found, Embeddings):
            whole = isinstance(key, int | np.integer | slice) or (
                isinstance(key, list | np.ndarray) and np.ndim(key) == 1
            )
            known = whole and self.ndim == 2 and self.quality is not None
            found.quality = self.quality[key] if known else None
        return found

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if options.get("out") is not None:
            options["out"] = tuple(_bare(item) for item in options["out"])
        return getattr(ufunc, method)(*(_bare(item) for item in inputs), **options)

    def __array_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Iterable[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        given = tuple(args)
        found = super().__array_function__(func, types, given, kwargs)
        if func not in _JOINS or not given or isinstance(given[0], np.ndarray):
            return found
        parts = list(given[0])
        return embeddings(found, identity_of(*parts), _joined(parts))

    def __reduce__(self) -> Any:
        reduced: Any = super().__reduce__()
        return *reduced[:2], (reduced[2], self.identity, self.quality)

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state[0])
        self.identity, self.quality = state[1:]


def embeddings(
    rows: NDArray[np.float32], identity: Identity | None, quality: Any = None
) -> Embeddings:
    """``rows``, without a copy, as :class:`Embeddings`."""
    found = np.asarray(rows).view(Embeddings)
    found.identity, found.quality = identity, quality
    return found


def identity_of(*arrays: ArrayLike) -> Identity | None:
    """The one model that made all of ``arrays``; None where one of them does not say.

    Raises InputError where two of them are of different models.
    """
    found = [getattr(array, "identity", None) for array in arrays]
    known = [one for one in found if isinstance(one, Identity)]
    for other in known[1:]:
        if other != known[0]:
            raise InputError(
                f"embeddings of two models do not compare: {known[0]} and {other}"
                + (" from other int8 files" if str(other) == str(known[0]) else "")
                + ". Embed both pictures with one."
            )
    return known[0] if len(known) == len(found) and known else None


def _bare(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Embeddings) else value


def _joined(parts: list[Any]) -> Any:
    """The qualities of the rows of ``parts``, an object array (N,); None where one has none."""
    found: list[Any] = []
    for part in parts:
        quality = getattr(part, "quality", None)
        if quality is None:
            return None
        found.extend(quality if isinstance(quality, np.ndarray) else [quality])
    rows = np.empty(len(found), object)
    rows[:] = found
    return rows


def check_embeddings(name: str, value: ArrayLike) -> NDArray[np.float32]:
    """Dense float32 (D,) or (N, D) with finite values; InputError for anything else."""
    array = numbers(name, value, np.float32)
    if array.ndim not in (1, 2) or array.size == 0:
        raise InputError(
            f"{name}: expected embeddings of shape (D,) or (N, D), not empty, got shape "
            f"{array.shape}"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{name}: contains NaN or infinity, so it is no embedding")
    return array
