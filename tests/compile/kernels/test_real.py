"""Float32 between quantisations against the reference, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from ..graphs import inputs
from ..runners import Machines
from ..wide_graphs import EVERY, NORMAL, WideBuilder, real_inputs
from .cases import LONG, QUICK, check, on_every_target, random_cases

OPERATIONS = ("add", "subtract", "multiply", "divide", "maximum", "minimum")


@on_every_target
@pytest.mark.parametrize("channels", [1, 37])
def test_functions_and_the_ways_in_and_out(machines: Machines, target: str, channels: int) -> None:
    build = WideBuilder(channels, (3, 5, channels))
    x = build.dequantise(build.rescale("input", two_scales=True))
    apart = build.unary(x, "prelu", slopes=channels)
    one = build.unary(x, "prelu", slopes=1)
    clipped = build.unary(apart, "clip")
    root = build.unary(build.unary(one, "abs"), "sqrt")
    outputs = [build.quantise(apart), build.quantise(clipped, clamp=(-100, 30)), root, clipped]
    graph = build.graph(*outputs, build.quantise(root), one)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_operations_on_values_of_every_magnitude(machines: Machines, target: str) -> None:
    """Inputs of float32: infinities arise, zeros have signs; each operand is repeated in turn.

    Vectors of a Cortex-M55 take numbers below 2^-126 for zero, so none arise there.
    """
    build = WideBuilder(2, (1, 1, 1))
    a = build.real_input((4, 3, 21))
    others = [build.real_input(s) for s in ((4, 3, 21), (1, 1, 21), (4, 1, 1), (1, 3, 21))]
    found = [build.binary(a, others[0], kind) for kind in OPERATIONS]
    found += [build.binary(*pair, "multiply") for b in others[1:] for pair in ((a, b), (b, a))]
    found.append(build.binary(others[2], others[3], "add"))
    stored = build.quantise(found[2], scale=0.02)
    graph = build.graph(*found, stored)
    shapes = [graph.tensors[name].shape for name in graph.inputs[1:]]
    powers = NORMAL if target == "cortex-m55" else EVERY
    given = [real_inputs(build.random, 3, shape, powers) for shape in shapes]
    given[1] = np.where(given[1] == 0, np.float32(1), given[1])  # what is no number has no one form
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]), *given)


@on_every_target
def test_every_tie_rounds_to_even(machines: Machines, target: str) -> None:
    """Quotients that are halves, beyond the range, infinite, and no numbers."""
    build = WideBuilder(3, (1, 1, 1))
    x = build.real_input((1, 43, 13))
    graph = build.graph(build.quantise(x, scale=0.5), build.quantise(x, scale=0.3, clamp=(-9, 80)))
    halves = np.arange(-559 / 2, 559 / 2)[:559] / 2
    odd = [np.nan, -np.nan, np.inf, -np.inf, 1e38, -1e38, 3e9, -3e9, 1e-45, -0.0]
    halves[: len(odd)] = odd
    values = halves.astype(np.float32).reshape(1, 1, 43, 13)
    machines.check(graph, target, inputs(build.random, 1, graph.tensors["input"]), values)


@on_every_target
def test_whole_numbers_and_signs(machines: Machines, target: str) -> None:
    """Halves, what is beyond 2^22 and 2^23, zeros of either sign, infinite, and no numbers."""
    build = WideBuilder(3, (1, 1, 1))
    x = build.real_input((1, 43, 13))
    graph = build.graph(build.unary(x, "round"), build.unary(x, "sign"))
    values = np.arange(-559 / 2, 559 / 2)[:559] / 4
    odd = [np.nan, np.inf, -np.inf, 1e38, -1e38, 2**22 - 0.5, 2**22 + 0.5, 2**23 + 1, -0.0, 0.0]
    values[: len(odd)] = odd
    given = values.astype(np.float32).reshape(1, 1, 43, 13)
    machines.check(graph, target, inputs(build.random, 1, graph.tensors["input"]), given)


@on_every_target
def test_what_is_no_number_stays_none(machines: Machines, target: str) -> None:
    """Through maxima, minima and clips it reaches the end, where it is the zero point."""
    build = WideBuilder(4, (1, 1, 1))
    a, b = build.real_input((1, 2, 17)), build.real_input((1, 2, 17))
    both = [build.binary(a, b, "maximum"), build.binary(a, b, "minimum"), build.unary(a, "clip")]
    pooled = build.real_pool(a, "max", (1, 2))
    graph = build.graph(*(build.quantise(x, scale=0.05) for x in (*both, pooled)))
    given = [real_inputs(build.random, 3, (1, 2, 17)) for _ in range(2)]
    for values in given:
        values[build.random.random(values.shape) < 0.3] = np.nan
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]), *given)


@on_every_target
@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling(machines: Machines, target: str, kind: str) -> None:
    """Padding on every side, none, cropped, and the whole map."""
    build = WideBuilder(5, (9, 8, 19))
    x = build.dequantise("input")
    outputs = [
        build.real_pool(x, kind, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1)),
        build.real_pool(x, kind, (2, 3), pads=(1, 0, 0, 2)),
        build.real_pool(x, kind, (2, 2), stride=(2, 2), pads=(-1, 0, 0, -1)),
        build.real_pool(x, kind, (9, 8)),
    ]
    graph = build.graph(*outputs)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target
@pytest.mark.parametrize("outputs", [10, 37])
def test_sums_that_leave_as_floats(machines: Machines, target: str, outputs: int) -> None:
    build = WideBuilder(outputs, (6, 5, 20))
    x = build.conv("input", 24, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    made = [
        build.real_conv("input", outputs, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1)),
        build.real_conv(x, outputs),
        build.real_conv(x, outputs, (6, 5)),
        build.real_conv(x, 4 * outputs, (1, 1), groups=4),
        build.real_conv(x, 24, (3, 3), pads=(1, 1, 1, 1), groups=24),
    ]
    graph = build.graph(*made)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target
def test_floats_move_like_bytes(machines: Machines, target: str) -> None:
    build = WideBuilder(6, (4, 6, 9))
    x = build.dequantise("input")
    padded = build.select(x, [-1, *range(4)], [*range(6), -1], None)
    fixed = build.constant((4, 6, 5), like=x)
    deep = build.concat_along(2, x, fixed, build.unary(x, "abs"))
    outputs = [
        padded,
        build.move(x, (4, 6, 9), (2, 0, 1), (1, 1, 216)),
        build.move(x, (4, 6, 9), (0, 1, 2), (4, 9, 6)),
        build.concat_along(0, x, x),
        build.unary(deep, "prelu", slopes=23),
    ]
    graph = build.graph(*outputs, deep)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "real", target, seed, length, shape)


@pytest.mark.full
@on_every_target
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "real", target, seed, length, shape)
