"""The pass fuse_rows: what is in strips, what is refused, and that no byte changes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Graph, Stack
from pocketvision.compile.lower.lower import lower
from pocketvision.compile.lower.program import Piece
from pocketvision.compile.memory import rows
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import plan
from pocketvision.compile.pipeline import instruction_set
from pocketvision.compile.targets import TARGETS

from .. import random_graphs
from ..graphs import Builder, inputs
from ..kernels.cases import on_every_target
from ..runners import Machines

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
    x = inputs(np.random.default_rng(0), 6, graph.tensors[graph.inputs[0]])
    assert np.array_equal(reference.run(graph, x), reference.run(after, x))


@pytest.mark.parametrize("strips", [2, 3, 5, 13])
@pytest.mark.parametrize("between", ["a", "b", "ac", "abcd", "abcdboth"])
def test_a_cell(strips: int, between: str) -> None:
    graph, names = cell(Builder(1, (13, 9, 8)))
    chosen = frozenset(name for key, name in names.items() if key in between)
    after = rows.run(graph, chosen, strips)
    assert after is not None
    after.validate()
    assert not chosen & set(after.tensors)
    expect_same(graph, after)
    step = -(-13 // strips)
    heights = {t.height for name, t in after.tensors.items() if " strip " in name}
    assert max(heights) <= min(13, step + 4)
    stacks = [op for op in after.ops if isinstance(op, Stack)]
    assert all(len(op.inputs) == -(-13 // step) for op in stacks)


def in_random_strips(graph: Graph, seed: int) -> Graph | None:
    """Some of the tensors that can be in strips, in two to five; None where chains do not agree."""
    random = np.random.default_rng(seed)
    able = [name for name in graph.tensors if rows.possible(graph, name)]
    chosen = frozenset(name for name in able if random.random() < 0.5)
    return rows.run(graph, chosen, int(random.integers(2, 6))) if chosen else None


@pytest.mark.parametrize("family", random_graphs.FAMILIES)
def test_random_graphs_keep_their_bytes(family: str) -> None:
    kept = 0
    for seed in range(40):
        graph, x, expected = random_graphs.case(family, seed, 8, (17, 9, 24))
        after = in_random_strips(graph, seed)
        if after is None:
            continue
        kept += 1
        assert np.array_equal(reference.run(after.validate(), x), expected), seed
    assert kept >= 8


@on_every_target
@pytest.mark.parametrize("family, seed", [("conv", 1), ("depthwise", 3), ("pool", 2), ("move", 4)])
def test_kernels_on_strips(machines: Machines, target: str, family: str, seed: int) -> None:
    made = None
    while made is None:
        graph, x, expected = random_graphs.case(family, seed, 8, (17, 9, 24))
        made = in_random_strips(graph, seed)
        seed += 10
    machines.check(made.validate(), target, x)


@pytest.mark.parametrize("seed", range(20))
def test_pieces_of_strips_are_apart_while_they_live(seed: int) -> None:
    """Strips are planned as one: no two pieces may share a byte at any call of any strip, but for
    results that lie far enough over their inputs."""
    graph = random_graphs.case("depthwise", seed, 10, (20, 9, 24))[0]
    after = in_random_strips(graph, seed)
    if after is None:
        pytest.skip("the chains of this draw differ in height")
    program = lower(after, instruction_set(TARGETS["cortex-m4"]))
    found = plan(spans(program.calls))
    first: dict[Piece, int] = {}
    last: dict[Piece, int] = {}
    for step, call in enumerate(program.calls):
        for piece in call.pieces:
            first.setdefault(piece, step)
            last[piece] = step
    places = {piece: found.offsets[piece.whole] for piece in first}
    over = {(c.over.x, c.over.y): c.over.behind for c in program.calls if c.over}
    for a, b in itertools.combinations(first, 2):
        if first[a] <= last[b] and first[b] <= last[a]:
            x, y = (a, b) if (a, b) in over else (b, a)
            if (x, y) in over and last[x] == first[y] and places[x] - places[y] >= over[x, y]:
                continue
            apart = places[a] + a.bytes <= places[b] or places[b] + b.bytes <= places[a]
            assert apart, (a, b)


def test_results_of_different_heights_are_refused() -> None:
    build = Builder(3, (12, 8, 16))
    x = build.conv("input", 16)
    small = build.conv(x, 16, (2, 2), stride=(2, 2))
    large = build.conv(x, 16, (1, 1))
    y = build.add(small, build.conv(large, 16, (2, 2), stride=(2, 2)))
    graph = build.graph(y)
    assert rows.run(graph, frozenset({x}), 2) is None
    both = rows.run(graph, frozenset({x, large}), 2)
    assert both is not None
    expect_same(graph, both.validate())


def test_what_cannot_be_in_strips() -> None:
    build = Builder(4, (6, 6, 16))
    x = build.conv("input", 16)
    whole_map = build.conv(x, 16, (6, 6))
    graph = build.graph(build.conv(whole_map, 8))
    able = [name for name in graph.tensors if rows.possible(graph, name)]
    assert able == []
