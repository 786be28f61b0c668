"""Rescale, PReLU, ReLU, copy, add, multiply and tables against the reference, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from ..graphs import Builder, inputs
from ..runners import Machines
from .cases import LONG, QUICK, check, on_every_target, random_cases


@on_every_target
@pytest.mark.parametrize("channels", [1, 15, 16, 17, 40, 96])
def test_every_form(machines: Machines, target: str, channels: int) -> None:
    build = Builder(channels, (5, 9, channels))
    x = build.rescale("input", two_scales=True)
    y = build.rescale("input", zero=12)
    x = build.add(x, y)
    relu = build.rescale(x, zero=-128, clamp=(-128, 127))
    x = build.add(relu, x, clamp=(-60, 70))
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
@pytest.mark.parametrize("factor", [0.5, 0.25, 1.5])
def test_every_value_and_ties(machines: Machines, target: str, factor: float) -> None:
    """All 256 inputs; halves round to even, counted from the zero points."""
    build = Builder(5, (16, 16, 1), zero=-3)
    x = build.rescale("input", factor=factor, zero=7)
    graph = build.graph(x)
    every = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16, 1)
    machines.check(graph, target, every)


@on_every_target
def test_every_pair_of_values(machines: Machines, target: str) -> None:
    """All 65,536 sums of two int8 values of different scales and zero points."""
    build = Builder(6, (256, 256, 2))
    a = build.conv("input", weight=np.array([[[[1]], [[0]]]], np.int8), outputs=1)
    b = build.conv("input", weight=np.array([[[[0]], [[1]]]], np.int8), outputs=1)
    graph = build.graph(build.add(a, b))
    grid = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)), axis=2)
    machines.check(graph, target, grid[None].astype(np.int8))


@on_every_target
@pytest.mark.parametrize("channels", [1, 15, 16, 17, 40, 96])
def test_products_gates_and_tables(machines: Machines, target: str, channels: int) -> None:
    build = Builder(channels, (5, 9, channels))
    x = build.rescale("input", two_scales=True)
    whole = build.multiply("input", x, clamp=(-90, 110))
    mean = build.pool(whole, "average", (5, 9))
    gate = build.table(mean, clamp=(-120, 127))
    graph = build.graph(build.table(build.multiply(whole, gate)))
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_every_product_and_table_entry(machines: Machines, target: str) -> None:
    """All 65,536 products of two int8 values, and all 256 results of a table."""
    build = Builder(8, (256, 256, 2))
    a = build.conv("input", weight=np.array([[[[1]], [[0]]]], np.int8), outputs=1)
    b = build.conv("input", weight=np.array([[[[0]], [[1]]]], np.int8), outputs=1)
    graph = build.graph(build.multiply(a, b))
    grid = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)), axis=2)
    machines.check(graph, target, grid[None].astype(np.int8))
    build = Builder(9, (16, 16, 1))
    every = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16, 1)
    machines.check(build.graph(build.table("input")), target, every)


@on_every_target
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "elementwise", target, seed, length, shape)


@pytest.mark.full
@on_every_target
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "elementwise", target, seed, length, shape)
