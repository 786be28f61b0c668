"""The pass trim_taps: which taps go, what the padding becomes, and that no byte changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Conv, Graph
from pocketvision.compile.passes import trim_taps

from ..graphs import Builder, inputs


def with_taps(
    kernel: tuple[int, int], taps: list[tuple[int, int]], pads: tuple[int, ...], stride: int = 2
) -> Graph:
    """One convolution, all of whose weights are zero but those of ``taps``."""
    build = Builder(1, (9, 10, 16))
    graph = build.graph(build.conv("input", 8, kernel=kernel, stride=(stride, stride), pads=pads))
    (op,) = graph.ops
    assert isinstance(op, Conv)
    kept = np.zeros(kernel, bool)
    for tap in taps:
        kept[tap] = True
    return replace(graph, ops=(replace(op, weight=op.weight * kept),))


@pytest.mark.parametrize(
    "kernel, taps, pads, smaller, shifted",
    [
        ((2, 2), [(1, 1)], (0, 0, 0, 0), (1, 1), (-1, -1, 0, 0)),
        ((2, 2), [(0, 0)], (0, 0, 0, 0), (1, 1), (0, 0, -1, -1)),
        ((3, 3), [(1, 1)], (1, 1, 1, 1), (1, 1), (0, 0, 0, 0)),
        ((3, 3), [(0, 1), (2, 1)], (1, 1, 1, 1), (3, 1), (1, 0, 1, 0)),
        ((3, 3), [(0, 0), (2, 2)], (1, 1, 1, 1), (3, 3), (1, 1, 1, 1)),
    ],
)
def test_zero_rows_and_columns_go(
    kernel: tuple[int, int],
    taps: list[tuple[int, int]],
    pads: tuple[int, ...],
    smaller: tuple[int, int],
    shifted: tuple[int, ...],
) -> None:
    graph = with_taps(kernel, taps, pads)
    after = trim_taps.run(graph).validate()
    (op,) = after.ops
    assert isinstance(op, Conv)
    assert (op.kernel, op.pads) == (smaller, shifted)
    x = inputs(np.random.default_rng(0), 6, graph.tensors["input"])
    assert np.array_equal(reference.run(graph, x), reference.run(after, x))


def test_a_kernel_of_zeros_and_depthwise_ones_stay() -> None:
    graph = with_taps((2, 2), [], (0, 0, 0, 0))
    assert trim_taps.run(graph).ops == graph.ops
    build = Builder(1, (9, 10, 16))
    graph = build.graph(build.depthwise("input", (3, 3), pads=(1, 1, 1, 1)))
    (op,) = graph.ops
    assert isinstance(op, Conv)
    centre = np.zeros((3, 3), bool)
    centre[1, 1] = True
    graph = replace(graph, ops=(replace(op, weight=op.weight * centre),))
    assert trim_taps.run(graph).ops == graph.ops
