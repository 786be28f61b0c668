"""Pictures for calibration: an evenly spaced choice from a folder, or from an array of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pocketvision.files import PICTURES

from ...data.pictures import decode
from .samples import Input, Look, Pictures
from .source import Source, spaced


class Folder(Source):
    """The pictures in a folder and the folders below it, in the order of their names.

    Raises:
        FileNotFoundError: it is no folder.
    """

    pictures = True

    def __init__(self, folder: Path):
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{folder}: no such folder; expected one of pictures such as the network will see"
            )
        self.folder = folder
        self.files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES)

    def available(self) -> int:
        return len(self.files)

    def take(
        self, inputs: tuple[Input, ...], count: int, look: Look | None, *, exact: bool
    ) -> Pictures:
        into = one_map(inputs)
        assert look is not None  # whoever takes pictures has said how they look
        chosen = [self.files[i] for i in spaced(len(self.files), count, str(self.folder))]
        return Pictures(np.stack([_read(path, into, exact) for path in chosen]), into, look)


class Crops(Source):
    """uint8 (N, H, W, 3) in RGB, or (N, H, W, 1) in grey."""

    pictures = True

    def __init__(self, crops: np.ndarray):
        self.crops = crops

    def available(self) -> int:
        return len(self.crops)

    def shapes(self, names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
        """(H, W), as pictures do not say where an input has its channels."""
        return {names[0]: self.crops.shape[1:3]} if len(names) == 1 else {}

    def take(
        self, inputs: tuple[Input, ...], count: int, look: Look | None, *, exact: bool
    ) -> Pictures:
        into = one_map(inputs)
        assert look is not None  # whoever takes pictures has said how they look
        wanted = (*into.size, into.channels)
        if self.crops.shape[1:] != wanted:
            raise ValueError(
                f"pictures: expected uint8 (N, {', '.join(map(str, wanted))}), got "
                f"{self.crops.dtype} {self.crops.shape}"
            )
        return Pictures(self.crops[spaced(len(self.crops), count, "pictures")], into, look)


def one_map(inputs: tuple[Input, ...]) -> Input:
    """The one input that pictures are for.

    Raises:
        ValueError: there are others, or it is no map of one or three channels.
    """
    if len(inputs) != 1:
        names = ", ".join(into.name for into in inputs)
        raise ValueError(
            f"pictures feed one input and the network has {len(inputs)} ({names}); give arrays by "
            "name: a .npz file, or module:function"
        )
    (into,) = inputs
    if len(into.shape) != 4 or into.shape[0] != 1 or into.channels not in (1, 3):
        raise ValueError(
            f"input {into.name!r} has the shape {into.shape}, and pictures are for (1, 3, H, W), "
            "(1, 1, H, W) or the same with channels last; give arrays: a .npy file"
        )
    return into


def _read(path: Path, into: Input, exact: bool) -> np.ndarray:
    """uint8 (H, W, C) of the input's size; ``exact``: a picture of another one is an error."""
    pixels = decode(path, str(path))
    height, width = into.size
    if pixels.shape[:2] != into.size:
        if exact:
            raise ValueError(
                f"{path}: expected an aligned {height}x{width} crop, got "
                f"{pixels.shape[0]}x{pixels.shape[1]}; align it first"
            )
        pixels = _covering(pixels, height, width)
    if into.channels == 1:
        return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
    return pixels


def _covering(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle of a picture, scaled to cover height and width."""
    picture = Image.fromarray(pixels)
    scale = max(height / picture.height, width / picture.width)
    # Rounded up, so that no side is short of a pixel.
    wide = max(width, round(picture.width * scale))
    high = max(height, round(picture.height * scale))
    left, top = (wide - width) // 2, (high - height) // 2
    scaled = picture.resize((wide, high), Image.Resampling.BILINEAR)
    return np.asarray(scaled.crop((left, top, left + width, top + height)))
