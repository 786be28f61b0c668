"""Values of callers to stored values of a model's tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _runtime
from ..errors import InputError, shown
from .arrays import dense

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensor = _runtime.Tensor

REAL = "float32"
"""The type of a tensor of real values."""


def in_order(data: Any, tensors: Sequence[Tensor]) -> list[Any]:
    """What ``data`` has for each tensor: one array, a list or tuple of them, or a dict by name."""
    names = [tensor.name for tensor in tensors]
    listed = ", ".join(map(repr, names))
    if isinstance(data, Mapping):
        unknown = [key for key in data if key not in names]
        missing = [name for name in names if name not in data]
        if unknown:
            raise InputError(f"input {shown(unknown[0])}: no such input; the model has {listed}")
        if missing:
            raise InputError(f"input {missing[0]!r}: missing; the model has {listed}")
        return [data[name] for name in names]
    if isinstance(data, list | tuple):
        if len(data) != len(names):
            raise InputError(
                f"inputs: expected {len(names)} arrays, for {listed}, got a "
                f"{type(data).__name__} of {len(data)}"
            )
        return list(data)
    if len(names) != 1:
        raise InputError(
            f"inputs: expected a dict or a list of {len(names)} arrays, for {listed}, got "
            f"{type(data).__name__}"
        )
    return [data]


def check(tensor: Tensor, value: Any) -> NDArray[Any]:
    """``value``, with or without an axis of batches; InputError unless it suits the tensor."""
    shape = ", ".join(map(str, tensor.shape))
    types = "floats" if tensor.dtype == REAL else f"{tensor.dtype} or floats"
    expected = f"expected {types} of shape ({shape}) or (N, {shape})"
    if not isinstance(value, np.ndarray):
        raise InputError(
            f"input {tensor.name!r}: {expected} as a numpy array, got {type(value).__name__}"
        )
    kind = value.dtype
    suits = kind == tensor.dtype or (kind.kind == "f" and kind.itemsize <= 8)
    whole = value.shape[-len(tensor.shape) :] == tensor.shape
    batched = value.ndim == len(tensor.shape) + 1
    if not suits or not whole or not (batched or value.ndim == len(tensor.shape)):
        raise InputError(f"input {tensor.name!r}: {expected}, got {kind} of shape {value.shape}")
    if value.size == 0:
        raise InputError(f"input {tensor.name!r}: expected a batch of 1 or more, got none")
    return value


def quantised(tensor: Tensor, values: NDArray[Any]) -> NDArray[Any]:
    """Stored values: as they are, or ``round(real / scale) + zero_point`` of floats.

    In float32, halves to even, saturated, as ONNX's QuantizeLinear; floats that the tensor holds
    itself are only converted. InputError for floats that are not finite.
    """
    if values.dtype.kind != "f":
        return dense(values)
    # A float64 beyond float32 saturates like any other that is too large.
    limit = np.finfo(np.float32).max
    if not np.isfinite(values).all():
        raise InputError(f"input {tensor.name!r}: contains NaN or infinity")
    real = np.clip(values, -limit, limit).astype(np.float32)
    if tensor.dtype == REAL:
        return dense(real)
    info = np.iinfo(tensor.dtype)
    with np.errstate(over="ignore"):
        stored = np.rint(real / np.float32(tensor.scale)) + np.float32(tensor.zero_point)
    # A transposed picture stays so in every step above, and C reads rows.
    return dense(np.clip(stored, info.min, info.max), tensor.dtype)


def dequantised(tensor: Tensor, stored: NDArray[Any]) -> NDArray[np.float32]:
    """``scale * (stored - zero_point)`` in float32; values that are real already as they are."""
    if tensor.dtype == REAL:
        return stored
    real: NDArray[np.float32] = stored.astype(np.float32) - np.float32(tensor.zero_point)
    real *= np.float32(tensor.scale)
    return real
