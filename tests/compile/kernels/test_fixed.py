"""Convolutions rescaled by integer products: used where exact, with and without an activation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pocketvision.compile.arithmetic.fixedpoint import fixed_factors
from pocketvision.compile.graph import Conv, FusedActivation, Tensor, results
from pocketvision.compile.kernels.conv.shape import ConvShape
from pocketvision.compile.kernels.depthwise.shape import DepthwiseShape
from pocketvision.compile.lower import lower
from pocketvision.compile.pipeline import instruction_set
from pocketvision.compile.targets import TARGETS

from ..graphs import Builder, inputs
from ..runners import Machines
from .cases import on_every_target
from .test_rescale_words import factors


def moved(op: Conv, y: Tensor) -> Conv:
    """``op`` with scales that have integer factors: the next ones above its own."""
    zero, low, high = results(op, y, op.activation, None)[0]
    reach = np.abs(op.bias.astype(np.int64)) + 255 * np.abs(op.weight.astype(np.int64)).sum(
        (1, 2, 3)
    )
    largest = np.float32(2.0 ** np.ceil(np.log2(op.scale.max())) * 0.75)
    scale = np.minimum(op.scale, largest)
    for channel in range(len(scale)):
        while True:
            # The largest scale decides on the bits of the fraction; its own reach is of no account.
            pair = np.array([scale[channel], largest])
            if fixed_factors(pair, np.array([reach[channel], 0]), low - zero, high - zero):
                break
            scale[channel] = np.nextafter(scale[channel], np.float32(0))
    return replace(op, scale=scale)


@on_every_target
def test_layers_with_integer_factors(machines: Machines, target: str) -> None:
    build = Builder(9, (6, 11, 24))
    x = build.conv("input", 40, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    x = build.depthwise(x, (3, 3), pads=(1, 1, 1, 1), clamp=(-100, 127))
    x = build.conv(x, 96, two_scales=True, clamp=(-90, 127))
    x = build.depthwise(x, (5, 5), pads=(2, 2, 2, 2), two_scales=True)
    x = build.conv(x, 20)
    for index, op in enumerate(build.ops):
        if not isinstance(op, Conv):
            continue
        if op.activation:
            scale, negative = factors(build.random, len(op.bias), 1, rising=index != 3)
            middle = FusedActivation(scale[0], negative, 3 * index, -128, 127 - index)
            op = replace(op, activation=middle)
        build.ops[index] = moved(op, build.tensors[op.output])
    graph = build.graph(x)
    isa = instruction_set(TARGETS[target])
    shapes = lower.lower(graph, isa).kernels
    found = [k.rounding for k in shapes if isinstance(k, ConvShape | DepthwiseShape)]
    scalar = target.startswith(("cortex-m4", "cortex-m7", "cortex-m33"))
    if not scalar:  # whose rule is another: tests/compile/arithmetic/test_fixedpoint.py
        assert [rounding.fixed > 0 for rounding in found] == [isa.fixed] * 5
    if isa.accumulates:
        assert [rounding.words is not None and rounding.words.plus for rounding in found] == [
            True, False, True, False, False,
        ]  # fmt: skip
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))
