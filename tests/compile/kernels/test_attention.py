"""Products of two activations and layer norm against the reference, byte for byte."""

from __future__ import annotations

import pytest

from pocketvision.compile.arithmetic.scales import Norm

from ..graphs import inputs
from ..runners import Machines
from ..wide_graphs import WideBuilder
from .cases import LONG, QUICK, check, on_every_target, random_cases

PRODUCTS = (
    ((3, 5, 21), (3, 7, 21), 3, (False, False, False)),
    ((1, 1, 1), (1, 1, 1), 1, (False, False, False)),
    ((1, 6, 64), (1, 7, 64), 4, (True, True, False)),
    ((4, 6, 7), (4, 16, 7), 4, (False, False, True)),
    ((1, 4, 39), (3, 33, 13), 3, (True, False, False)),
)
"""Shapes of both tensors, heads, and whether a, b and the result have them side by side."""


@on_every_target
def test_products(machines: Machines, target: str) -> None:
    build = WideBuilder(1, PRODUCTS[0][0])
    outputs = []
    for first, second, heads, beside in PRODUCTS:
        a = build.more_input(first) if outputs else "input"
        b = build.more_input(second)
        outputs.append(build.matmul(a, b, heads, beside))
    outputs.append(build.matmul("input", "input", 3, clamp=(-30, 50)))
    graph = build.graph(*outputs)
    given = [inputs(build.random, 3, graph.tensors[name]) for name in graph.inputs]
    machines.check(graph, target, *given)


NORMS = (
    (48, {"inside": 1e-5}),
    (33, {"beside": 1e-3, "factor": 33 / 32}),
    (16, {}),
    (70, {"inside": 30.0}),
    (1, {"inside": 1e-5}),
    (37, {"inside": 1e-5, "centred": False}),
)
"""Channels, and the parts of a norm that are not of each channel."""


@on_every_target
def test_norms(machines: Machines, target: str) -> None:
    build = WideBuilder(2, (3, 4, NORMS[0][0]))
    outputs = []
    for channels, options in NORMS:
        x = build.more_input((3, 4, channels)) if outputs else "input"
        gain = build.random.normal(0, 1, channels)
        gain[:: channels // 3 + 1] = 0
        norm = Norm(gain, build.random.normal(0, 1, channels), **options)
        outputs += [build.layer_norm(x, norm), build.layer_norm(x, norm, clamp=(-9, 80))]
    graph = build.graph(*outputs)
    given = [inputs(build.random, 3, graph.tensors[name]) for name in graph.inputs]
    for values in given:
        values[0, 0, :, :] = 127  # no deviation at all, the least one, and the largest
        values[0, 0, 1, -1] = 126
        values[0, 0, 2, ::2] = -128
    machines.check(graph, target, *given)


@on_every_target
@random_cases(QUICK)
def test_random(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "attention", target, seed, length, shape)


@pytest.mark.full
@on_every_target
@random_cases(LONG)
def test_many(machines: Machines, target: str, seed: int, length: int, shape: tuple) -> None:
    check(machines, "attention", target, seed, length, shape)
