"""Depthwise convolution against the reference, byte for byte."""

from __future__ import annotations

import pytest

from ..graphs import Builder, inputs
from ..runners import Machines
from .cases import LONG, QUICK, check, on_every_target, random_cases


@on_every_target
def test_every_kernel_and_stride(machines: Machines, target: str) -> None:
    build = Builder(1, (30, 29, 21))
    x = "input"
    for side, stride, two_scales in (
        (3, 1, True), (5, 1, False), (7, 1, True), (3, 2, False), (5, 2, True), (7, 1, False),
    ):  # fmt: skip
        half = side // 2
        x = build.depthwise(
            x, (side, side), stride=(stride, stride), pads=(half,) * 4, two_scales=two_scales
        )
    x = build.depthwise(x, (7, 7), stride=(2, 2), pads=(3, 3, 3, 3), clamp=(-100, 60))
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_even_kernels_and_unequal_strides(machines: Machines, target: str) -> None:
    build = Builder(4, (17, 22, 40))
    x = "input"
    for kernel, stride in (((2, 2), (1, 1)), ((1, 1), (1, 1)), ((4, 3), (1, 2)), ((2, 5), (2, 1))):
        x = build.depthwise(x, kernel, stride=stride)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
@pytest.mark.parametrize("height, width", [(2, 4), (3, 5), (7, 7), (14, 9), (5, 1), (1, 6)])
def test_maps_that_no_tile_divides(
    machines: Machines, target: str, height: int, width: int
) -> None:
    build = Builder(4, (height, width, 24))
    x = "input"
    for side in (3, 5, 7):
        half = side // 2
        x = build.depthwise(x, (side, side), pads=(half,) * 4, two_scales=side == 5)
    x = build.depthwise(x, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1), two_scales=True)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 1, graph.tensors["input"]))


@on_every_target
def test_whole_map(machines: Machines, target: str) -> None:
    build = Builder(2, (7, 7, 80))
    x = build.depthwise("input", (7, 7))
    x = build.conv(x, 128)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_add_where_the_result_leaves(machines: Machines, target: str) -> None:
    build = Builder(3, (6, 19, 33))
    x = build.rescale("input", two_scales=True)
    x = build.depthwise(x, (3, 3), pads=(1, 1, 1, 1), add="input", two_scales=True)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "depthwise", target, seed, length, shape)


@pytest.mark.full
@on_every_target
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "depthwise", target, seed, length, shape)


@pytest.mark.parametrize("clamp", [(-128, 127), (0, 127)], ids=["plain", "relu"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(2, 8, 8), (9, 11, 24), (5, 9, 20), (40, 16, 16), (12, 13, 40)])
def test_results_that_leave_with_their_sums(
    machines: Machines, shape: tuple[int, int, int], stride: int, clamp: tuple[int, int]
) -> None:
    """Of one vector a window, several row pairs, a last unit that begins inside the one before."""
    build = Builder(8, shape)
    options = {"stride": (stride, stride), "clamp": clamp}
    zero = 0 if clamp[0] == 0 else None
    x = build.depthwise("input", (3, 3), pads=(1, 1, 1, 1), zero=zero, **options)
    graph = build.graph(build.depthwise(x, (2, 3), pads=(0, 1, 1, 1), zero=zero, clamp=clamp))
    machines.check(graph, "cortex-m55", inputs(build.random, 2, graph.tensors["input"]))


@pytest.mark.parametrize("kernel", [(1, 4), (2, 4), (1, 2), (1, 7), (3, 3), (4, 2)])
def test_words_of_a_window(machines: Machines, kernel: tuple[int, int]) -> None:
    """Four words may be two in each of two lines: a last unit has words of its own then."""
    build = Builder(9, (7, 12, 8))
    graph = build.graph(build.depthwise("input", kernel))
    machines.check(graph, "cortex-m55", inputs(build.random, 2, graph.tensors["input"]))
