"""Steps of random graphs beyond convolutions: moves of values, and ways through float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pocketvision.compile.arithmetic.scales import Norm

from .wide_graphs import WideBuilder

LARGEST = 30 * 30 * 96
"""Values of a map that a step may enlarge."""

Step = Callable[[WideBuilder, str], str]


def turned(build: WideBuilder, x: str) -> str:
    """Axes in another order, then perhaps cut otherwise."""
    shape = build.tensors[x].shape
    order = tuple(int(axis) for axis in build.random.permutation(3))
    after = [shape[axis] for axis in order]
    if build.random.random() < 0.4:
        after = [after[0], after[2], after[1]]
    return build.move(x, shape, order, tuple(after))


def shuffled(build: WideBuilder, x: str) -> str:
    """Channels of groups in turn, or in no order."""
    channels = build.tensors[x].channels
    groups = [n for n in (2, 3, 4, 8) if channels % n == 0]
    order = build.random.permutation(channels)
    if groups:
        order = np.arange(channels).reshape(int(build.random.choice(groups)), -1).T.ravel()
    return build.select(x, None, None, order)


def cut(build: WideBuilder, x: str) -> str:
    """A part of each axis, now and then every second place or backwards."""
    found = []
    for size in build.tensors[x].shape:
        start = int(build.random.integers(0, size // 3 + 1))
        stop = int(build.random.integers(size - size // 3, size + 1))
        index = np.arange(start, max(stop, start + 1))
        draw = build.random.random()
        found.append(index[::2] if draw < 0.15 else index[::-1] if draw < 0.25 else index)
    return build.select(x, *found)


def padded(build: WideBuilder, x: str) -> str:
    """The zero point around, then a convolution that sees it."""
    index = [
        [-1] * int(build.random.integers(0, 3)) + list(range(size)) + [-1] * (axis < 2)
        for axis, size in enumerate(build.tensors[x].shape)
    ]
    return build.conv(build.select(x, *index), 0, (2, 2))


def side_by_side(build: WideBuilder, x: str) -> str:
    """Rows or columns of a tensor, of its rescale and of a constant."""
    parts = [x, build.rescale(x, like=x), build.constant(build.tensors[x].shape, like=x)]
    axis = int(build.random.integers(0, 2))
    return build.concat_along(axis, *(parts[i] for i in build.random.permutation(3)[:2]))


def enlarged(build: WideBuilder, x: str) -> str:
    """The nearest neighbour, or between two."""
    tensor = build.tensors[x]
    if 4 * tensor.height * tensor.width * tensor.channels > LARGEST:
        return turned(build, x)
    if build.random.random() < 0.5:
        return build.interpolate(x, *(int(n) for n in build.random.integers(1, 20, 2)))
    rows, columns = (np.arange(2 * size) // 2 for size in tensor.shape[:2])
    return build.select(x, rows, columns, None)


def constants(build: WideBuilder, x: str) -> str:
    """A sum with what is known, then a function for each channel."""
    return build.tables(build.add(x, build.constant(build.tensors[x].shape, like=x)))


def island(build: WideBuilder, x: str) -> str:
    """Functions of float32 between two quantisations."""
    real = build.dequantise(x)
    for kind in build.random.choice(["prelu", "clip", "abs"], 2):
        slopes = 1 if build.random.random() < 0.5 else build.tensors[x].channels
        real = build.unary(real, str(kind), slopes=slopes)
    return build.quantise(real)


def gated(build: WideBuilder, x: str) -> str:
    """A product with one pixel, or with as many as there are."""
    a, kind = build.dequantise(x), str(build.random.choice(["multiply", "subtract", "maximum"]))
    tensor = build.tensors[x]
    whole = (tensor.height, tensor.width) if build.random.random() < 0.5 else (1, 1)
    b = build.real_pool(build.unary(a, "prelu", slopes=1), "average", whole)
    return build.quantise(build.binary(a, b, kind), clamp=(-120, 120))


def unrounded(build: WideBuilder, x: str) -> str:
    """A convolution whose sums leave as float32."""
    side = min(3, *build.tensors[x].shape[:2])
    half = side // 2
    outputs = int(build.random.integers(1, 60))
    real = build.real_conv(x, outputs, (side, side), pads=(half,) * 4)
    return build.quantise(build.unary(real, "prelu", slopes=outputs))


def largest(build: WideBuilder, x: str) -> str:
    """A padded maximum of float32."""
    real = build.real_pool(build.dequantise(x), "max", (3, 3), stride=(2, 1), pads=(1, 1, 1, 1))
    return build.quantise(real)


def shares(build: WideBuilder, x: str) -> str:
    """Softmax, whose results are too alike without what is behind it."""
    return build.tables(build.softmax(x))


def convolved(build: WideBuilder, x: str) -> str:
    """A convolution whose operands are float32: dense, or of every channel by itself."""
    count = build.tensors[x].channels
    outputs, groups = (int(build.random.integers(1, 20)), 1)
    if build.random.random() < 0.4:
        outputs = groups = count
    real = build.float_conv(build.dequantise(x), outputs, (3, 2), pads=(1, 1, 1, 0), groups=groups)
    return build.quantise(real)


def curved(build: WideBuilder, x: str) -> str:
    """The logarithm of twice an exponential."""
    powers = build.unary(build.unary(build.dequantise(x), "clip"), "exp")
    return build.quantise(build.unary(build.binary(powers, powers, "add"), "log"))


def normed(build: WideBuilder, x: str) -> str:
    """A norm of each pixel, its epsilon below the root or beside it."""
    channels = build.tensors[x].channels
    rows = [build.random.normal(middle, 0.5, channels) for middle in (1, 0)]
    place = "inside" if build.random.random() < 0.5 else "beside"
    return build.layer_norm(x, Norm(*rows, **{place: 1e-4}))


def attended(build: WideBuilder, x: str) -> str:
    """Products of all pixels of a row with each other, and of those with the channels."""
    height, width, channels = build.tensors[x].shape
    scores = build.matmul(x, build.rescale(x), height)
    turned = build.move(x, (height, width, channels), (0, 2, 1), (height, channels, width))
    aligned = channels % 16 == 0
    return build.matmul(scores, turned, height, (False, False, aligned))


FAMILIES: dict[str, tuple[Step, ...]] = {
    "nest": (turned, shuffled, cut, padded, side_by_side, enlarged, constants),
    "real": (island, gated, unrounded, largest, shares, convolved, curved),
    "attention": (normed, attended, shares, turned),
}
