"""Shipped networks on 100 inputs on every target, and graphs of fresh seeds, byte for byte."""

from __future__ import annotations

import os
import secrets

import numpy as np
import pytest

from pocketvision.compile import TARGETS, pipeline
from pocketvision.compile.frontend.load import load

from . import random_graphs
from .graphs import in_batches, smooth_inputs
from .runners import WEIGHTS, Machines

pytestmark = pytest.mark.deep

COUNT = 100
NETWORKS = {
    name: "facechain-25m" if target.firmware else "pocketnet-s-128"
    for name, target in TARGETS.items()
}
"""The smallest on a Cortex-M, where QEMU runs some hundred million instructions a second."""

SEED = int(os.environ.get("POCKETVISION_SEED", secrets.randbits(31)))
FRESH = 3


@pytest.mark.parametrize("target", TARGETS)
def test_network(target: str, machines: Machines) -> None:
    machines.require(TARGETS[target])
    graph = pipeline.optimise(load(WEIGHTS / f"{NETWORKS[target]}.int8.onnx"))
    x = smooth_inputs(graph, COUNT)
    suffix = ".a" if TARGETS[target].firmware else ".so"
    path = machines.folder / f"{NETWORKS[target]}.{target}{suffix}"
    done = pipeline.compile_graph(graph, TARGETS[target], path)
    machines.compare(done.path, graph, target, x, in_batches(graph, x))


@pytest.mark.parametrize("family", random_graphs.FAMILIES)
@pytest.mark.parametrize("target", TARGETS)
def test_graphs_that_nobody_has_seen(
    target: str, family: str, machines: Machines, capsys: pytest.CaptureFixture
) -> None:
    """POCKETVISION_SEED repeats a run; it is printed with every failure."""
    machines.require(TARGETS[target])
    random = np.random.default_rng([SEED, len(family)])
    for _ in range(1 if TARGETS[target].firmware else FRESH):
        seed = int(random.integers(2**32))
        shape = tuple(int(n) for n in random.integers(1, (25, 25, 64)))
        graph, x, _ = random_graphs.case(family, seed, int(random.integers(7, 11)), shape)
        try:
            machines.check(graph, target, x)
        except AssertionError as error:
            raise AssertionError(f"POCKETVISION_SEED={SEED}, {family}: {error}") from None
    with capsys.disabled():
        print(f"\n{target}, {family}: POCKETVISION_SEED={SEED}", end="")
