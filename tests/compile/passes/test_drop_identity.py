"""The pass drop_identity: which copies go, which stay, and that no byte changes."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Graph, Rescale
from pocketvision.compile.passes import drop_identity

from ..graphs import Builder, inputs


def rescales(graph: Graph) -> list[str]:
    return [op.output for op in graph.ops if isinstance(op, Rescale)]


def test_copies_go_and_their_readers_read_the_source() -> None:
    build = Builder(1, (4, 5, 6))
    first = build.rescale("input", factor=1.0, like="input")
    second = build.rescale(first, factor=1.0, like="input")
    a = build.conv(second, 6)
    graph = build.graph(build.add(a, first))
    after = drop_identity.run(graph).validate()
    assert rescales(graph) == [first, second]
    assert rescales(after) == []
    assert [op.inputs for op in after.ops] == [("input",), (a, "input")]
    assert not {first, second} & after.tensors.keys()
    x = inputs(build.random, 3, graph.tensors["input"])
    assert np.array_equal(reference.run(after, x), reference.run(graph, x))


@pytest.mark.parametrize(
    "options",
    [
        {"factor": 1.0, "zero": 5},
        {"factor": 0.5, "like": "input"},
        {"factor": 1.0, "like": "input", "clamp": (-128, 100)},
        {"factor": 1.0, "like": "input", "two_scales": True},
    ],
    ids=["other zero point", "other scale", "clamp", "slope"],
)
def test_what_changes_numbers_stays(options: dict) -> None:
    build = Builder(2, (4, 5, 6), zero=4)
    kept = build.rescale("input", **options)
    graph = build.graph(build.conv(kept, 3))
    assert drop_identity.run(graph).ops[0].output == kept
    assert len(drop_identity.run(graph).ops) == 2


def test_one_channel_of_another_scale_stays() -> None:
    build = Builder(3, (2, 2, 4))
    kept = build.rescale("input", factor=1.0, like="input")
    op = build.ops[0]
    assert isinstance(op, Rescale)
    op.scale[2] = 0.5
    graph = build.graph(build.conv(kept, 3))
    assert rescales(drop_identity.run(graph)) == [kept]


def test_a_copy_that_is_the_output_stays() -> None:
    build = Builder(4, (2, 2, 4))
    graph = build.graph(build.rescale("input", factor=1.0, like="input"))
    assert drop_identity.run(graph).ops == graph.ops
