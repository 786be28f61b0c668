"""Arrays for calibration: one of a ``.npy`` file, or several by input name in a ``.npz`` file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .pictures import Crops
from .samples import Input, Look, Sample, Samples
from .source import Source, spaced


class Arrays(Source):
    """Arrays whose first axis counts samples, by input; under "" that of the only input."""

    def __init__(self, arrays: dict[str, np.ndarray], where: str):
        self.arrays, self.where = arrays, where

    def available(self) -> int:
        return min(map(len, self.arrays.values()))

    def shapes(self, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
        found = self._named(names)
        return {name: array.shape[1:] for name, array in found.items()}

    def take(
        self, inputs: tuple[Input, ...], count: int, look: Look | None, *, exact: bool
    ) -> Samples:
        found = self._named(tuple(into.name for into in inputs))
        numbers = {len(array) for array in found.values()}
        if len(numbers) != 1:
            raise ValueError(
                f"{self.where}: its arrays have {', '.join(map(str, sorted(numbers)))} samples; "
                "expected as many of each"
            )
        places = spaced(numbers.pop(), count, self.where)
        return Samples(
            {
                into.name: fitting(found[into.name][place], into, f"{self.where}, sample {place}")
                for into in inputs
            }
            for place in places
        )

    def _named(self, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        if len(names) == 1 and list(self.arrays) == [""]:
            return {names[0]: self.arrays[""]}
        if sorted(names) != sorted(self.arrays):
            given = ", ".join(map(repr, self.arrays)) if any(self.arrays) else "one without a name"
            raise ValueError(
                f"{self.where}: holds the arrays {given}, expected one for each input of the "
                f"network: {', '.join(map(repr, names))}; save them with numpy.savez"
            )
        return self.arrays


def fitting(value: np.ndarray, into: Input, where: str) -> np.ndarray:
    """float32 of the input's shape; ValueError unless it has that, with or without a batch of 1."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{where}: holds {array.dtype}, expected numbers for {into.name!r}")
    shape = into.shape
    if array.shape != shape and (shape[:1] != (1,) or array.shape != shape[1:]):
        hint = "; uint8 (N, H, W, C) would be pictures" if len(shape) == 4 else ""
        raise ValueError(
            f"{where}: {array.dtype} of shape {array.shape} for input {into.name!r}, expected "
            f"{shape}{hint}"
        )
    values = np.ascontiguousarray(array.reshape(shape), np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"{where}: input {into.name!r} has values that are not finite")
    return values


def of_array(array: np.ndarray, where: str) -> Source:
    """Pictures, if they are uint8 (N, H, W, C) with 1 or 3 channels, else an input's values."""
    if array.dtype == np.uint8 and array.ndim == 4 and array.shape[3] in (1, 3):
        return Crops(array)
    if array.ndim < 2 or not len(array):
        raise ValueError(f"{where}: expected samples along the first axis, got {array.shape}")
    return Arrays({"": array}, where)


def of_file(path: Path) -> Source:
    """The source of a ``.npy`` or ``.npz`` file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it holds no arrays of numbers.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected arrays to calibrate with")
    try:
        # Mapped, since a header may promise terabytes that are not there.
        held = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(held, np.ndarray):
            return of_array(held, str(path))
        with held:
            arrays: Sample = {name: held[name] for name in held.files}
    except ValueError as error:
        raise ValueError(f"{path}: expected arrays of numbers: {error}") from None
    except Exception as error:  # the header is parsed as Python, which fails in many ways
        raise ValueError(f"{path}: not an array file that can be read: {error}") from None
    if not arrays or any(array.ndim < 1 for array in arrays.values()):
        raise ValueError(f"{path}: expected arrays with samples along their first axis")
    return Arrays(arrays, str(path))
