"""The pass fold_clamp: what becomes a clamp, what must not, and that no byte changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Rescale
from pocketvision.compile.passes import fold_clamp

from ..graphs import Builder, inputs

Make = Callable[[Builder], str]


def rectified(build: Builder, x: str, *, negative: float = 0.0, **options: object) -> str:
    """A rescale by one, and by ``negative`` below zero."""
    y = build.rescale(x, factor=1.0, **options)  # type: ignore[arg-type]
    op = build.ops[-1]
    assert isinstance(op, Rescale)
    build.ops[-1] = replace(op, negative_scale=np.full_like(op.scale, negative))
    return y


def convolved(build: Builder, **options: object) -> str:
    return build.conv("input", 12, (3, 3), pads=(1, 1, 1, 1), spread=60, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("negative", [0.0, 1.0])
@pytest.mark.parametrize(
    ("own", "zero", "inner", "outer"),
    [
        (0, 0, (-128, 127), (-128, 127)),
        (-20, 30, (-128, 127), (-128, 127)),
        (90, -128, (-128, 127), (-100, 90)),
        (-128, 127, (-100, 80), (-128, 127)),
        (3, 4, (20, 60), (-128, 127)),
        (3, 4, (-60, -20), (-128, 127)),
        (0, 0, (-128, 127), (-90, -10)),
    ],
)
def test_a_clamp_remains(
    negative: float, own: int, zero: int, inner: tuple[int, int], outer: tuple[int, int]
) -> None:
    build = Builder(1, (7, 6, 8), tame=True)
    x = convolved(build, zero=own, clamp=inner)
    graph = build.graph(rectified(build, x, negative=negative, zero=zero, clamp=outer))
    after = fold_clamp.run(graph).validate()
    assert len(after.ops) == 1
    samples = inputs(build.random, 3, graph.tensors["input"])
    assert np.array_equal(reference.run(after, samples), reference.run(graph, samples))


def test_behind_an_add_a_product_and_a_rescale() -> None:
    build = Builder(2, (5, 5, 8), tame=True)
    x = rectified(build, build.add("input", build.conv("input"), zero=5), zero=5)
    x = rectified(build, build.multiply(x, build.conv("input"), zero=9), zero=-100)
    x = rectified(build, build.rescale(x, two_scales=True, zero=7), zero=7)
    graph = build.graph(x)
    after = fold_clamp.run(graph).validate()
    assert len(after.ops) == len(graph.ops) - 3
    samples = inputs(build.random, 3, graph.tensors["input"])
    assert np.array_equal(reference.run(after, samples), reference.run(graph, samples))


def test_a_clamp_of_a_clamp() -> None:
    build = Builder(3, (5, 5, 8), tame=True)
    x = rectified(build, rectified(build, convolved(build, zero=0), zero=3), zero=-5)
    graph = build.graph(x)
    after = fold_clamp.run(graph).validate()
    assert len(after.ops) == 1
    samples = inputs(build.random, 3, graph.tensors["input"])
    assert np.array_equal(reference.run(after, samples), reference.run(graph, samples))


def two_readers(build: Builder) -> str:
    x = build.conv("input")
    return build.add(rectified(build, x), x)


def is_output(build: Builder) -> str:
    x = build.conv("input")
    rectified(build, x)
    return x


def other_scale(build: Builder) -> str:
    return build.rescale(build.conv("input"), factor=0.5)


def leaky(build: Builder) -> str:
    return rectified(build, build.conv("input"), negative=0.25)


def some_channels(build: Builder) -> str:
    y = rectified(build, build.conv("input"))
    op = build.ops[-1]
    assert isinstance(op, Rescale)
    build.ops[-1] = replace(op, negative_scale=np.float32([0, 1, 0, 0]))
    return y


def of_the_input(build: Builder) -> str:
    return rectified(build, "input")


def pooled(build: Builder) -> str:
    return rectified(build, build.pool("input", "max", (2, 2)))


@pytest.mark.parametrize(
    "make", [two_readers, is_output, other_scale, leaky, some_channels, of_the_input, pooled]
)
def test_must_not_fold(make: Make) -> None:
    build = Builder(4, (3, 3, 4), tame=True)
    graph = build.graph(make(build))
    assert fold_clamp.run(graph).ops == graph.ops
