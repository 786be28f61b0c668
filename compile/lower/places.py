"""How values move between two layouts: as a nest of strided loops where the sizes allow it."""

from __future__ import annotations

from math import prod

import numpy as np

from ..kernels.frame import View
from ..kernels.moves.nest import Axis

Axes = list[tuple[int, int]]
"""(size, stride) of each axis, outermost first."""


def of_view(view: View) -> Axes:
    """Height, width and channels."""
    return [(view.height, view.row), (view.width, view.pixel), (view.channels, 1)]


def dense(sizes: tuple[int, ...]) -> Axes:
    """Axes of values that stand one behind the other."""
    return [(size, prod(sizes[place + 1 :])) for place, size in enumerate(sizes)]


def paired(x: Axes, y: Axes) -> list[Axis] | None:
    """Two splits of one count of values as one that refines both, or None where there is none."""
    first, second, found = list(x), list(y), []
    while first and second:
        (a, across), (b, along) = first.pop(), second.pop()
        size = min(a, b)
        if max(a, b) % size:
            return None
        found.append(Axis(size, across, along))
        if a > size:
            first.append((a // size, across * size))
        if b > size:
            second.append((b // size, along * size))
    return found[::-1]


def permuted(x: Axes, shape: tuple[int, ...], order: tuple[int, ...], y: Axes) -> list[Axis] | None:
    """The nest of ``y.ravel() = x.reshape(shape).transpose(order).ravel()``, if there is one."""
    refined = paired(x, dense(shape))
    if refined is None:
        return None
    strides = [along for _, along in dense(shape)]
    moved: Axes = []
    for place in order:
        least, most = strides[place], strides[place] * shape[place]
        moved += [
            (axis.size, axis.x) for axis in refined if least <= axis.y < most and axis.size > 1
        ]
    return paired(moved or [(1, 1)], y)


def progression(index: np.ndarray) -> Axes | None:
    """``index`` as sums of multiples of loop counters, less its first entry, or None."""
    steps = np.diff(index)
    if not steps.size or (steps == steps[0]).all():
        return [(len(index), int(steps[0]) if steps.size else 0)]
    inner = int(np.argmax(steps != steps[0])) + 1
    if len(index) % inner:
        return None
    parts = index.reshape(-1, inner)
    if (parts - parts[:, :1] != parts[0] - parts[0, 0]).any():
        return None
    outer = progression(parts[:, 0])
    return None if outer is None else [*outer, (inner, int(steps[0]))]
