"""Draws operators that move values, at every rank from 1 to 5."""

from __future__ import annotations

import math

import numpy as np

from .net import Net, UnfitError

MOVES = {
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Pad", "Concat",
    "Expand", "Gather", "DepthToSpace", "SpaceToDepth", "Identity", "Resize",
}  # fmt: skip
"""Kinds of node; of Resize the nearest neighbour."""


def reshape(net: Net) -> str:
    x = net.pick()
    shape = net.samples[x].shape
    count, rank = math.prod(shape), net.int(1, 5)
    form = net.int(0, 3)
    if form == 0:
        return net.node("Flatten", x, axis=net.int(0, len(shape)) if net.chance(0.4) else 1)
    if form == 1 and len(shape) > 1:
        return net.node("Reshape", x, net.whole(0, -1))
    if form == 2 and len(shape) > 2:  # two neighbours as one axis
        at = net.int(1, len(shape) - 2)
        merged = (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :])
        return net.node("Reshape", x, net.whole(*merged))
    parts = [1]
    for _ in range(rank - 1):
        left = count // math.prod(parts)
        divisors = [n for n in range(1, left + 1) if left % n == 0]
        parts.append(int(net.random.choice(divisors)))
    sizes = [*parts[1:], count // math.prod(parts)]
    if net.chance(0.6) and rank > 1 and 1 in sizes:
        sizes.remove(1)
        sizes = [1, *sizes]
    if net.chance(0.4):
        sizes[net.int(0, len(sizes) - 1)] = -1
    return net.node("Reshape", x, net.whole(*sizes))


def squeeze(net: Net) -> str:
    x = net.pick()
    shape = net.samples[x].shape
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    if ones and net.chance(0.6):
        axis = int(net.random.choice(ones))
        return net.node("Squeeze", x, net.whole(axis - len(shape) if net.chance(0.4) else axis))
    if len(shape) == 5:
        raise UnfitError
    return net.node("Unsqueeze", x, net.whole(net.int(-len(shape) - 1, len(shape))))


def transpose(net: Net) -> str:
    x = net.pick()
    rank = net.samples[x].ndim
    if rank == 4 and net.chance(0.4):
        return net.node("Transpose", x, perm=net.one([0, 2, 3, 1], [0, 3, 1, 2]))
    order = [int(axis) for axis in net.random.permutation(rank)]
    if net.chance(0.5) and net.samples[x].shape[0] == 1:
        order = [0, *(axis for axis in order if axis != 0)]
    return net.node("Transpose", x, perm=order)


def select(net: Net) -> str:
    """Part of an axis: Slice or Gather."""
    x = net.pick()
    shape = net.samples[x].shape
    axis = int(np.argmax(shape)) if net.chance(0.5) else net.int(0, len(shape) - 1)
    size = shape[axis]
    if size < 2:
        raise UnfitError
    named = axis - len(shape) if net.chance(0.4) else axis
    if net.chance(0.3):
        chosen = net.whole(*(net.int(-size, size - 1) for _ in range(net.int(1, size))))
        return net.node("Gather", x, chosen, axis=named)
    step = int(net.one(1, 1, 1, 2, 3, -1, -2))
    start, end = sorted((net.int(0, size - 1), net.int(1, size)))
    if step < 0:
        start, end = (-1, -(2**63)) if net.chance(0.5) else (end, start)
    elif net.chance(0.3):
        end = 2**63 - 1
    return net.node("Slice", x, *(net.whole(v) for v in (start, end, named, step)))


def split(net: Net) -> str:
    x = net.pick()
    shape = net.samples[x].shape
    axis = net.int(0, len(shape) - 1)
    if shape[axis] < 2:
        raise UnfitError
    at = net.int(1, shape[axis] - 1)
    parts = net.outputs("Split", x, net.whole(at, shape[axis] - at), count=2, axis=axis)
    return parts[net.int(0, 1)]


def pad(net: Net) -> str:
    x = net.pick()
    shape = net.samples[x].shape
    least = -1 if min(shape) > 2 else 0
    pads = [net.int(least, 2) if net.chance(0.4) else 0 for _ in range(2 * len(shape))]
    if shape[0] == 1:
        pads[0] = pads[len(shape)] = 0
    mode = str(net.one("constant", "constant", "reflect", "edge"))
    more = []
    if mode == "constant" and net.chance(0.5):
        more = [net.constant(np.float32(net.random.normal() * np.abs(net.samples[x]).max()))]
    return net.node("Pad", x, net.whole(*pads), *more, mode=mode)


def concat(net: Net) -> str:
    a = net.pick()
    shape = net.samples[a].shape
    axis = net.int(
        0 if shape[0] != 1 or net.chance(0.1) else min(1, len(shape) - 1), len(shape) - 1
    )

    def fits(other: tuple[int, ...]) -> bool:
        pairs = enumerate(zip(shape, other, strict=False))
        return len(other) == len(shape) and all(p == q or k == axis for k, (p, q) in pairs)

    fitting = [n for n, v in net.samples.items() if fits(v.shape) and n not in net.inner]
    others = [fitting[net.random.integers(len(fitting))] for _ in range(net.int(1, 2))]
    named = axis - len(shape) if net.chance(0.3) else axis
    return net.node("Concat", a, *others, axis=named)


def blocks(net: Net) -> str:
    x = net.pick(4)
    if net.chance(0.5):
        return net.node("SpaceToDepth", x, blocksize=2)
    return net.node("DepthToSpace", x, blocksize=2, mode=net.one("DCR", "CRD"))


def nearest(net: Net) -> str:
    x = net.pick(4)
    scale = float(net.one(2.0, 2.0, 3.0, 1.5))
    more = {
        "mode": "nearest",
        "coordinate_transformation_mode": net.one("asymmetric", "half_pixel", "align_corners"),
        "nearest_mode": net.one("floor", "round_prefer_floor", "ceil", "round_prefer_ceil"),
    }
    scales = net.constant(np.float32([1, 1, scale, net.one(1.0, scale)]))
    return net.node("Resize", x, "", scales, **more)


def expand(net: Net) -> str:
    x = net.pick(2, 3, 4)
    shape = net.samples[x].shape
    wider = [net.int(1, 4) if size == 1 and axis else size for axis, size in enumerate(shape)]
    if tuple(wider) == shape:
        raise UnfitError
    return net.node("Expand", x, net.whole(*wider))


def identity(net: Net) -> str:
    return net.node("Identity", net.pick())


DRAWN = (
    reshape, reshape, squeeze, transpose, transpose, select, select, split, pad, concat, concat,
    blocks, nearest, expand, identity,
)  # fmt: skip
