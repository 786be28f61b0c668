"""Dense, grouped and 1x1 convolution against the reference, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from ..graphs import Builder, inputs
from ..runners import Machines
from .cases import LONG, QUICK, check, on_every_target_of_dense_layers, random_cases


@on_every_target_of_dense_layers
def test_stem_and_every_kernel_size(machines: Machines, target: str) -> None:
    build = Builder(1, (29, 27, 3))
    x = build.conv("input", 20, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1), two_scales=True)
    x = build.conv(x, 33, (1, 1), two_scales=True)
    x = build.conv(x, 17, (5, 5), pads=(2, 2, 2, 2))
    x = build.conv(x, 64, (2, 2), stride=(2, 2))
    x = build.conv(x, 48, (1, 1), stride=(2, 2), clamp=(-20, 90))
    x = build.conv(x, 96, build_whole(build, x))
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target_of_dense_layers
def test_groups_of_every_width(machines: Machines, target: str) -> None:
    build = Builder(2, (9, 7, 24))
    x = build.conv("input", 48, (3, 3), pads=(1, 1, 1, 1), groups=3)
    for groups, outputs in ((6, 48), (6, 96), (12, 36), (4, 20), (5, 80), (2, 64), (32, 96)):
        x = build.conv(x, outputs, (3, 3), pads=(1, 1, 1, 1), groups=groups, two_scales=True)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target_of_dense_layers
@pytest.mark.parametrize("side, inputs_, outputs, groups", [(2, 96, 3, 3), (1, 288, 18, 18)])
def test_groups_do_not_fill_a_vector_of_outputs(
    machines: Machines, target: str, side: int, inputs_: int, outputs: int, groups: int
) -> None:
    """The last block of outputs stands for groups that do not exist: nothing may be read there."""
    build = Builder(5, (side, side, inputs_))
    graph = build.graph(build.conv("input", outputs, groups=groups))
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target_of_dense_layers
@pytest.mark.parametrize("kernel", [(1, 3), (1, 2), (3, 1), (2, 3)])
def test_taps_of_a_row_side_by_side(
    machines: Machines, target: str, kernel: tuple[int, int]
) -> None:
    """Without padding the rows of inputs and outputs differ in length."""
    build = Builder(8, (5, 9, 32))
    x = build.conv("input", 48, kernel, two_scales=True)
    graph = build.graph(build.conv(x, 24, (1, kernel[1]), groups=4))
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target_of_dense_layers
@pytest.mark.parametrize("side", [1, 3])
@pytest.mark.parametrize("channels", [1, 6, 20, 40])
def test_inputs_packed_by_fours(machines: Machines, target: str, channels: int, side: int) -> None:
    build = Builder(6, (9, 7, channels))
    x = build.conv("input", 16, (side, side), pads=(side // 2,) * 4, two_scales=True)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target_of_dense_layers
def test_groups_of_eight(machines: Machines, target: str) -> None:
    """Fewer channels than a vector, into more outputs and into fewer."""
    build = Builder(7, (6, 5, 48))
    x = build.conv("input", 96, (3, 3), pads=(1, 1, 1, 1), groups=6, two_scales=True)
    x = build.conv(x, 96, (1, 1), groups=12)
    x = build.conv(x, 48, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1), groups=12)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


@on_every_target_of_dense_layers
def test_add_where_the_result_leaves(machines: Machines, target: str) -> None:
    build = Builder(3, (11, 13, 40))
    x = build.conv("input", 40, (3, 3), pads=(1, 1, 1, 1), add="input", two_scales=True)
    y = build.conv(x, 40, (1, 1), add=x, clamp=(-90, 100))
    y = build.conv(y, 40, (1, 1), add=x)
    graph = build.graph(y)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target_of_dense_layers
@pytest.mark.parametrize("zero", [-128, 127])
def test_largest_sums(machines: Machines, target: str, zero: int) -> None:
    """All weights and activations at their ends: 25 x 96 products of up to 128 x 255."""
    build = Builder(4, (8, 8, 96), zero=zero)
    weight = np.full((32, 96, 5, 5), -128, np.int8)
    weight[16:] = 127
    x = build.conv("input", pads=(2, 2, 2, 2), weight=weight, outputs=32)
    graph = build.graph(x)
    ends = np.stack([np.full((8, 8, 96), end, np.int8) for end in (-128, 127)])
    machines.check(graph, target, ends)


@on_every_target_of_dense_layers
def test_rows_and_weights_of_many_channels(machines: Machines, target: str) -> None:
    """More than a scratch in the first cache level holds (conv_staged.py): parts of rows."""
    build = Builder(6, (5, 45, 96))
    x = build.conv("input", 40, (3, 3), pads=(1, 1, 1, 1), two_scales=True)
    x = build.conv(x, 200, (1, 1))
    x = build.conv(x, 24, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1))
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))


def build_whole(build: Builder, x: str) -> tuple[int, int]:
    """The kernel that covers the whole map."""
    return build.tensors[x].height, build.tensors[x].width


@on_every_target_of_dense_layers
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "conv", target, seed, length, shape)


@pytest.mark.full
@on_every_target_of_dense_layers
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "conv", target, seed, length, shape)


@on_every_target_of_dense_layers
@pytest.mark.parametrize("kernel", [1, 3])
def test_weights_from_far(machines: Machines, target: str, kernel: int) -> None:
    """So many of them that the next ones are fetched while the first ones are used."""
    build = Builder(7, (7, 7, 192 if kernel == 1 else 48))
    pads = (kernel // 2,) * 4
    x = build.conv("input", 400 if kernel == 1 else 176, (kernel, kernel), pads=pads)
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 2, graph.tensors["input"]))
