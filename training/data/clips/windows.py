"""Which frames of a clip a network sees: one drawn window in training, several in tests.

VTN (arXiv 1905.08711): 16 frames, every second one of 30 a second; in training a window anywhere,
in tests some at even distances over the whole video.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def drawn(
    length: int, frames: int, stride: int, random: np.random.Generator, shortest: float = 1.0
) -> Indices:
    """Frame numbers (frames) of a random window, which never fall.

    Args:
        length: frames of the clip; one too short for the stride is seen at a smaller one, and one
            of fewer than ``frames`` frames shows some of them twice.
        shortest: share of a window's span that may be all that is seen, at a smaller stride.
    """
    span = _span(length, frames, stride)
    if shortest < 1:
        span = int(random.integers(max(1, round(shortest * span)), span + 1))
    start = int(random.integers(0, length - span + 1))
    return start + _spread(span, frames)


def even(length: int, frames: int, stride: int, count: int) -> Indices:
    """Frame numbers (windows, frames) of ``count`` windows at even distances, one in the middle.

    A clip with fewer places for a window gives fewer windows: the same one twice says nothing new.
    """
    span = _span(length, frames, stride)
    room = length - span
    starts = [room // 2] if count == 1 else np.round(np.linspace(0, room, count)).astype(np.int64)
    return np.unique(starts)[:, None] + _spread(span, frames)


def _span(length: int, frames: int, stride: int) -> int:
    """Frames from the first to the last of a window, both included and the strides between."""
    if length < 1:
        raise ValueError(f"expected a clip of at least one frame, got {length}")
    return min(length, frames * stride)


def _spread(span: int, frames: int) -> Indices:
    return np.arange(frames, dtype=np.int64) * span // frames
