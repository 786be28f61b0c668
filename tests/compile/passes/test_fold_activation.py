"""The pass fold_activation: what folds, what must not, and at most one step of difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile import reference
from pocketvision.compile.graph import Conv, Graph, Rescale
from pocketvision.compile.passes import fold_activation

from ..graphs import Builder, inputs


def distance(before: Graph, after: Graph, x: np.ndarray) -> int:
    """Largest difference of the two graphs' results in int8 steps."""
    results = [reference.run(graph, x).astype(np.int32) for graph in (before, after)]
    return int(np.abs(results[0] - results[1]).max())


def kinds(graph: Graph) -> list[type]:
    return [type(op) for op in graph.ops]


@pytest.mark.parametrize("seed", range(12))
def test_a_prelu_becomes_two_scales(seed: int) -> None:
    build = Builder(seed, (9, 8, 24), tame=True)
    x = build.conv("input", 20, (3, 3), pads=(1, 1, 1, 1), zero=3, spread=7)
    y = build.rescale(x, two_scales=True, factor=0.9)
    graph = build.graph(y)
    after = fold_activation.run(graph).validate()
    assert kinds(after) == [Conv]
    (conv,), rescale = after.ops, graph.ops[1]
    assert isinstance(conv, Conv) and isinstance(rescale, Rescale)
    assert conv.output == y and conv.negative_scale is not None
    assert np.allclose(conv.negative_scale / conv.scale, rescale.negative_scale / rescale.scale)
    samples = inputs(build.random, 3, graph.tensors["input"])
    middle = reference.run_all(graph, samples, keep=True)[x]
    assert middle.min() > -128 and middle.max() < 127, "the intermediate value saturates"
    assert distance(graph, after, samples) <= 1
    assert len(np.unique(reference.run(after, samples))) > 20


def test_a_relu_becomes_a_scale_of_zero() -> None:
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
    assert reference.run(after, samples).min() == -128
    assert distance(graph, after, samples) <= 1


def test_the_clamp_of_the_activation_is_kept() -> None:
    build = Builder(21, (6, 6, 8), tame=True)
    x = build.conv("input", 8, zero=0, spread=30)
    graph = build.graph(build.rescale(x, factor=1.0, zero=0, clamp=(-7, 9)))
    samples = inputs(build.random, 3, graph.tensors["input"])
    result = reference.run(fold_activation.run(graph), samples)
    assert (result.min(), result.max()) == (-7, 9)


@pytest.mark.parametrize("factor", [0.3, 1.0])
def test_what_the_intermediate_value_could_not_hold_stays_cut(factor: float) -> None:
    build = Builder(22, (6, 6, 8), tame=True)
    x = build.conv("input", 8, zero=90, spread=200)
    graph = build.graph(build.rescale(x, factor=factor, zero=0))
    samples = inputs(build.random, 3, graph.tensors["input"])
    after = fold_activation.run(graph)
    assert kinds(after) == [Conv]
    assert reference.run_all(graph, samples, keep=True)[x].max() == 127
    assert distance(graph, after, samples) <= 1


def test_only_the_first_of_two_activations_folds() -> None:
    build = Builder(23, (3, 3, 4))
    x = build.rescale(build.conv("input", 4), two_scales=True)
    graph = build.graph(build.rescale(x, two_scales=True))
    assert kinds(fold_activation.run(graph)) == [Conv, Rescale]


def two_readers(build: Builder) -> str:
    x = build.conv("input", 4)
    return build.add(build.rescale(x), x)


def is_output(build: Builder) -> str:
    x = build.conv("input", 4)
    build.rescale(x)
    return x


def clamped(build: Builder) -> str:
    return build.rescale(build.conv("input", 4, clamp=(-10, 10)))


def two_scales(build: Builder) -> str:
    return build.rescale(build.conv("input", 4, two_scales=True))


def fused_add(build: Builder) -> str:
    return build.rescale(build.conv("input", 4, add="input"))


def pooled(build: Builder) -> str:
    return build.rescale(build.pool("input", "max", (2, 2)))


@pytest.mark.parametrize("make", [two_readers, is_output, clamped, two_scales, fused_add, pooled])
def test_must_not_fold(make) -> None:
    build = Builder(24, (3, 3, 4))
    graph = build.graph(make(build))
    assert fold_activation.run(graph).ops == graph.ops
