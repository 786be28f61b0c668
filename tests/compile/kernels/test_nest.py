"""Transposes, reshapes, selections, constants and concatenations of any axis, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.compile import pipeline
from pocketvision.compile.kernels.moves.nest import NestShape
from pocketvision.compile.lower.places import dense, paired, permuted, progression
from pocketvision.compile.pipeline import lowered
from pocketvision.compile.targets import TARGETS

from ..graphs import inputs
from ..runners import Machines
from ..wide_graphs import WideBuilder
from .cases import LONG, QUICK, check, on_every_target, random_cases


@on_every_target
def test_reshapes_and_transposes(machines: Machines, target: str) -> None:
    """One nest where sizes divide each other, else through dense memory: 6 and 9, 35 and 15."""
    build = WideBuilder(1, (5, 7, 6))
    x = build.conv("input", 18)
    outputs = [
        build.move(x, (5, 7, 18), (2, 0, 1), (1, 1, 630)),  # a Flatten of C, H, W
        build.move(x, (5, 7, 18), (1, 0, 2), (7, 5, 18)),
        build.move(x, (5, 7, 2, 9), (0, 1, 3, 2), (5, 7, 18)),  # a shuffle
        build.move(x, (5, 7, 18), (0, 1, 2), (5, 18, 7)),
        build.move(x, (630,), (0,), (9, 7, 10)),
        build.move(x, (10, 63), (1, 0), (21, 6, 5)),
        build.move(x, (5, 7, 2, 3, 3), (0, 3, 1, 4, 2), (15, 21, 2)),  # depth to space
    ]
    last = build.move(outputs[0], (630,), (0,), (630, 1, 1))
    graph = build.graph(*outputs, last)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target
def test_selections(machines: Machines, target: str) -> None:
    """Slices, steps, flips, padding, enlargement, shuffles, and places in no order."""
    build = WideBuilder(2, (6, 5, 20))
    x = build.rescale("input", two_scales=True)
    padded = [-1, -1, *range(5), -1]
    random = build.random
    outputs = [
        build.select(x, range(1, 4), None, range(16, 20)),
        build.select(x, range(5, -1, -1), range(0, 5, 2), None),
        build.select(x, [-1, *range(6)], padded, None),
        build.select(x, None, None, [-1, -1, *range(20), -1]),
        build.select(x, np.arange(12) // 2, np.arange(15) // 3, None),
        build.select(x, None, None, np.arange(20).reshape(2, 10).T.ravel()),
        build.select(x, None, None, np.where(np.arange(40) % 3, np.arange(40) // 2, -1)),
        build.select(x, random.integers(0, 6, 9), random.integers(-1, 5, 11), None),
        build.select(x, [2] * 3, [0] * 7, [5] * 33),
    ]
    graph = build.graph(*outputs, build.conv(outputs[2], 8, (3, 3), pads=(1, 1, 1, 1)))
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target
def test_constants_and_concatenations(machines: Machines, target: str) -> None:
    """Constants as operands, as parts, under a padded convolution, and as the output."""
    build = WideBuilder(3, (4, 6, 16))
    x = build.conv("input", 20)
    fixed = build.constant((4, 6, 20), like=x)
    total = build.add(x, fixed)
    rows = build.concat_along(0, x, fixed, x)
    columns = build.concat_along(1, fixed, x)
    deep = build.concat_along(2, x, fixed)
    y = build.conv(rows, 8, (3, 3), pads=(1, 1, 1, 1))
    z = build.conv(fixed, 8, (3, 3), pads=(1, 2, 0, 1))
    graph = build.graph(total, y, z, columns, deep, fixed)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target
@pytest.mark.parametrize("channels", [1, 17, 32])
def test_a_table_for_each_channel(machines: Machines, target: str, channels: int) -> None:
    build = WideBuilder(4, (3, 5, channels))
    graph = build.graph(build.tables(build.tables("input")))
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


def test_values_that_stay_side_by_side_are_one_run() -> None:
    """A crop of columns keeps whole rows together, a flat copy everything."""
    build = WideBuilder(5, (6, 8, 32))
    crop = build.select("input", range(2, 5), range(1, 7), None)
    flat = build.move(crop, (18, 32), (0, 1), (1, 18, 32))
    program = lowered(pipeline.optimise(build.graph(flat)), TARGETS["x86-64-portable"])
    nests = [shape.axes for shape in program.kernels if isinstance(shape, NestShape)]
    assert [[axis.size for axis in axes] for axes in nests] == [[3, 192], [576]]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_nests_move_what_numpy_moves(sizes: list[int], random: object) -> None:
    shape = tuple(sizes)
    order = tuple(random.sample(range(len(sizes)), len(sizes)))  # type: ignore[attr-defined]
    count = int(np.prod(shape))
    axes = permuted(dense((count,)), shape, order, dense((count,)))
    assert axes is not None
    found = np.zeros(count, np.int64)
    for place in np.ndindex(*(axis.size for axis in axes)):
        x = sum(i * axis.x for i, axis in zip(place, axes, strict=True))
        y = sum(i * axis.y for i, axis in zip(place, axes, strict=True))
        found[y] = x
    wanted = np.arange(count).reshape(shape).transpose(order).ravel()
    np.testing.assert_array_equal(found, wanted)


def test_sizes_that_do_not_divide_each_other_have_no_nest() -> None:
    assert paired([(4, 9), (9, 1)], [(6, 6), (6, 1)]) is None
    assert paired([(4, 16), (6, 1)], [(2, 40), (12, 1)]) is not None
    assert progression(np.array([0, 1, 3])) is None
    assert progression(np.array([7, 7, 5, 5])) == [(2, -2), (2, 0)]


@on_every_target
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "nest", target, seed, length, shape)


@pytest.mark.full
@on_every_target
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "nest", target, seed, length, shape)
