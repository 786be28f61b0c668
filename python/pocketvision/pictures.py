"""Pictures of any origin as uint8 RGB: paths, bytes, open files, Pillow's images, arrays."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

MOST_PIXELS = 1 << 28
"""Of a picture that is decoded whole; three bytes each, and the network sees 12,544 of them."""

FORMATS = ["AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP"]
"""Decoders that a file may choose among: Pillow has others, and one of them starts a program."""

_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"
)
"""The first brand of an ISO media file, behind ``ftyp`` at byte 4."""

_FIRST = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n": "PNG"}
"""First bytes of the common formats, for which no other decoder is loaded."""

_ORIENTATION = 0x0112
"""EXIF's tag of how a picture is to be turned."""


def read_picture(source: Any, *, max_side: int | None = None) -> NDArray[np.uint8]:
    """Uint8 RGB (H, W, 3) of a picture, turned as its EXIF says.

    ``source``: a path (a ``.npy`` file holds such an array), bytes, a binary file that is open, a
    ``PIL.Image.Image``, or an array: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA.
    ``max_side``: pixels of the longer side at most; a larger picture is scaled down with its aspect
    kept, a JPEG while it is decoded, which is faster and takes less memory. Landmarks are then
    those of the smaller picture.

    16 bits are divided by 257. Integers of 32 bits count as 16 where none is above 65,535 and as
    31 elsewhere. Floats count as 0 to 1, or as 0 to 255 where one is above 1. What is transparent
    becomes black, as is all outside a picture. Of an animation, the first frame is read.

    Raises FileNotFoundError, IsADirectoryError, InputError for what cannot be read (the message
    says whether it is cut off, of a format that needs another package, or out of range),
    ModuleNotFoundError where Pillow is needed and missing.
    """
    if max_side is not None and (not isinstance(max_side, int | np.integer) or max_side < 1):
        raise InputError(f"max_side: expected a number of pixels, got {shown(max_side)}")
    limit = None if max_side is None else int(max_side)
    if isinstance(source, np.ndarray):
        return _smaller(_from_array(source, "picture"), limit)
    if isinstance(source, str | os.PathLike):
        return _from_path(os.fspath(source), limit)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_file(io.BytesIO(source), "picture", limit)
    if hasattr(source, "read"):
        # Into memory, since a pipe cannot seek and its owner may go on reading behind us.
        data = source.read()
        name = str(getattr(source, "name", "picture"))
        if not isinstance(data, bytes):
            raise InputError(f"{name}: expected a file opened with 'rb', got one of text")
        return _from_file(io.BytesIO(data), name, limit)
    if _is_pillow(source):
        return _from_image(source, str(getattr(source, "filename", "") or "picture"), limit)
    raise InputError(
        "picture: expected a path, bytes, a binary file, a PIL image or an array, got "
        f"{type(source).__name__}"
    )


def read_scaled(path: str | os.PathLike[str], max_side: int) -> tuple[NDArray[np.uint8], float]:
    """A file by :func:`read_picture` with ``max_side``, and the file's pixels that one of it is."""
    pixels = read_picture(path, max_side=max_side)
    longer = max(pixels.shape[:2])
    # One that is shorter than it might be was not scaled, and needs no second look.
    return pixels, 1.0 if longer < max_side else _longer_side(os.fspath(path)) / longer


def _longer_side(path: str) -> int:
    if path.endswith(".npy"):
        return int(max(np.load(path, mmap_mode="r").shape[:2]))
    from PIL import Image, JpegImagePlugin

    with open(path, "rb") as file:
        head = file.read(16)
        jpeg = head.startswith(b"\xff\xd8\xff")
        file.seek(0)
        opened = (
            JpegImagePlugin.JpegImageFile(file)
            if jpeg
            else Image.open(file, formats=_formats(head))
        )
        with opened as image:
            return max(image.size)


def is_source(value: Any) -> bool:
    """Whether ``value`` is one picture that :func:`read_picture` opens, and no array."""
    return (
        isinstance(value, str | os.PathLike | bytes | bytearray | memoryview)
        or hasattr(value, "read")
        or _is_pillow(value)
    )


def _is_pillow(value: Any) -> bool:
    """Without an import: who has such an object has Pillow."""
    return hasattr(value, "convert") and hasattr(value, "getbands")


def _from_path(path: str | bytes, limit: int | None) -> NDArray[np.uint8]:
    name = os.fsdecode(path)
    if os.path.isdir(path):
        raise IsADirectoryError(f"{name}: is a folder; give the picture itself")
    if not os.path.exists(path):
        raise FileNotFoundError(f"{name}: no such picture")
    if name.endswith(".npy"):
        return _smaller(_from_npy(name), limit)
    with open(path, "rb") as file:
        return _from_file(file, name, limit)


def _from_npy(name: str) -> NDArray[np.uint8]:
    try:
        # Mapped, since a header may promise terabytes that are not there.
        array = np.load(name, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # the header is parsed as Python, which fails in many ways
        raise InputError(
            f"{name}: expected an array of a picture: {str(error) or type(error).__name__}"
        ) from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{name}: expected one array of a picture, got several")
    return _from_array(np.array(array), name)


def _from_file(file: Any, name: str, limit: int | None) -> NDArray[np.uint8]:
    from PIL import Image, JpegImagePlugin

    head = file.read(16)
    file.seek(0)
    if not head:
        raise InputError(f"{name}: the file is empty; get it again")
    try:
        # Image.open refuses large pictures before a JPEG could be told to decode a part only.
        opened: Image.Image = (
            JpegImagePlugin.JpegImageFile(file)
            if limit is not None and head.startswith(b"\xff\xd8\xff")
            else Image.open(file, formats=_formats(head))
        )
        with opened as image:
            return _from_image(image, name, limit)
    except Image.DecompressionBombError:
        raise InputError(f"{name}: too large to decode; give max_side=, such as 4096") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(_unreadable(name, head, error)) from None


def _formats(head: bytes) -> list[str]:
    """Those of ``FORMATS`` that a file may be of, by its first bytes, and that this Pillow has."""
    from PIL import Image

    for first, name in _FIRST.items():
        if head.startswith(first):
            return [name]
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _unreadable(name: str, head: bytes, error: Exception) -> str:
    kind = _BRANDS.get(head[8:12]) if head[4:8] == b"ftyp" else None
    if kind == "HEIC":
        return (
            f"{name}: a HEIC picture, which Pillow reads only with another package: "
            "pip install pillow-heif, then pillow_heif.register_heif_opener(); or save it as JPEG"
        )
    if kind == "AVIF":
        return (
            f"{name}: an AVIF picture, which this Pillow cannot read: "
            "pip install 'pillow>=11.3', or save it as JPEG"
        )
    text = str(error) or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError) or "broken data" in text:
        return f"{name}: the picture is cut off ({text}); get the whole file"
    return f"{name}: not a picture that can be read: {text}"


def _from_image(image: Image.Image, name: str, limit: int | None) -> NDArray[np.uint8]:
    if limit is not None:
        # Shrinks a JPEG while it is decoded, as far as eighths do.
        image = image.copy() if not getattr(image, "fp", None) else image
        image.thumbnail((limit, limit))
    if image.width * image.height > MOST_PIXELS:
        raise InputError(
            f"{name}: {image.width} x {image.height} pixels are too many; give max_side=, such "
            "as 4096"
        )
    turned = _upright(image)
    if turned.mode == "F" or turned.mode.startswith("I"):
        return _from_array(np.asarray(turned), f"{name} (mode {turned.mode})")
    if turned.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in turned.info:
        return _over_black(np.asarray(turned.convert("RGBA")))
    try:
        return np.array(turned.convert("RGB"))
    except ValueError as error:
        raise InputError(f"{name}: mode {turned.mode} has no way to RGB: {error}") from None


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; most are right as they are, and need no module that turns."""
    image.load()  # what stands behind the pixels may hold the EXIF
    if image.getexif().get(_ORIENTATION, 1) == 1:
        return image
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def _from_array(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """(H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of any numbers as uint8 (H, W, 3)."""
    if array.ndim not in (2, 3) or array.size == 0 or (array.ndim == 3 and array.shape[2] > 4):
        raise InputError(
            f"{name}: expected an array (H, W), (H, W, 3) or (H, W, 4), colour last, got shape "
            f"{array.shape}"
        )
    deep = array if array.ndim == 3 else array[:, :, np.newaxis]
    if deep.shape[2] == 2:
        raise InputError(f"{name}: expected 1, 3 or 4 channels, got 2")
    eight = _eight_bits(deep, name)
    if deep.shape[2] == 4:
        return _over_black(eight)
    return np.array(np.broadcast_to(eight, (*eight.shape[:2], 3)))


def _eight_bits(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name}: expected numbers, got {array.dtype}")
    least, most = float(array.min()), float(array.max())  # NaN where there is one
    top = 65535.0 if array.dtype.itemsize == 2 or most <= 65535 else float(2**31 - 1)
    if array.dtype.kind == "f":
        top = 1.0 if most <= 1 else 255.0
    if not 0 <= least <= most <= top:
        found = "NaN" if np.isnan(least) or np.isnan(most) else f"{least:g} to {most:g}"
        raise InputError(
            f"{name}: expected values from 0 to {top:g} in {array.dtype}, got {found}. Scale "
            "them, and give uint8."
        )
    return np.rint(array.astype(np.float64) * (255.0 / top)).astype(np.uint8)


def _over_black(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA over black: colours that nobody sees are none."""
    colour, alpha = pixels[:, :, :3].astype(np.uint16), pixels[:, :, 3:].astype(np.uint16)
    return ((colour * alpha + 127) // 255).astype(np.uint8)


def _smaller(pixels: NDArray[np.uint8], limit: int | None) -> NDArray[np.uint8]:
    if limit is None or max(pixels.shape[:2]) <= limit:
        return pixels
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((limit, limit))
    return np.array(image)
