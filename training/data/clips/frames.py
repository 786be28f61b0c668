"""Folders of frames: a clip is a folder of pictures in the order of their names."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pocketvision.files import PICTURES

from .. import pictures
from ..base import CorruptImageError
from .base import CorruptClipError, Frames

KEPT = 4096
"""Folders whose names are remembered."""

FLOW = ("flow_", "")
"""What may stand before the x or y of a flow picture's name."""


class FrameFolders:
    """RGB frames."""

    def length(self, path: Path) -> int:
        return len(_listed(path))

    def read(self, path: Path, indices: Sequence[int]) -> Frames:
        return _stack([_listed(path)[index] for index in indices])


class FlowFolders:
    """Optical flow as two grey pictures a frame, ``flow_x_00001.jpg`` and ``flow_y_00001.jpg``, or
    without ``flow_``; 127.5 is no motion. Gives (T, H, W, 2)."""

    def length(self, path: Path) -> int:
        return len(_axes(path)[0])

    def read(self, path: Path, indices: Sequence[int]) -> Frames:
        both = [_stack([files[index] for index in indices])[..., 0] for files in _axes(path)]
        return np.stack(both, axis=-1)


def _stack(files: Sequence[Path]) -> Frames:
    try:
        return pictures.stack((file, str(file)) for file in files)
    except CorruptImageError as error:
        raise CorruptClipError(str(error)) from None


@functools.lru_cache(maxsize=KEPT)
def _listed(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of frames")
    found = sorted(f for f in folder.iterdir() if f.suffix.lower() in PICTURES)
    if not found:
        raise CorruptClipError(f"{folder}: holds no frame, which is a {', '.join(PICTURES)}")
    return tuple(found)


def _axes(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of x and of y."""
    x, y = (
        [f for f in _listed(folder) if f.name.startswith(tuple(p + axis for p in FLOW))]
        for axis in "xy"
    )
    if not x or len(x) != len(y):
        raise CorruptClipError(
            f"{folder}: expected as many pictures flow_x_* as flow_y_*, got {len(x)} and {len(y)}"
        )
    return x, y
