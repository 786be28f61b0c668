"""The pass split_padding: which maxima get a copy, which share, and that no byte changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile import CompileError
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Op, Pool, Rescale
from pocketvision.compile.lower import layout
from pocketvision.compile.passes import split_padding

from ..graphs import Builder, inputs

SAME = (1, 1, 1, 1)


def of_the_input(build: Builder) -> str:
    return build.pool("input", "max", (3, 3), pads=SAME)


def beside_a_convolution(build: Builder) -> str:
    x = build.conv("input")
    maximum = build.pool(x, "max", (3, 3), pads=SAME)
    return build.add(maximum, build.conv(x, kernel=(3, 3), pads=SAME))


def beside_an_average(build: Builder) -> str:
    x = build.conv("input")
    average = build.pool(x, "average", (3, 3), pads=SAME)
    return build.add(average, build.pool(x, "max", (3, 3), pads=SAME))


def of_a_part(build: Builder) -> str:
    x = build.conv("input", 16)
    maximum = build.pool(x, "max", (3, 3), pads=SAME)
    return build.concat(x, maximum)


def of_a_concatenation(build: Builder) -> str:
    x = build.conv("input", 16)
    return build.pool(build.concat(x, build.conv("input", 8, like=x)), "max", (3, 3), pads=SAME)


@pytest.mark.parametrize(
    "make",
    [of_the_input, beside_a_convolution, beside_an_average, of_a_part, of_a_concatenation],
)
def test_the_maximum_reads_a_copy(make: Callable) -> None:
    build = Builder(1, (6, 7, 8))
    graph = build.graph(make(build))
    after = split_padding.run(graph).validate()
    copies = [op for op in after.ops if isinstance(op, Rescale)]
    (maximum,) = (op for op in after.ops if isinstance(op, Pool) and op.kind == "max")
    (before,) = (op for op in graph.ops if isinstance(op, Pool) and op.kind == "max")
    assert len(after.ops) == len(graph.ops) + 1
    assert [op.inputs for op in copies] == [before.inputs]
    assert [op.output for op in copies] == list(maximum.inputs)
    assert (
        after.tensors[copies[0].output].quantisation == graph.tensors[before.inputs[0]].quantisation
    )
    x = inputs(build.random, 3, graph.tensors["input"])
    assert np.array_equal(reference.run(after, x), reference.run(graph, x))
    layout.assign(after)


def test_names_that_the_graph_has_already() -> None:
    """A tensor and a node of the names that the pass would choose stay what they are."""
    build = Builder(4, (6, 7, 8), zero=5)
    x = build.conv("input")
    theirs = build.conv(x, kernel=(3, 3), pads=SAME)
    maximum = build.pool(x, "max", (3, 3), pads=SAME)
    graph = build.graph(build.add(maximum, theirs))
    taken = f"{x}.for.pool_{maximum}"
    tensors = {name: t for name, t in graph.tensors.items() if name != theirs}
    tensors[taken] = replace(graph.tensors[theirs], name=taken)
    ops = [renamed(op, theirs, taken) for op in graph.ops]
    ops = [replace(op, name=f"pool_{maximum}.copy") if op.output == taken else op for op in ops]
    graph = graph.with_ops(ops, tensors).validate()
    after = split_padding.run(graph).validate()
    assert len(after.tensors) == len(graph.tensors) + 1
    assert len({op.name for op in after.ops}) == len(after.ops) == len(graph.ops) + 1
    noise = inputs(build.random, 3, graph.tensors["input"])
    assert np.array_equal(reference.run(after, noise), reference.run(graph, noise))


def renamed(op: Op, old: str, new: str) -> Op:
    names = tuple(new if name == old else name for name in (*op.inputs, op.output))
    return replace(op, inputs=names[:-1], output=names[-1])


def test_without_it_the_layout_refuses() -> None:
    build = Builder(2, (6, 7, 8), zero=5)
    graph = build.graph(beside_a_convolution(build))
    with pytest.raises(CompileError, match="split_padding"):
        layout.assign(graph)


def without_padding(build: Builder) -> str:
    x = build.pool("input", "max", (2, 2))
    return build.conv(x, kernel=(3, 3), pads=SAME)


def two_maxima(build: Builder) -> str:
    x = build.conv("input")
    wide = build.pool(x, "max", (5, 5), pads=(2, 2, 2, 2))
    return build.add(wide, build.pool(x, "max", (3, 3), pads=SAME))


def beside_a_convolution_without_padding(build: Builder) -> str:
    x = build.conv("input")
    return build.add(build.pool(x, "max", (3, 3), pads=SAME), build.conv(x))


def average(build: Builder) -> str:
    x = build.conv("input")
    y = build.pool(x, "average", (3, 3), pads=SAME)
    return build.add(y, build.conv(x, kernel=(3, 3), pads=SAME))


@pytest.mark.parametrize(
    "make", [without_padding, two_maxima, beside_a_convolution_without_padding, average]
)
def test_must_not_copy(make: Callable) -> None:
    build = Builder(3, (6, 7, 8))
    graph = build.graph(make(build))
    assert split_padding.run(graph).ops == graph.ops
    layout.assign(graph)
