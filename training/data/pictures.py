"""Sets of encoded pictures: decoding one, its size from the header, labels from people."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .base import CorruptImageError


class EncodedSet(ABC):
    """A ``base.FaceSet`` whose pictures are image files or their bytes.

    Args:
        names: of the people.
        labels: int64 (N), each an index into ``names``.
    """

    def __init__(self, names: list[str], labels: NDArray[np.int64]):
        self.names, self.labels = names, labels

    @abstractmethod
    def encoded(self, index: int) -> tuple[Path | bytes, str]:
        """A picture's file or bytes, and what an error calls it."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        return len(self.names)

    def image(self, index: int) -> NDArray[np.uint8]:
        return decode(*self.encoded(index))

    def size(self, index: int) -> tuple[int, int]:
        return size(*self.encoded(index))


def numbered(kinds: Sequence[Hashable], found: Sequence[Hashable]) -> NDArray[np.int64]:
    """The place of each of ``found`` among the distinct ``kinds``."""
    place = {kind: number for number, kind in enumerate(kinds)}
    return np.array([place[kind] for kind in found], np.int64)


def decode(source: Path | bytes, name: str) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of a file or of its bytes; ``name`` is what an error calls it.

    Raises:
        FileNotFoundError: no such file.
        CorruptImageError: it cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: no such picture") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CorruptImageError(f"{name}: cannot be decoded ({error})") from error


def size(source: Path | bytes, name: str) -> tuple[int, int]:
    """(height, width) from the header; errors as of :func:`decode`."""
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: no such picture") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise CorruptImageError(f"{name}: not a picture ({error})") from error
