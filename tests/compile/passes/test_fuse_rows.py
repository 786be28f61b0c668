"""The pass fuse_rows: what is in strips, what is refused, and that no byte changes."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.compile import reference
from pocketvision.compile.graph import Graph, Stack
from pocketvision.compile.passes import fuse_rows

from ..graphs import Builder, inputs

SAME = (1, 1, 1, 1)


def cell(build: Builder) -> tuple[Graph, dict[str, str]]:
    """Two branches side by side into one 1x1, as cells of DARTS networks have them."""
    x = build.conv("input", 16)
    a = build.rescale(x, two_scales=True)
    b = build.rescale(x, two_scales=True)
    c = build.depthwise(a, (3, 3), pads=SAME)
    d = build.depthwise(b, (5, 5), pads=(2, 2, 2, 2), like=c)
    both = build.concat(c, d)
    y = build.conv(both, 24, add=None)
    return build.graph(y), {"a": a, "b": b, "c": c, "d": d, "both": both, "y": y}


def expect_same(graph: Graph, after: Graph) -> None:
    x = inputs(np.random.default_rng(0), 6, graph.tensors[graph.input])
    assert np.array_equal(reference.run(graph, x), reference.run(after, x))


@pytest.mark.parametrize("strips", [2, 3, 5, 13])
@pytest.mark.parametrize("between", ["a", "b", "ac", "abcd", "abcdboth"])
def test_a_cell(strips: int, between: str) -> None:
    graph, names = cell(Builder(1, (13, 9, 8)))
    chosen = frozenset(name for key, name in names.items() if key in between)
    after = fuse_rows.run(graph, chosen, strips)
    assert after is not None
    after.validate()
    assert not chosen & set(after.tensors)
    expect_same(graph, after)
    step = -(-13 // strips)
    heights = {t.height for name, t in after.tensors.items() if " strip " in name}
    assert max(heights) <= min(13, step + 4)
    stacks = [op for op in after.ops if isinstance(op, Stack)]
    assert all(len(op.inputs) == -(-13 // step) for op in stacks)
