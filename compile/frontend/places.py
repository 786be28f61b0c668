"""Where a file's array of any rank stands in a tensor of height, width and channels.

A place says ``array.reshape(shape).transpose(order).reshape(H, W, C)``. So a Reshape changes
nothing and a Transpose an order, and only an operator that needs another order costs a copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A tensor and how an array stands in it; without axes of 1, adjacent ones are one."""

    tensor: str
    shape: Axes
    order: Axes

    @staticmethod
    def of(tensor: str, shape: Sequence[int], order: Sequence[int]) -> Place:
        """The shortest form of a place."""
        return Place(tensor, *simplest(shape, order))

    def on(self, tensor: str) -> Place:
        """The same place in another tensor."""
        return Place(tensor, self.shape, self.order)


def simplest(shape: Sequence[int], order: Sequence[int]) -> tuple[Axes, Axes]:
    """``shape`` and ``order`` without axes of 1, those that stay together being one axis."""
    runs: list[list[int]] = []
    kept = [axis for axis in order if shape[axis] != 1]
    for axis in kept:
        last = runs[-1][-1] if runs else None
        # Axes of 1 between two others do not part them.
        if last is not None and last < axis and math.prod(shape[last + 1 : axis]) == 1:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    by_source = sorted(range(len(runs)), key=lambda run: runs[run][0])
    sizes = tuple(math.prod(shape[axis] for axis in runs[run]) for run in by_source)
    place = {run: index for index, run in enumerate(by_source)}
    return sizes, tuple(place[run] for run in range(len(runs)))


def refined(first: Sequence[int], second: Sequence[int]) -> Axes | None:
    """The coarsest axes that both shapes are made of; None where there are none."""
    parts = []
    a, b = [n for n in first if n != 1], [n for n in second if n != 1]
    while a and b:
        small, large = (a, b) if a[0] <= b[0] else (b, a)
        if large[0] % small[0]:
            return None
        parts.append(small[0])
        large[0] //= small[0]
        small.pop(0)
        if large[0] == 1:
            large.pop(0)
    return tuple(parts) if not a and not b else None


def split(shape: Sequence[int], order: Sequence[int], fine: Sequence[int]) -> Axes:
    """``order`` in terms of the axes ``fine``, which refine ``shape``."""
    groups = groups_of(shape, fine)
    return tuple(axis for coarse in order for axis in groups[coarse])


def groups_of(shape: Sequence[int], fine: Sequence[int]) -> list[Axes]:
    """Which axes of ``fine``, none of them 1, make each axis of ``shape``."""
    found: list[Axes] = []
    at = 0
    for size in shape:
        group = []
        left = size
        while left > 1:
            group.append(at)
            left //= fine[at]
            at += 1
        found.append(tuple(group))
    return found


def transposed(place: Place, shape: Sequence[int], order: Sequence[int]) -> Place | None:
    """Of an array of ``shape`` after Transpose; None where its axes cross those of the place."""
    fine = refined(place.shape, shape)
    if fine is None:
        return None
    groups = groups_of(shape, fine)
    moved = [axis for outer in order for axis in groups[outer]]
    where = {axis: index for index, axis in enumerate(moved)}
    physical = split(place.shape, place.order, fine)
    return Place.of(place.tensor, [fine[axis] for axis in moved], [where[a] for a in physical])


def physical_axes(
    place: Place, sizes: Sequence[int], shape: Sequence[int]
) -> tuple[Axes, ...] | None:
    """Which axes of an array of ``shape`` make height, width and channels of a tensor of ``sizes``.

    Axes of 1 are left out. None where an axis is parted between two of them, or out of order within
    one.
    """
    fine = refined(place.shape, shape)
    if fine is None:
        return None
    owner = {f: axis for axis, group in enumerate(groups_of(shape, fine)) for f in group}
    physical = list(split(place.shape, place.order, fine))
    found = []
    for size in sizes:
        members: list[int] = []
        left = size
        while left > 1 and physical:
            if left % fine[physical[0]]:
                return None
            members.append(physical.pop(0))
            left //= fine[members[-1]]
        if left != 1:
            return None
        axes = list(dict.fromkeys(owner[f] for f in members))
        whole = [f for axis in axes for f in groups_of(shape, fine)[axis]]
        if whole != members:
            return None
        found.append(tuple(axes))
    return tuple(found) if not physical else None


def laid(array: np.ndarray, place: Place, sizes: Sequence[int]) -> np.ndarray:
    """An array as (H, W, C) in its place."""
    return array.reshape(place.shape).transpose(place.order).reshape(sizes)


def map_place(tensor: str, shape: Sequence[int]) -> Place:
    """Of (N, C, H, W) or (N, C, L): channels last."""
    rank = len(shape)
    return Place.of(tensor, shape, [0, *range(2, rank), 1])


def row_place(tensor: str, shape: Sequence[int]) -> Place:
    """Of an array whose own order is kept."""
    return Place.of(tensor, shape, range(len(shape)))


def map_sizes(shape: Sequence[int]) -> tuple[int, int, int]:
    """(H, W, C) of an array (1, C, H, W) or (1, C, L)."""
    height = shape[2] if len(shape) == 4 else 1
    return height, shape[-1], shape[1]


def row_sizes(shape: Sequence[int]) -> tuple[int, int, int]:
    """(H, W, C) of an array whose own order is kept: the last axes apart, all others one."""
    padded = [1, 1, *shape]
    return math.prod(padded[:-2]), padded[-2], padded[-1]


def move(source: Place, target_shape: Axes, target_order: Axes) -> tuple[Axes, Axes] | None:
    """``Move``'s shape and order from one place to another; None where their axes cross."""
    fine = refined(source.shape, target_shape)
    if fine is None:
        return None
    now = split(source.shape, source.order, fine)
    then = split(target_shape, target_order, fine)
    shape = [fine[axis] for axis in now]
    at = {axis: index for index, axis in enumerate(now)}
    return simplest(shape, [at[axis] for axis in then])
