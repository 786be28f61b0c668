"""Where samples come from, by what a user names: a folder, an array file, a function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .samples import Input, Look, Samples

Data = Path | str | np.ndarray | Callable[[], Any]


class Source(ABC):
    """Something that samples are taken from."""

    pictures = False
    """Whether its samples are 8-bit pictures, which a ``Look`` makes inputs of."""

    def shapes(self, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
        """Shape of one sample by input, as far as it is known before samples are taken."""
        return {}

    def available(self) -> int | None:
        """How many samples there are; None where only taking them tells."""
        return None

    @abstractmethod
    def take(
        self, inputs: tuple[Input, ...], count: int, look: Look | None, *, exact: bool
    ) -> Samples:
        """``count`` samples for ``inputs``.

        Args:
            look: of pictures; None for arrays.
            exact: pictures must have the input's size; else they are scaled and cropped to it.

        Raises:
            FileNotFoundError: a file is gone.
            ValueError: fewer samples than ``count``, or some that do not fit the inputs.
        """


def opened(data: Data) -> Source:
    """The source that ``data`` names: a folder of pictures, a ``.npy`` or ``.npz`` file,
    ``module:function`` or the function itself, or an array (uint8 of four axes: pictures).

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: a file of another kind, or a function that cannot be found.
    """
    from . import arrays, called, pictures

    if callable(data):
        return called.Called(data)
    if isinstance(data, np.ndarray):
        return arrays.of_array(data, "array")
    path = Path(data)
    if path.suffix.lower() in (".npy", ".npz"):
        return arrays.of_file(path)
    if isinstance(data, str) and not path.exists() and ":" in data:
        return called.Called(called.found(data))
    if path.is_file():
        raise ValueError(
            f"{path}: expected a folder of pictures, a .npy or .npz file, or module:function"
        )
    return pictures.Folder(path)


def spaced(available: int, count: int, where: str) -> np.ndarray:
    """``count`` indices, evenly spaced over ``available``; ValueError where there are fewer."""
    if count < 1 or available < count:
        raise ValueError(
            f"{where}: expected {count} samples, to calibrate and to choose the method, "
            f"found {available}; give more or a smaller count"
        )
    return np.linspace(0, available - 1, count).round().astype(int)
