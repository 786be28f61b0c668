"""Whole networks on 1,000 inputs, byte for byte: those that are shipped, and two of noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from pocketvision.compile import TARGETS, pipeline  # noqa: E402
from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.compile.graph import Graph  # noqa: E402

from .graphs import in_batches, smooth_inputs  # noqa: E402
from .quantised import WEIGHTS, whole  # noqa: E402
from .runners import Machines  # noqa: E402

pytestmark = pytest.mark.full

NETWORKS = [path.name.removesuffix(".int8.onnx") for path in sorted(WEIGHTS.glob("*.int8.onnx"))]
NOISE = [name for name in ("mobilefacenet", "vargfacenet") if name not in NETWORKS]
HOSTS = [name for name, target in TARGETS.items() if not target.firmware]
COUNT = 1000

Case = tuple[Graph, np.ndarray, np.ndarray]


@pytest.fixture(scope="module", params=[*NETWORKS, *NOISE])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A network, pictures and what the reference makes of them: several minutes."""
    path = whole(request.param, tmp_path_factory.mktemp("noise"))
    graph = pipeline.optimise(load(path))
    x = smooth_inputs(graph, COUNT)
    return graph, x, in_batches(graph, x)


@pytest.mark.parametrize("target", HOSTS)
def test_network(target: str, case: Case, machines: Machines, tmp_path: Path) -> None:
    graph, x, expected = case
    machines.require(TARGETS[target])
    done = pipeline.compile_graph(graph, TARGETS[target], tmp_path / "network.so")
    machines.compare(done.path, graph, target, x, expected)
