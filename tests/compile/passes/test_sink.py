"""The pass sink: what moves, what stays, that no byte changes and that the arena shrinks."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Graph
from pocketvision.compile.lower import layout, lower
from pocketvision.compile.memory import lifetimes
from pocketvision.compile.memory.plan import plan
from pocketvision.compile.passes import sink
from pocketvision.compile.pipeline import instruction_set
from pocketvision.compile.targets import TARGETS

from .. import random_graphs
from ..graphs import Builder, inputs


def order(graph: Graph) -> list[str]:
    return [op.output for op in graph.ops]


def arena(graph: Graph) -> int:
    program = lower.lower(graph, instruction_set(TARGETS["x86-64-portable"]))
    return plan(lifetimes.spans(program.calls)).lower_bound


def test_a_copy_of_what_lives_on_waits_for_its_reader() -> None:
    build = Builder(1, (8, 8, 16))
    x = build.conv("input", 16)
    early = build.rescale(x, two_scales=True)
    y = build.rescale(x, two_scales=True)
    for _ in range(3):
        y = build.conv(y, 16)
    y = build.add(x, y)
    graph = build.graph(build.add(early, y))
    found = sink.run(graph).validate()
    moved = order(found)
    assert moved.index(early) == moved.index(graph.outputs[0]) - 1
    assert arena(found) < arena(graph)
    x_in = inputs(build.random, 2, graph.tensors["input"])
    assert np.array_equal(reference.run(found, x_in), reference.run(graph, x_in))


def test_what_makes_things_smaller_stays_early() -> None:
    build = Builder(2, (8, 8, 64))
    wide = build.conv("input", 64)
    small = build.conv(wide, 8)
    other = build.conv("input", 64)
    graph = build.graph(build.add(small, build.conv(other, 8)))
    assert order(sink.run(graph)) == order(graph)


def test_parts_of_a_concatenation_wait_for_the_last() -> None:
    build = Builder(3, (8, 8, 16))
    a = build.depthwise(build.rescale("input", two_scales=True), pads=(1, 1, 1, 1))
    y = build.rescale("input", two_scales=True)
    for _ in range(2):
        y = build.conv(y, 16)
    b = build.depthwise(y, pads=(1, 1, 1, 1), like=a)
    graph = build.graph(build.conv(build.concat(a, b), 16))
    found = sink.run(graph).validate()
    moved = order(found)
    assert moved.index(b) == moved.index(a) + 1
    assert layout.assign(found).places[a][0] == layout.assign(found).places[b][0]
    x_in = inputs(build.random, 2, graph.tensors["input"])
    assert np.array_equal(reference.run(found, x_in), reference.run(graph, x_in))


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_keep_their_bytes(seed: int) -> None:
    graph, x, _ = random_graphs.case("conv", seed, 10, (9, 7, 24))
    found = sink.run(graph).validate()
    assert sorted(order(found)) == sorted(order(graph))
    assert np.array_equal(reference.run(found, x), reference.run(graph, x))
