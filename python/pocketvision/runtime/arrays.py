"""Arguments of callers as C reads them, or an InputError that names the argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, shown

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray


def dense(array: NDArray[Any], dtype: DTypeLike | None = None) -> NDArray[Any]:
    """The same values in rows, aligned, in this machine's byte order; a copy only where needed."""
    result = np.ascontiguousarray(array, dtype or array.dtype.newbyteorder("="))
    return result if result.flags.aligned else result.copy()


def numbers(name: str, value: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """``value`` as a dense array of floats of its own shape.

    Booleans, texts, bytes, complex numbers, dates and objects are no numbers here; a float64 that
    float32 cannot hold becomes infinite. Raises InputError that says what came.
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind in "iuf" and not isinstance(
            value, str | bytes | bytearray | memoryview
        ):
            with np.errstate(over="ignore"):
                return dense(array, dtype).reshape(array.shape)
        reason = f"of {array.dtype}" if isinstance(value, np.ndarray) else "with other values"
    except Exception as error:
        # Whatever numpy and a caller's class raise: types, sizes, memory, errors of their own.
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    raise InputError(f"{name}: expected numbers, got {type(value).__name__}: {reason}")


def integer(name: str, value: Any, expected: str, low: int, high: int | None = None) -> int:
    """``value`` as an int; InputError unless it is an integer, numpy's among them, in the range."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        number = int(value)
        if low <= number and (high is None or number <= high):
            return number
    raise InputError(f"{name}: expected {expected}, got {shown(value)}")
