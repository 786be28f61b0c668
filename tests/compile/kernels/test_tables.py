"""Softmax and interpolation against the reference, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from ..graphs import inputs
from ..runners import Machines
from ..wide_graphs import WideBuilder
from .cases import on_every_target


@on_every_target
@pytest.mark.parametrize("channels", [1, 21])
def test_shares_of_a_pixel(machines: Machines, target: str, channels: int) -> None:
    build = WideBuilder(channels, (4, 3, channels))
    x = build.rescale("input", two_scales=True)
    outputs = [build.softmax(x), build.softmax(x, real=True), build.softmax(x, clamp=(-90, 40))]
    graph = build.graph(*outputs)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_a_thousand_shares(machines: Machines, target: str) -> None:
    """All values at one end: the largest sum there is."""
    build = WideBuilder(2, (1, 1, 1000))
    graph = build.graph(build.softmax("input"), build.softmax("input", real=True))
    ends = np.full((2, 1, 1, 1000), 127, np.int8)
    ends[1] = build.random.choice([-128, 127], 1000)
    machines.check(graph, target, ends)


@on_every_target
@pytest.mark.parametrize("channels", [3, 40])
def test_rows_and_columns_between_others(machines: Machines, target: str, channels: int) -> None:
    build = WideBuilder(channels, (5, 4, channels))
    x = build.rescale("input", two_scales=True)
    larger = build.interpolate(x, 9, 7)
    outputs = [build.interpolate(larger, 3, 2, factor=0.5), build.interpolate(x, 6, 5, factor=1e6)]
    graph = build.graph(larger, *outputs)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
@pytest.mark.parametrize("zero", [-128, 127])
def test_the_largest_sums(machines: Machines, target: str, zero: int) -> None:
    build = WideBuilder(3, (2, 2, 16), zero=zero)
    graph = build.graph(build.interpolate("input", 3, 3))
    ends = np.stack([np.full((2, 2, 16), end, np.int8) for end in (-128, 127)])
    machines.check(graph, target, ends)
