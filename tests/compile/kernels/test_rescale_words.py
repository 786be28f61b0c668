"""PReLU in 16-bit words: used where exact, in every layout of pixels and vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile.arithmetic.words import word_factors
from pocketvision.compile.graph import Conv, FusedActivation, Rescale
from pocketvision.compile.kernels.conv.shape import ConvShape
from pocketvision.compile.kernels.elementwise import RescaleShape
from pocketvision.compile.kernels.epilogue import Product
from pocketvision.compile.kernels.rescale.shape import WordsShape
from pocketvision.compile.lower import lower
from pocketvision.compile.pipeline import instruction_set
from pocketvision.compile.targets import TARGETS

from ..graphs import Builder, inputs
from ..runners import Machines
from .cases import on_every_target, on_every_target_of_dense_layers

UNIT = 2.0**-15


def factors(
    random: np.random.Generator, channels: int, shift: int, rising: bool = False
) -> tuple[np.ndarray, ...]:
    """Exact scales of each sign; the largest needs ``shift``.

    ``rising``: no positive one is negative or less than its negative sign's.
    """
    least, most = ([[8000], [-8000]], [[16000], [8000]]) if rising else (-8000, 16000)
    values = (2 * random.integers(least, most, (2, channels)) + 1) * UNIT * 2**shift
    values[0, 0] = (2**15 - 1) * UNIT * 2**shift
    return tuple(values.astype(np.float32))


@on_every_target
@pytest.mark.parametrize("shape", [(5, 9, 16), (3, 7, 32), (4, 3, 48), (2, 3, 128), (3, 1, 20)])
@pytest.mark.parametrize(("shift", "rising"), [(0, False), (2, False), (1, True), (2, True)])
def test_every_layout(
    machines: Machines, target: str, shape: tuple, shift: int, rising: bool
) -> None:
    build = Builder(shape[2], shape)
    build.rescale("input", zero=-128)
    x = build.rescale("t1", zero=5, clamp=(-100, 90))
    x = build.depthwise(x, (3, 3), pads=(1, 1, 1, 1))
    for index, op in enumerate(build.ops):
        if isinstance(op, Rescale):
            scale, negative = factors(build.random, shape[2], shift, rising)
            build.ops[index] = replace(op, scale=scale, negative_scale=negative)
    graph = build.graph(x)
    isa = instruction_set(TARGETS[target])
    shapes = lower.lower(graph, isa).kernels
    kernels = {type(k) for k in shapes}
    portable = not isa.bytes
    assert (WordsShape in kernels, RescaleShape in kernels) == (not portable, portable)
    products = {k.product for k in shapes if isinstance(k, WordsShape)}
    plus = rising and isa.accumulates
    assert products == (set() if portable else {Product(shift - plus, plus)})
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target_of_dense_layers
def test_behind_convolutions(machines: Machines, target: str) -> None:
    build = Builder(7, (6, 11, 24))
    x = build.conv("input", 40, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    x = build.conv(x, 96, two_scales=True, clamp=(-90, 127))
    x = build.depthwise(x, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    for index, op in enumerate(build.ops):
        if isinstance(op, Conv):
            scale, negative = factors(build.random, len(op.bias), index % 2)
            middle = FusedActivation(scale[0], negative, 3 * index, -128, 127 - index)
            build.ops[index] = replace(op, activation=middle)
    graph = build.graph(x)
    program = lower.lower(graph, instruction_set(TARGETS[target]))
    words = [k.rounding.words for k in program.kernels if isinstance(k, ConvShape)]
    both = [Product(0, plus=False), Product(1, plus=False)]
    assert words == ([None, None] if not program.isa.bytes else both)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


def test_no_factor_is_found_where_there_is_none() -> None:
    channels = np.ones(3, np.float32)
    assert word_factors(channels, channels, 0, -128, 127) is not None
    # Half a step for every odd value: the float rule rounds to even, words round up.
    assert word_factors(channels / 2, channels, 0, -128, 127) is None
    assert word_factors(channels * 1000, channels, 0, -128, 127) is None


@on_every_target_of_dense_layers
@pytest.mark.parametrize("channels", [16, 40, 64])
@pytest.mark.parametrize("clamp", [(-128, 127), (-40, 90)])
def test_what_only_convolutions_read(
    machines: Machines, target: str, channels: int, clamp: tuple[int, int]
) -> None:
    """Cortex-M does it on their way in: whole maps, every other pixel, windows side by side."""
    build = Builder(8, (10, 14, channels))
    inside, beside = (
        build.rescale("input", two_scales=True, clamp=clamp, zero=3) for _ in range(2)
    )
    whole = build.conv(inside, 24, (1, 1), stride=(2, 2))
    cropped = build.conv(inside, 32, (1, 1), stride=(2, 2), pads=(-1, -1, 0, 0), like=whole)
    side = build.conv(beside, 24, (2, 2), stride=(2, 2), like=whole)
    within = build.rescale(build.concat(whole, cropped, side), two_scales=True, clamp=clamp)
    x = build.conv(within, 36, (1, 1))
    for index, op in enumerate(build.ops):
        if isinstance(op, Rescale):
            scale, negative = factors(build.random, len(op.scale), 1)
            build.ops[index] = replace(op, scale=scale, negative_scale=negative)
    graph = build.graph(x)
    entering = set(lower.lower(graph, instruction_set(TARGETS[target])).prologues)
    if target in ("cortex-m4", "cortex-m7", "cortex-m33"):
        assert entering == {inside, beside, within}
    elif target == "cortex-m55":
        assert entering == ({inside, within} if channels % 16 == 0 else {within})
    else:
        assert not entering
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))
