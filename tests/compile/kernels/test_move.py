"""Concatenation, padding and the copies at both ends against the reference, byte for byte."""

from __future__ import annotations

import pytest

from ..graphs import Builder, inputs
from ..runners import Machines
from .cases import LONG, QUICK, check, on_every_target, random_cases


@on_every_target
@pytest.mark.parametrize("widths", [(16, 16), (32, 16, 5), (5, 16), (3, 7, 1), (1, 1)])
def test_parts_of_every_alignment(machines: Machines, target: str, widths: tuple) -> None:
    build = Builder(1, (6, 7, 12))
    parts = [build.conv("input", widths[0])]
    parts += [build.conv("input", width, like=parts[0]) for width in widths[1:]]
    x = build.concat(*parts)
    x = build.conv(x, 10, (3, 3), pads=(1, 1, 1, 1))
    graph = build.graph(x)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_parts_with_readers_of_their_own(machines: Machines, target: str) -> None:
    """A part used twice, the input as a part, a concatenation in a concatenation."""
    build = Builder(2, (8, 6, 16))
    a = build.conv("input", 16, like="input")
    x = build.concat("input", a, a)
    b = build.depthwise(a, (3, 3), pads=(1, 1, 1, 1), like="input")
    y = build.concat(b, build.conv(x, 16, like="input"))
    z = build.concat(y, b, build.conv(y, 9, (3, 3), pads=(1, 1, 1, 1), like="input"))
    graph = build.graph(z)
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
def test_input_is_output(machines: Machines, target: str) -> None:
    """Both copies alone, with a pixel that no vector fits."""
    build = Builder(3, (3, 5, 7))
    graph = build.graph(build.rescale("input", factor=1.0, like="input"))
    machines.check(graph, target, inputs(build.random, 3, graph.tensors["input"]))


@on_every_target
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_inputs_of_few_channels(machines: Machines, target: str, channels: int) -> None:
    """Rows shorter than a vector, with a rest, and between borders."""
    build = Builder(4, (3, 21, channels))
    others = [build.more_input((5, width, channels)) for width in (4, 6, 16, 19)]
    outputs = [build.conv(x, 8, (3, 3), pads=(1, 1, 1, 1)) for x in ("input", *others[:2])]
    graph = build.graph(*outputs, *(build.conv(x, 8) for x in others[2:]))
    tensors = [graph.tensors[name] for name in graph.inputs]
    machines.check(graph, target, *(inputs(build.random, 3, tensor) for tensor in tensors))


@on_every_target
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "move", target, seed, length, shape)


@pytest.mark.full
@on_every_target
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "move", target, seed, length, shape)
