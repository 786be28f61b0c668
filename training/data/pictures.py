"""Sets of encoded pictures: decoding one, its size from the header, labels from people."""

from __future__ import annotations

import io
import struct
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

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

    @abstractmethod
    def stamp(self) -> str:
        """See ``base.FaceSet``."""


def numbered(kinds: Sequence[Hashable], found: Sequence[Hashable]) -> NDArray[np.int64]:
    """The place of each of ``found`` among the distinct ``kinds``."""
    place = {kind: number for number, kind in enumerate(kinds)}
    return np.array([place[kind] for kind in found], np.int64)


FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
"""Decoders that a file may choose among: Pillow has others, and one of them starts a program."""

# Pillow raises nearly as many types as it has ways to find a picture broken.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error),
    Image.DecompressionBombError,
)


def decode(source: Path | bytes, name: str) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of a file or of its bytes; ``name`` is what an error calls it.

    Raises:
        FileNotFoundError: no such file.
        CorruptImageError: it cannot be decoded.
    """
    try:
        with _opened(source) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: no such picture") from None
    except _BROKEN as error:
        raise CorruptImageError(f"{name}: cannot be decoded ({error})") from error


def size(source: Path | bytes, name: str) -> tuple[int, int]:
    """(height, width) from the header; errors as of :func:`decode`."""
    try:
        with _opened(source) as image:
            return image.height, image.width
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: no such picture") from None
    except _BROKEN as error:
        raise CorruptImageError(f"{name}: not a picture ({error})") from error


def stack(sources: Iterable[tuple[Path | bytes, str]]) -> NDArray[np.uint8]:
    """Uint8 RGB (N, H, W, 3) of files or their bytes, and what an error calls each.

    Raises:
        FileNotFoundError: no such file.
        CorruptImageError: one cannot be decoded, or is of another size than the first.
    """
    found: list[NDArray[np.uint8]] = []
    for source, name in sources:
        found.append(decode(source, name))
        if found[-1].shape != found[0].shape:
            got, expected = (f"{crop.shape[1]}x{crop.shape[0]}" for crop in (found[-1], found[0]))
            raise CorruptImageError(
                f"{name}: has {got} pixels, those before it {expected}; align and crop all alike"
            )
    return np.stack(found)


def _opened(source: Path | bytes) -> Image.Image:
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
