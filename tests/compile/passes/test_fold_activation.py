"""The pass fold_activation: what folds, what must not, and that no byte changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Conv, Graph, Rescale
from pocketvision.compile.passes import fold_activation

from ..graphs import Builder, inputs


def kinds(graph: Graph) -> list[type]:
    return [type(op) for op in graph.ops]


@pytest.mark.parametrize("seed", range(12))
def test_a_prelu_folds(seed: int) -> None:
    build = Builder(seed, (9, 8, 24), tame=True)
    x = build.conv("input", 20, (3, 3), pads=(1, 1, 1, 1), zero=3, spread=30)
    y = build.rescale(x, two_scales=True, factor=0.9)
    graph = build.graph(y)
    after = fold_activation.run(graph).validate()
    assert kinds(after) == [Conv]
    (conv,), rescale = after.ops, graph.ops[1]
    assert isinstance(conv, Conv) and isinstance(rescale, Rescale)
    assert conv.output == y and conv.activation is not None
    assert np.array_equal(conv.activation.negative_scale, rescale.negative_scale)
    samples = inputs(build.random, 3, graph.tensors["input"])
    found = reference.run(after, samples)
    assert np.array_equal(found, reference.run(graph, samples))
    assert len(np.unique(found)) > 20


def test_a_relu_folds() -> None:
    build = Builder(20, (5, 5, 8), tame=True)
    x = build.conv("input", 8, zero=0, spread=15)
    build.rescale(x, factor=1.0, zero=-128)
    op = build.ops[-1]
    assert isinstance(op, Rescale)
    build.ops[-1] = replace(op, negative_scale=np.zeros(8, np.float32))
    graph = build.graph(op.output)
    after = fold_activation.run(graph)
    assert kinds(after) == [Conv]
    samples = inputs(build.random, 3, graph.tensors["input"])
    found = reference.run(after, samples)
    assert found.min() == -128
    assert np.array_equal(found, reference.run(graph, samples))


def test_the_clamp_of_the_activation_is_kept() -> None:
    build = Builder(21, (6, 6, 8), tame=True)
    x = build.conv("input", 8, zero=0, spread=30)
    graph = build.graph(build.rescale(x, factor=1.0, zero=0, clamp=(-7, 9)))
    samples = inputs(build.random, 3, graph.tensors["input"])
    result = reference.run(fold_activation.run(graph), samples)
    assert (result.min(), result.max()) == (-7, 9)


def test_the_clamp_of_the_convolution_is_kept() -> None:
    build = Builder(25, (6, 6, 8), tame=True)
    x = build.conv("input", 8, zero=0, spread=30, clamp=(-10, 20))
    graph = build.graph(build.rescale(x, factor=2.0, zero=0))
    samples = inputs(build.random, 3, graph.tensors["input"])
    after = fold_activation.run(graph)
    assert kinds(after) == [Conv]
    result = reference.run(after, samples)
    assert (result.min(), result.max()) == (-20, 40)


@pytest.mark.parametrize("factor", [0.3, 1.0])
def test_what_the_intermediate_value_could_not_hold_stays_cut(factor: float) -> None:
    build = Builder(22, (6, 6, 8), tame=True)
    x = build.conv("input", 8, zero=90, spread=200)
    graph = build.graph(build.rescale(x, factor=factor, zero=0))
    samples = inputs(build.random, 3, graph.tensors["input"])
    after = fold_activation.run(graph)
    assert kinds(after) == [Conv]
    assert reference.run_all(graph, [samples], keep=True)[x].max() == 127
    assert np.array_equal(reference.run(after, samples), reference.run(graph, samples))


def test_only_the_first_of_two_activations_folds() -> None:
    build = Builder(23, (3, 3, 4))
    x = build.rescale(build.conv("input", 4), two_scales=True, factor=1.1)
    graph = build.graph(build.rescale(x, two_scales=True, factor=0.8))
    assert kinds(fold_activation.run(graph)) == [Conv, Rescale]


def two_readers(build: Builder) -> str:
    x = build.conv("input", 4)
    return build.add(build.rescale(x, factor=1.0), x)


def is_output(build: Builder) -> str:
    x = build.conv("input", 4)
    build.rescale(x, factor=1.0)
    return x


def scales_of_channels(build: Builder) -> str:
    x = build.rescale(build.conv("input", 4))
    op = build.ops[-1]
    assert isinstance(op, Rescale)
    build.ops[-1] = replace(op, scale=np.float32([1, 2, 1, 1]))
    return x


def two_scales(build: Builder) -> str:
    return build.rescale(build.conv("input", 4, two_scales=True), factor=1.0)


def fused_add(build: Builder) -> str:
    return build.rescale(build.conv("input", 4, add="input"), factor=1.0)


def pooled(build: Builder) -> str:
    return build.rescale(build.pool("input", "max", (2, 2)), factor=1.0)


@pytest.mark.parametrize(
    "make", [two_readers, is_output, scales_of_channels, two_scales, fused_add, pooled]
)
def test_must_not_fold(make) -> None:
    build = Builder(24, (3, 3, 4))
    graph = build.graph(make(build))
    assert fold_activation.run(graph).ops == graph.ops
