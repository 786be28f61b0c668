"""Clips of one scene: a camera that stands still shows one background in several clips.

A network that has seen a place knows it again, and where its other clips mostly are of one class it
is right for the wrong reason; so clips of one scene belong into one fold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .base import Clips, CorruptClipError

LOOKS, SIDE = 5, 32
"""Frames of a clip that are looked at, and the pixels of the picture that is made of them."""


def scenes(clips: Clips, alike: float) -> NDArray[np.int64]:
    """The scene's number of each clip: clips whose backgrounds correlate above ``alike`` are of one
    scene, and so are those that others connect. A clip that cannot be read is a scene of its own.
    """
    rows = np.array([_background(clips, index) for index in range(len(clips))])
    close = rows @ rows.T > alike
    found = np.arange(len(clips))
    for index in range(len(clips)):
        together = np.unique(found[: index + 1][close[index, : index + 1]])
        if len(together):
            found[np.isin(found, [*together, found[index]])] = together[0]
    return found


def _background(clips: Clips, index: int) -> NDArray[np.float64]:
    """The median of some frames, grey and small, of zero mean and unit length."""
    try:
        last = clips.length(index) - 1
        frames = clips.frames(index, [last * look // (LOOKS - 1) for look in range(LOOKS)])
    except (CorruptClipError, FileNotFoundError):
        return np.zeros(SIDE * SIDE)
    grey = np.median(frames[..., :3].mean(-1), axis=0)
    down, right = (np.linspace(0, n, SIDE + 1).astype(int) for n in grey.shape)
    small = np.add.reduceat(np.add.reduceat(grey, down[:-1], 0), right[:-1], 1)
    small = small / np.outer(np.diff(down), np.diff(right))
    centred = small.ravel() - small.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length else centred
