"""Decoding one encoded picture, and its size from the header."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .base import CorruptImageError


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
