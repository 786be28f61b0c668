"""No special case names a network: random genotypes and FaceChains compile exactly; their speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.compile import TARGETS, pipeline  # noqa: E402
from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.compile.graph import Graph, macs  # noqa: E402
from pocketvision.compile.lower.lower import lower  # noqa: E402
from pocketvision.compile.machines import measure  # noqa: E402
from pocketvision.training.models.cells import OPERATIONS, Genotype  # noqa: E402
from pocketvision.training.models.facechain import FaceChain  # noqa: E402
from pocketvision.training.models.pocketnet import PocketNet  # noqa: E402

from .graphs import inputs  # noqa: E402
from .quantised import quantised  # noqa: E402
from .runners import Machines  # noqa: E402

QUICK, LONG = 2, 30


def pocketnet(random: np.random.Generator) -> tuple[torch.nn.Module, int]:
    """Four cells of a random genotype: every node any two operations on any two states."""

    def cell() -> tuple[tuple[tuple[str, int], ...], ...]:
        return tuple(
            tuple((str(random.choice(OPERATIONS)), int(random.integers(node + 2))) for _ in "ab")
            for node in range(4)
        )

    genotype = Genotype(normal=cell(), reduce=cell())
    return PocketNet(int(random.choice([8, 16, 24])), 4, 64, genotype), 112


def facechain(random: np.random.Generator) -> tuple[torch.nn.Module, int]:
    """Any width, depth and input size."""
    size = int(random.choice([80, 96, 112]))
    width, depth = random.uniform(0.15, 1.2), random.uniform(0.6, 1.4)
    return FaceChain(width, depth, size, int(random.choice([32, 64, 128]))), size


FAMILIES: dict[str, Callable] = {"pocketnet": pocketnet, "facechain": facechain}


@pytest.fixture(scope="module")
def speeds(pytestconfig: pytest.Config) -> Iterator[list[str]]:
    """Lines that are printed when all have run, whatever pytest captures."""
    lines: list[str] = []
    yield lines
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("", *lines, sep="\n  ")


def check(machines: Machines, folder: Path, speeds: list[str], family: str, seed: int) -> None:
    torch.manual_seed(seed)
    random = np.random.default_rng([seed, len(family)])
    network, size = FAMILIES[family](random)
    path = quantised(network, folder / f"{family}-{seed}.onnx", size)
    graph: Graph = pipeline.optimise(load(path))
    target = machines.best()
    machines.check(graph, target, inputs(random, 2, graph.tensors[graph.inputs[0]]))
    program = lower(graph, pipeline.instruction_set(TARGETS[target]))
    times = measure.timed(program, TARGETS[target], rounds=15).sum(axis=1)
    low, middle, high = np.quantile(times, (0.25, 0.5, 0.75))
    speeds.append(
        f"{family} {seed}: {macs(graph) / 1e6:.1f} M MACs in {middle / 1e3:.3f} ms "
        f"({low / 1e3:.3f} to {high / 1e3:.3f}), {macs(graph) / middle / 1e3:.0f} GMAC/s, {target}"
    )


@pytest.mark.parametrize("seed", range(QUICK))
@pytest.mark.parametrize("family", FAMILIES)
def test_random(
    machines: Machines, tmp_path: Path, speeds: list[str], family: str, seed: int
) -> None:
    check(machines, tmp_path, speeds, family, seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(QUICK, LONG))
@pytest.mark.parametrize("family", FAMILIES)
def test_many(
    machines: Machines, tmp_path: Path, speeds: list[str], family: str, seed: int
) -> None:
    check(machines, tmp_path, speeds, family, seed)
