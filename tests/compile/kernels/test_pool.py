"""Maximum and average pooling against the reference, byte for byte."""

from __future__ import annotations

import pytest

from pocketvision.compile.passes import split_padding

from ..graphs import Builder, inputs
from ..runners import Machines
from .cases import LONG, QUICK, check, on_every_target, random_cases


@on_every_target
def test_every_form(machines: Machines, target: str) -> None:
    build = Builder(1, (30, 28, 19))
    x = build.pool("input", "max", (2, 2), stride=(2, 2))
    x = build.pool(x, "max", (3, 3), pads=(1, 1, 1, 1), clamp=(-100, 90))
    x = build.pool(x, "average", (3, 3), pads=(1, 1, 1, 1), counted=True)
    x = build.pool(x, "average", (3, 3), stride=(2, 2), pads=(1, 1, 1, 1))
    x = build.pool(x, "max", (5, 5), stride=(2, 2), pads=(2, 2, 2, 2))
    x = build.pool(x, "average", (build.tensors[x].height, build.tensors[x].width))
    graph = split_padding.run(build.graph(x))
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
@pytest.mark.parametrize("kind", ["max", "average"])
def test_windows_that_stop_before_the_end(machines: Machines, target: str, kind: str) -> None:
    """A negative padding at the end, as ceil_mode gives where the last window fits."""
    build = Builder(2, (9, 8, 16))
    x = build.pool("input", kind, (2, 2), stride=(2, 2), pads=(0, 0, -1, 0))
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_padding_of_two_kinds(machines: Machines, target: str) -> None:
    """A padded maximum beside a padded convolution, of the input and of a concatenation."""
    build = Builder(3, (10, 9, 16))
    x = "input"
    for _ in range(2):
        first = build.pool(x, "max", (3, 3), pads=(1, 1, 1, 1))
        second = build.conv(x, 16, (3, 3), pads=(1, 1, 1, 1), like=first)
        x = build.concat(first, second)
        x = build.conv(build.pool(x, "max", (3, 3), pads=(1, 1, 1, 1)), 16)
    graph = split_padding.run(build.graph(x))
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "pool", target, seed, length, shape)


@pytest.mark.full
@on_every_target
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "pool", target, seed, length, shape)
