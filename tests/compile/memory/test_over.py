"""Results over inputs on Cortex-M: as near as is allowed no byte is lost, nearer some are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.emit import firmware
from pocketvision.compile.graph import Graph
from pocketvision.compile.lower.lower import lower
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import SLACK, Plan, Span, aligned
from pocketvision.compile.targets import FAMILIES, TARGETS

from .. import random_graphs
from ..graphs import Builder, inputs
from ..runners import Machines, expect_bytes

CORES = [
    pytest.param(name, marks=pytest.mark.deep) if name == "cortex-m33" else name
    for name in FAMILIES["cortex-m"]
]
on_every_core = pytest.mark.parametrize("core", CORES)
SAME = (1, 1, 1, 1)


def tight(pieces: Sequence[Span], nearer: int = 0) -> Plan:
    """Every result as near to its input as may be, or ``nearer`` bytes more; the rest apart."""
    pieces = aligned(pieces)
    overs = {span.over: span for span in pieces if span.over}
    offsets: dict[str, int] = {}
    end = 0
    for first in (span for span in pieces if not span.over):
        chain, places = [first], [0]
        while chain[-1].name in overs:
            chain.append(overs[chain[-1].name])
            places.append(places[-1] - chain[-1].behind + nearer)
        for span, place in zip(chain, places, strict=True):
            offsets[span.name] = end + place - min(places)
        end += max(p + s.size for s, p in zip(chain, places, strict=True)) - min(places)
    return Plan(offsets, end + SLACK, 0)


def overs(graph: Graph, core: str) -> int:
    """Results that may lie over inputs."""
    program = lower(graph, pipeline.instruction_set(TARGETS[core]))
    return sum(span.over is not None for span in spans(program.calls))


def ran(machines: Machines, graph: Graph, core: str, x: np.ndarray, nearer: int = 0) -> np.ndarray:
    """What ``graph`` gives where its results are that near; there are such results."""
    target = TARGETS[core]
    machines.require(target)
    program = lower(graph, pipeline.instruction_set(target))
    pieces = spans(program.calls)
    assert overs(graph, core)
    path = Path(machines.folder) / f"over-{core}.a"
    firmware.emit(program, target, path, tight(pieces, nearer))
    (found,) = machines.run(path, target, graph, x)
    return found


def check(machines: Machines, graph: Graph, core: str) -> None:
    x = inputs(np.random.default_rng(7), 2, graph.tensors[graph.inputs[0]])
    found = ran(machines, graph, core, x)
    expect_bytes(core, reference.run(graph, x), found, graph)


def dense() -> Graph:
    """Wide and narrow, with borders and without, by pieces of rows and parts of rows."""
    build = Builder(1, (33, 37, 3))
    x = build.conv("input", 24, (3, 3), stride=(2, 2), pads=SAME)
    x = build.conv(x, 56)
    x = build.conv(x, 16, (3, 3), pads=SAME, two_scales=True)
    x = build.conv(x, 8, (5, 5), pads=(2, 2, 2, 2), clamp=(0, 127), zero=0)
    x = build.conv(x, 40, (2, 3), pads=(0, 1, 1, 1))
    x = build.conv(x, 80, groups=5)
    x = build.conv(x, 64, (3, 3), groups=8, stride=(2, 2), pads=SAME)
    return build.graph(build.conv(x, 130))


def depthwise() -> Graph:
    """Of 16, 32 and 48 bytes a pixel, stride 1 and 2, odd and even, small and large."""
    build = Builder(2, (45, 38, 9))
    x = build.depthwise("input", pads=SAME, zero=0, clamp=(0, 127))
    x = build.depthwise(x, (5, 5), pads=(2, 2, 2, 2), two_scales=True)
    x = build.depthwise(x, pads=SAME)
    x = build.depthwise(build.conv(x, 30), pads=SAME, zero=0, clamp=(0, 127))
    x = build.depthwise(x, stride=(2, 2), pads=SAME)
    x = build.depthwise(x, (2, 3), pads=(1, 1, 0, 1))
    x = build.depthwise(build.conv(x, 48), (7, 7), pads=(3, 3, 3, 3))
    x = build.depthwise(x, stride=(2, 2), pads=(0, 0, 1, 1))
    x = build.depthwise(build.conv(x, 64), pads=SAME)
    return build.graph(build.depthwise(x, (3, 3)))


@on_every_core
@pytest.mark.parametrize("network", [dense, depthwise])
def test_as_near_as_may_be(machines: Machines, core: str, network: object) -> None:
    check(machines, network(), core)


@on_every_core
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("family", ["conv", "depthwise"])
def test_random_shapes(machines: Machines, core: str, family: str, seed: int) -> None:
    random = np.random.default_rng([seed, len(family)])
    shape = tuple(int(n) for n in random.integers((8, 8, 1), (40, 40, 64)))
    graph, _, _ = random_graphs.case(family, seed, 8, shape)
    while not overs(graph, core):
        seed += 1000
        graph, _, _ = random_graphs.case(family, seed, 8, shape)
    check(machines, graph, core)


@pytest.mark.deep
@on_every_core
@pytest.mark.parametrize("seed", range(100, 140))
@pytest.mark.parametrize("family", ["conv", "depthwise"])
def test_many_random_shapes(machines: Machines, core: str, family: str, seed: int) -> None:
    test_random_shapes(machines, core, family, seed)


@on_every_core
@pytest.mark.parametrize("kind", ["1x1", "3x3", "depthwise"])
def test_nearer_is_too_near(machines: Machines, core: str, kind: str) -> None:
    """Pieces of these have two to eight rows: eight more, and some are read too late."""
    build = Builder(3, (40, 40, 16))
    if kind == "depthwise":
        x = build.depthwise("input", pads=SAME)
    else:
        x = build.conv("input", 16, (3, 3) if kind == "3x3" else (1, 1))
    graph = build.graph(x)
    values = inputs(np.random.default_rng(7), 1, graph.tensors["input"])
    found = ran(machines, graph, core, values, nearer=8 * 40 * 16)
    assert (found != reference.run(graph, values)).any()
