"""Exponentials, logarithms, convolutions and ArgMax of float32 against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from ..graphs import inputs
from ..runners import Machines
from ..wide_graphs import EVERY, NORMAL, WideBuilder, real_inputs
from .cases import on_every_target

ODD = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 2.0**-126, -126.5, 127.9999, 88.73, 1e38]


@on_every_target
def test_curves(machines: Machines, target: str) -> None:
    build = WideBuilder(7, (1, 1, 1))
    x = build.real_input((3, 5, 21))
    graph = build.graph(build.unary(x, "exp"), build.unary(x, "log"))
    powers = NORMAL if target == "cortex-m55" else EVERY
    values = real_inputs(build.random, 3, (3, 5, 21), powers)
    values[0] = build.random.uniform(-130, 130, values[0].shape)
    # Vectors of a Cortex-M55 take numbers below 2^-126 for zero, whose sign is then none.
    odd = [v for v in ODD if target != "cortex-m55" or abs(v) != 1e-45]
    values.reshape(-1)[: len(odd)] = odd
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]), values)


CONVOLUTIONS = {
    "dense": ((5, 6, 9), {"outputs": 21, "kernel": (3, 2), "pads": (1, 0, 1, 1)}),
    "one pixel": ((1, 1, 33), {"outputs": 7, "kernel": (1, 1)}),
    "strided": (
        (7, 8, 4), {"outputs": 16, "kernel": (3, 3), "stride": (2, 3), "pads": (2, 2, 0, 1)},
    ),
    "cropped": ((6, 6, 3), {"outputs": 5, "kernel": (2, 2), "pads": (-1, 1, 0, -1)}),
    "depthwise": (
        (6, 5, 19), {"outputs": 19, "kernel": (3, 3), "pads": (1, 1, 1, 1), "groups": 19},
    ),
    "groups": ((4, 4, 6), {"outputs": 9, "kernel": (3, 1), "pads": (1, 0, 1, 0), "groups": 3}),
}  # fmt: skip


@on_every_target
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions(machines: Machines, target: str, case: str) -> None:
    build = WideBuilder(8, (1, 1, 1))
    shape, options = CONVOLUTIONS[case]
    graph = build.graph(build.float_conv(build.real_input(shape), **options))
    values = build.random.normal(0, 1, (2, *shape)).astype(np.float32)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]), values)


@on_every_target
@pytest.mark.parametrize("last", [False, True])
def test_the_largest_channel(machines: Machines, target: str, last: bool) -> None:
    build = WideBuilder(9, (4, 3, 21))
    x = build.real_input((2, 3, 5))
    graph = build.graph(build.argmax("input", last=last), build.argmax(x, last=last))
    stored = build.random.integers(-128, -120, (3, 4, 3, 21)).astype(np.int8)
    values = build.random.integers(-2, 3, (3, 2, 3, 5)).astype(np.float32)
    values[0, 0, 0] = [0.0, -0.0, np.nan, 0.0, -1]
    machines.check(graph, target, stored, values)
