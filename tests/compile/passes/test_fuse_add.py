"""The pass fuse_add: which convolution takes the add, which must not, and that no byte changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Add, Conv
from pocketvision.compile.passes import fuse_add

from ..graphs import Builder, inputs


def later_is_first(build: Builder) -> str:
    x = build.conv("input", clamp=(-90, 80), zero=3)
    return build.add(x, "input", clamp=(-100, 60), zero=3)


def later_is_second(build: Builder) -> str:
    return build.add("input", build.conv("input", two_scales=True))


def depthwise(build: Builder) -> str:
    return build.add("input", build.depthwise("input", pads=(1, 1, 1, 1)))


def two_convolutions(build: Builder) -> str:
    a = build.conv("input", 6)
    b = build.conv("input", 6, (3, 3), pads=(1, 1, 1, 1))
    return build.add(b, a)


def chain(build: Builder) -> str:
    x = build.add(build.conv("input"), "input")
    return build.add(x, build.conv(x))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "make", [later_is_first, later_is_second, depthwise, two_convolutions, chain]
)
def test_the_later_convolution_takes_the_add(make: Callable, seed: int) -> None:
    build = Builder(seed, (5, 6, 6))
    graph = build.graph(make(build))
    after = fuse_add.run(graph).validate()
    adds = [op for op in graph.ops if isinstance(op, Add)]
    fused = [op for op in after.ops if isinstance(op, Conv) and op.add is not None]
    assert not any(isinstance(op, Add) for op in after.ops)
    assert [op.output for op in fused] == [op.output for op in adds]
    assert [(op.low, op.high) for op in fused] == [(op.low, op.high) for op in adds]
    assert len(after.ops) == len(graph.ops) - len(adds)
    x = inputs(build.random, 3, graph.tensors["input"])
    before = reference.run(graph, x)
    assert np.array_equal(reference.run(after, x), before)
    assert len(np.unique(before)) > 20


def test_two_convolutions_fuse_into_the_one_that_runs_last() -> None:
    build = Builder(5, (5, 6, 6))
    graph = build.graph(two_convolutions(build))
    first, second = fuse_add.run(graph).ops
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert first.add is None and second.add is not None
    assert second.inputs == ("input", first.output)


def with_itself(build: Builder) -> str:
    x = build.conv("input")
    return build.add(x, x)


def two_readers(build: Builder) -> str:
    x = build.conv("input")
    return build.conv(build.add(build.rescale(build.add(x, "input")), x))


def is_output(build: Builder) -> str:
    x = build.conv("input")
    build.add(x, "input")
    return x


def no_convolution(build: Builder) -> str:
    return build.add(build.rescale("input"), "input")


def other_is_later(build: Builder) -> str:
    x = build.conv("input")
    return build.add(x, build.rescale("input"))


def added_already(build: Builder) -> str:
    return build.add(build.conv("input", add="input"), "input")


@pytest.mark.parametrize(
    "make", [with_itself, two_readers, is_output, no_convolution, other_is_later, added_already]
)
def test_must_not_fuse(make: Callable) -> None:
    build = Builder(6, (3, 4, 6))
    graph = build.graph(make(build))
    assert fuse_add.run(graph).ops == graph.ops
