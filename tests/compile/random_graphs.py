"""Random graphs in which one family of operators prevails, for the tests of its kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from pocketvision.compile import pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Graph
from pocketvision.compile.passes import split_padding

from . import wide_steps
from .graphs import Builder, Pads, Pair, inputs
from .wide_graphs import WideBuilder

Step = Callable[[WideBuilder, str], str]

SAMPLES = 3


@lru_cache(maxsize=64)
def case(
    family: str, seed: int, length: int, shape: tuple[int, int, int]
) -> tuple[Graph, np.ndarray, np.ndarray]:
    """(graph, int8 inputs, the reference's outputs); the same arguments give the same case."""
    graph = random_graph(family, seed, length, shape)
    x = inputs(np.random.default_rng(seed), SAMPLES, graph.tensors[graph.inputs[0]])
    return graph, x, reference.run(graph, x)


def random_graph(family: str, seed: int, length: int, shape: tuple[int, int, int]) -> Graph:
    """About ``length`` operators, half of them of ``family``, each behind the one before.

    Graphs of odd seeds went through all passes, the others only through those that make padding
    lawful.
    """
    build = WideBuilder(seed, shape)
    x = build.input
    families = FAMILIES | wide_steps.FAMILIES if family in wide_steps.FAMILIES else FAMILIES
    others = [step for steps in families.values() for step in steps]
    while len(build.ops) < length:
        steps = families[family] if build.random.random() < 0.6 or not build.ops else others
        count, before = len(build.ops), x
        x = steps[build.random.integers(len(steps))](build, x)
        if not lively(build.values[x]):
            del build.ops[count:]
            x = before
        tensor = build.tensors[x]
        if tensor.height * tensor.width * tensor.channels > 30 * 30 * 96:
            x = build.conv(x, channels(build), stride=(2, 2))
    graph = build.graph(x).with_ops(build.ops)
    return pipeline.optimise(graph) if seed % 2 else split_padding.run(graph)


def lively(values: np.ndarray) -> bool:
    """Whether enough different values are left for a later difference to show an earlier fault."""
    return len(np.unique(values)) >= min(24, values.size // 4)


def channels(build: Builder) -> int:
    """1 to 96, often a multiple of a vector's width."""
    if build.random.random() < 0.3:
        return int(build.random.choice([4, 8, 16, 32, 48, 64, 96]))
    return int(build.random.integers(1, 97))


def kernel(build: Builder, x: str, sizes: tuple[int, ...]) -> tuple[Pair, Pair, Pads]:
    """(kernel, stride, pads) that give at least one window."""
    side = int(build.random.choice(sizes))
    size = (side, side)
    if build.random.random() < 0.15:
        size = (side, int(build.random.choice(sizes)))
    stride = ((1, 1), (2, 2), (1, 2), (3, 1))[build.random.choice(4, p=(0.5, 0.4, 0.05, 0.05))]
    tensor = build.tensors[x]
    if build.random.random() < 0.6:
        pads = (size[0] // 2, size[1] // 2, size[0] // 2, size[1] // 2)
    else:
        pads = tuple(int(build.random.integers(0, size[axis])) for axis in (0, 1, 0, 1))
    if tensor.height + pads[0] + pads[2] < size[0] or tensor.width + pads[1] + pads[3] < size[1]:
        pads = (size[0] - 1, size[1] - 1, size[0] - 1, size[1] - 1)
    return size, stride, pads


def clamp(build: Builder) -> Pair:
    """The whole range, or now and then a part of it."""
    if build.random.random() < 0.7:
        return -128, 127
    low = int(build.random.integers(-128, 80))
    return low, int(build.random.integers(low + 40, 128))


def flag(build: Builder) -> bool:
    return bool(build.random.random() < 0.5)


def dense(build: Builder, x: str) -> str:
    size, stride, pads = kernel(build, x, (1, 1, 1, 2, 3, 3, 5))
    return build.conv(
        x, channels(build), size, stride=stride, pads=pads, two_scales=flag(build),
        clamp=clamp(build),
    )  # fmt: skip


def extreme(build: Builder, x: str) -> str:
    """Every weight at an end of its range, biases far beyond what float32 holds exactly."""
    outputs = channels(build)
    size = (outputs, build.tensors[x].channels, 3, 3)
    weight = build.random.choice([-128, 127], size, p=(0.8, 0.2)).astype(np.int8)
    bias = build.random.integers(-(2**28), 2**28, outputs).astype(np.int32)
    return build.conv(x, outputs, pads=(1, 1, 1, 1), weight=weight, bias=bias, spread=90)


def grouped(build: Builder, x: str) -> str:
    """8 inputs a group as in VarGFaceNet, or any divisor; as many or more outputs a group."""
    source = build.tensors[x].channels
    divisors = [n for n in range(2, source + 1) if source % n == 0]
    if not divisors:
        x = build.conv(x, 48)
        source, divisors = 48, [2, 3, 6]
    groups = source // 8 if source % 8 == 0 and flag(build) else int(build.random.choice(divisors))
    per_group = int(build.random.choice([1, 2, 3, 4, 8, 16]))
    outputs = groups * max(1, min(per_group, 96 // groups))
    size, stride, pads = kernel(build, x, (1, 1, 3))
    return build.conv(
        x, outputs, size, stride=stride, pads=pads, groups=max(groups, 1), two_scales=flag(build)
    )


def depthwise(build: Builder, x: str) -> str:
    if build.tensors[x].channels == 1:
        x = build.conv(x, channels(build) + 1)
    size, stride, pads = kernel(build, x, (2, 3, 3, 5, 7))
    return build.depthwise(
        x, size, stride=stride, pads=pads, two_scales=flag(build), clamp=clamp(build)
    )


def whole(build: Builder, x: str) -> str:
    """Depthwise over a whole map, up to 7x7, as at the end of face networks; then wide again."""
    tensor = build.tensors[x]
    if tensor.channels == 1 or tensor.height > 7 or tensor.width > 7:
        return depthwise(build, x)
    y = build.depthwise(x, (tensor.height, tensor.width))
    return build.conv(y, channels(build), (1, 1), pads=(3, 3, 3, 3))


def residual(build: Builder, x: str) -> str:
    """A convolution with an add where its result leaves."""
    other = build.conv(x, channels(build), two_scales=flag(build))
    if build.tensors[other].channels > 1 and flag(build):
        return build.depthwise(
            other, (3, 3), pads=(1, 1, 1, 1), add=other, two_scales=flag(build),
            clamp=clamp(build),
        )  # fmt: skip
    return build.conv(
        x, build.tensors[other].channels, (3, 3), pads=(1, 1, 1, 1), add=other,
        two_scales=flag(build), clamp=clamp(build),
    )  # fmt: skip


def rescale(build: Builder, x: str) -> str:
    return build.rescale(x, two_scales=flag(build), clamp=clamp(build))


def add(build: Builder, x: str) -> str:
    other = build.rescale(x, two_scales=flag(build))
    pair = (x, other) if flag(build) else (other, x)
    return build.add(*pair, clamp=clamp(build))


def double(build: Builder, x: str) -> str:
    """A tensor added to itself."""
    return build.add(x, x)


def pool(build: Builder, x: str) -> str:
    size, stride, pads = kernel(build, x, (2, 3, 3, 5))
    kind = "max" if flag(build) else "average"
    return build.pool(
        x, kind, size, stride=stride, pads=pads, counted=flag(build), clamp=clamp(build)
    )


def whole_average(build: Builder, x: str) -> str:
    """Average over the whole map, then a padded convolution that gives the map back."""
    tensor = build.tensors[x]
    y = build.pool(x, "average", (tensor.height, tensor.width))
    side = int(build.random.integers(1, 8))
    return build.conv(y, channels(build), (1, 1), pads=(side, side, side, side))


def two_paddings(build: Builder, x: str) -> str:
    """A padded maximum and a padded convolution read one tensor."""
    size, stride, pads = kernel(build, x, (3, 5))
    first = build.pool(x, "max", size, stride=stride, pads=pads)
    second = build.conv(x, build.tensors[x].channels, size, stride=stride, pads=pads)
    return build.add(first, second)


def concat(build: Builder, x: str) -> str:
    """Two to four parts, some of whole vectors, some not; one may be used twice."""
    first = build.conv(x, channels(build))
    parts = [first]
    for _ in range(build.random.integers(1, 4)):
        draw = build.random.random()
        if draw < 0.15:
            parts.append(parts[-1])
        elif draw < 0.4 and build.tensors[x].channels < 64:
            parts.append(build.rescale(x, like=first))
        else:
            width = channels(build) if flag(build) else 16 * int(build.random.integers(1, 4))
            parts.append(build.conv(x, width, like=first, two_scales=flag(build)))
    build.random.shuffle(parts)
    return build.concat(*parts)


def nested(build: Builder, x: str) -> str:
    """A concatenation in a concatenation, with a padded reader of an inner part."""
    a = build.conv(x, 16)
    b = build.conv(x, 16 if flag(build) else channels(build), like=a)
    inner = build.concat(a, b)
    c = build.depthwise(a, (3, 3), pads=(1, 1, 1, 1), like=a)
    return build.concat(inner, c)


FAMILIES: dict[str, tuple[Step, ...]] = {
    "conv": (dense, dense, extreme, grouped, grouped, residual),
    "depthwise": (depthwise, depthwise, whole, residual),
    "elementwise": (rescale, rescale, add, double),
    "pool": (pool, pool, pool, whole_average, two_paddings),
    "move": (concat, concat, nested),
}
"""The operators of each file of compile/kernels, from input to output tensor."""
