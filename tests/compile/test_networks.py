"""Whole networks, quantised here from random weights, and the shipped one: byte for byte."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static  # noqa: E402

from pocketvision.compile import TARGETS, pipeline  # noqa: E402
from pocketvision.compile.arithmetic import reference  # noqa: E402
from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.compile.graph import Add, Graph  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.models.pocketnet import CIFAR, PocketNet  # noqa: E402
from pocketvision.training.models.vargfacenet import VarGFaceNet  # noqa: E402

from .build_onnx import onnxruntime_tensors, run_onnxruntime  # noqa: E402
from .graphs import in_batches, inputs, smooth_inputs  # noqa: E402
from .quantised import quantised  # noqa: E402
from .runners import Machines  # noqa: E402

SIDE = 112
"""Pixels of the networks' input."""

SHIPPED = Path(__file__).resolve().parents[2] / "training/weights/pocketnet-s-128.int8.onnx"


NETWORKS: dict[str, Callable[[], torch.nn.Module]] = {
    "mobilefacenet": lambda: models.create("mobilefacenet"),
    "vargfacenet": lambda: VarGFaceNet(((80, 2), (160, 2), (320, 2)), embedding=512, se=True),
    "pocketnet_cifar": lambda: PocketNet(16, layers=6, embedding=128, genotype=CIFAR),
}
"""Fewer blocks than the papers have, but one of each form."""


def require_exact_onnxruntime(machines: Machines) -> None:
    """Skips where onnxruntime's kernels saturate: x86 without VNNI adds pairs in int16."""
    if machines.native == "x86-64":
        machines.require(TARGETS["x86-64-vnni"])


def lively_inputs(graph: Graph, count: int, seed: int = 1) -> np.ndarray:
    """Noise as calibration saw it, stored as the network's input."""
    tensor = graph.tensors[graph.inputs[0]]
    real = np.random.default_rng(seed).normal(size=(count, *tensor.shape))
    values = np.rint(real / tensor.scale) + tensor.zero_point
    return np.clip(values, -128, 127).astype(np.int8)


def mean_cosine(graph: Graph, ours: np.ndarray, theirs: np.ndarray) -> float:
    zero = graph.tensors[graph.outputs[0]].zero_point
    a, b = (v.reshape(len(v), -1).astype(np.float64) - zero for v in (ours, theirs))
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean())


def assert_each_layer_is_onnxruntimes(path: Path, graph: Graph, x: np.ndarray) -> None:
    """Given the values that onnxruntime reads, each operator differs by at most one step."""
    theirs = onnxruntime_tensors(path, graph, x)
    compared = 0
    for op in graph.ops:
        found = reference.execute(graph, op, [theirs[name] for name in op.inputs])
        if op.output in theirs:
            far = np.abs(found.astype(np.int16) - theirs[op.output]).max()
            assert far <= 1, f"{op.name}: {far} steps from onnxruntime"
            compared += 1
        theirs.setdefault(op.output, found)  # a rescaled part of a concatenation is ours alone
    assert compared >= 0.8 * len(graph.ops)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The int8 file of one of ``NETWORKS``."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp(request.param)
    return quantised(NETWORKS[request.param](), folder / f"{request.param}.int8.onnx", SIDE)


def test_each_layer_of_other_networks(network: Path) -> None:
    graph = load(network)
    assert_each_layer_is_onnxruntimes(network, graph, lively_inputs(graph, 1)[0])


def test_other_networks_compile(network: Path, machines: Machines) -> None:
    target = machines.best()
    graph = pipeline.optimise(load(network))
    noise = inputs(np.random.default_rng(2), 1, graph.tensors[graph.inputs[0]])
    machines.check(graph, target, np.concatenate([lively_inputs(graph, 1), noise]))


class Small(torch.nn.Module):
    """One of each operator that a stranger's network might have."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.slope = torch.nn.PReLU(16)
        self.left = torch.nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.right = torch.nn.Conv2d(16, 16, 1)
        self.pool = torch.nn.MaxPool2d(3, 2, 1)
        self.dense = torch.nn.Linear(32 * 6 * 6, 24)

    def forward(self, x):
        x = self.slope(self.stem(x))
        y = torch.relu(self.left(x)) + self.right(x)
        x = torch.cat([self.pool(y), self.pool(x)], dim=1)
        return self.dense(torch.flatten(x, 1))


class Noise(CalibrationDataReader):
    """Eight random pictures."""

    def __init__(self) -> None:
        random = np.random.default_rng(5)
        self.left = [random.normal(size=(1, 3, 24, 24)).astype(np.float32) for _ in range(8)]

    def get_next(self):
        return {"input": self.left.pop()} if self.left else None


@pytest.mark.parametrize("activation", [QuantType.QUInt8, QuantType.QInt8], ids=["uint8", "int8"])
@pytest.mark.parametrize("per_channel", [False, True], ids=["per tensor", "per channel"])
def test_onnxruntimes_own_quantiser(
    machines: Machines, tmp_path: Path, activation: QuantType, per_channel: bool
) -> None:
    """Defaults but for the two choices: int8 weights, quantised slopes, unfolded activations."""
    torch.manual_seed(3)
    network = Small()
    network.slope.weight.data.uniform_(-0.2, 0.8)
    path = tmp_path / "small.int8.onnx"
    quantize_static(
        export(network, tmp_path / "float.onnx", size=24), path, Noise(),
        activation_type=activation, per_channel=per_channel,
    )  # fmt: skip
    before = load(path)
    x = lively_inputs(before, 6)
    graph = pipeline.optimise(before)
    machines.check(graph, machines.best(), x)
    assert not any(isinstance(op, Add) for op in graph.ops)
    theirs = run_onnxruntime(path, before, x)
    for ours in (reference.run(before, x), reference.run(graph, x)):
        assert np.abs(ours.astype(int) - theirs).max() <= 4
        assert mean_cosine(graph, ours, theirs) >= 0.999


# ------------------------------------------------------------------------ the shipped network


@pytest.fixture(scope="module")
def shipped() -> Graph:
    """PocketNetS-128 after all passes."""
    if not SHIPPED.exists():
        pytest.skip(f"{SHIPPED.name} is not in this tree")
    return pipeline.optimise(load(SHIPPED))


def compare_shipped(
    machines: Machines, folder: Path, graph: Graph, target: str, x: np.ndarray, expected: np.ndarray
) -> None:
    machines.require(TARGETS[target])
    done = pipeline.compile_graph(graph, TARGETS[target], folder / "shipped.so")
    machines.compare(done.path, graph, target, x, expected)


@pytest.fixture(scope="module")
def three(shipped: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Three pictures and what the reference makes of them."""
    x = smooth_inputs(shipped, 3)
    return x, reference.run(shipped, x)


LONG = ("cortex-m4", "cortex-m33", "aarch64-neon", "aarch64-i8mm")
ALL = [
    # Two of the boards and the newest of aarch64 but one in `make test`, the others with the rest.
    pytest.param(name, marks=pytest.mark.full) if name in LONG else name
    for name in TARGETS
]


@pytest.mark.parametrize("target", ALL)
def test_shipped_network(
    target: str, shipped: Graph, three: tuple, machines: Machines, tmp_path: Path
) -> None:
    compare_shipped(machines, tmp_path, shipped, target, *three)


def test_each_layer_of_the_shipped_network(shipped: Graph) -> None:
    assert_each_layer_is_onnxruntimes(SHIPPED, load(SHIPPED), smooth_inputs(shipped, 1)[0])


def test_shipped_network_is_onnxruntimes_byte_for_byte(shipped: Graph, machines: Machines) -> None:
    """Its integer kernels, that is: a default session on a processor with 8-bit dot products."""
    assert shipped.notes == (), "a float operator of the file has no integer twin"
    require_exact_onnxruntime(machines)
    x = smooth_inputs(shipped, 8)
    theirs = run_onnxruntime(SHIPPED, shipped, x, optimise=True)
    assert np.array_equal(reference.run(shipped, x), theirs)


@pytest.fixture(scope="module")
def faces(shipped: Graph) -> tuple[np.ndarray, np.ndarray]:
    """200 LFW crops in the network's int8 and what the reference makes of them."""
    from PIL import Image

    folder = Path(os.environ["POCKETVISION_DATA"]) / "lfw_112"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
    if len(paths) < 200:
        pytest.skip(f"{folder} holds {len(paths)} pictures, 200 are needed")
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, 200).round().astype(int)]
    crops = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in chosen])
    x = (crops.astype(np.int16) - 128).astype(np.int8)
    return x, in_batches(shipped, x)


@pytest.mark.full
@pytest.mark.shared
@pytest.mark.parametrize("target", TARGETS)
def test_shipped_network_on_faces(
    target: str, shipped: Graph, faces: tuple, machines: Machines, tmp_path: Path
) -> None:
    compare_shipped(machines, tmp_path, shipped, target, *faces)


@pytest.mark.full
@pytest.mark.shared
def test_shipped_network_is_onnxruntimes_on_faces(
    shipped: Graph, faces: tuple, machines: Machines
) -> None:
    require_exact_onnxruntime(machines)
    x, ours = faces
    theirs = run_onnxruntime(SHIPPED, shipped, x, optimise=True)
    assert mean_cosine(shipped, ours, theirs) >= 0.999
    assert np.array_equal(ours, theirs)
