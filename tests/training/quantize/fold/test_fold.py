"""Export and fold: few operators remain, and they compute what the torch network computes."""

from collections import Counter

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.models.cells import (  # noqa: E402
    DepthwiseSeparable,
    FactorisedReduce,
    Pool,
)
from pocketvision.training.quantize.calibrate import session  # noqa: E402
from pocketvision.training.quantize.fold import fold  # noqa: E402
from pocketvision.training.quantize.graph import attributes  # noqa: E402

ALLOWED = {"Conv", "PRelu", "Add", "Concat", "MaxPool", "AveragePool", "Gemm", "Flatten"}
SE = {"GlobalAveragePool", "Sigmoid", "Mul"}


def folded(network, out, size: int = 112) -> onnx.ModelProto:
    model = fold(onnx.load(export(network, out, size=size)))
    onnx.checker.check_model(model, full_check=True)
    return model


def difference(network, model: onnx.ModelProto, inputs: np.ndarray) -> float:
    """Largest absolute difference, relative to the largest float output."""
    runner = session(model)
    with torch.no_grad():
        expected = network(torch.from_numpy(inputs)).numpy()
    found = np.concatenate([runner.run(None, {"input": x[None]})[0] for x in inputs])
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("pocketnet_s_128", set()),
        ("pocketnet_s_128_cifar", set()),
        ("mobilefacenet", set()),
        ("vargfacenet", SE),
    ],
)
def test_networks_keep_their_function_in_few_operators(lively, normalised, tmp_path, name, more):
    network = lively(name)
    model = folded(network, tmp_path / "n.onnx")
    assert {node.op_type for node in model.graph.node} <= ALLOWED | more
    assert difference(network, model, normalised[4:6]) < 1e-4
    assert model.graph.input[0].name == "input"
    assert model.graph.output[0].name == "embedding"


def small(*layers: nn.Module) -> nn.Module:
    """The layers between a coloured input and a flat output."""
    return nn.Sequential(nn.Conv2d(3, 8, 1), *layers, nn.Flatten(1))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (FactorisedReduce(8, 6), {"Conv": 3, "PRelu": 1, "Concat": 1, "Flatten": 1}),
        (Pool("max", 8, 2), {"Conv": 2, "MaxPool": 1, "Flatten": 1}),
        (Pool("avg", 8, 1), {"Conv": 2, "AveragePool": 1, "Flatten": 1}),
        (DepthwiseSeparable(8, 4, 1), {"Conv": 2, "PRelu": 1, "Flatten": 1}),
        (DepthwiseSeparable(8, 4, 1, 2), {"Conv": 2, "PRelu": 1, "Flatten": 1}),
        (DepthwiseSeparable(8, 4, 5, 2), {"Conv": 3, "PRelu": 1, "Flatten": 1}),
        (nn.Sequential(nn.Dropout(), nn.Identity(), nn.BatchNorm2d(8)), {"Conv": 1, "Flatten": 1}),
    ],
    ids=["reduce", "max", "avg", "dw1", "dw1s2", "dw5", "norm"],
)
def test_each_rewrite(lively, normalised, tmp_path, layer, expected):
    network = lively(small(layer), size=16)
    model = folded(network, tmp_path / "n.onnx", size=16)
    assert Counter(node.op_type for node in model.graph.node) == expected
    assert difference(network, model, normalised[4:6, :, :16, :16]) < 1e-5


def test_shifted_branch_is_a_2x2_convolution_with_one_tap(lively, tmp_path):
    model = folded(lively(small(FactorisedReduce(8, 6)), size=16), tmp_path / "n.onnx", size=16)
    shifted = [n for n in model.graph.node if attributes(n).get("kernel_shape") == [2, 2]]
    assert len(shifted) == 1
    assert attributes(shifted[0])["strides"] == [2, 2]
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    taps = np.abs(weights[shifted[0].input[1]]).sum(axis=(0, 1))
    assert taps[1, 1] > 0
    assert taps[0, 0] == taps[0, 1] == taps[1, 0] == 0


@pytest.mark.parametrize("size", [15, 16])
def test_shifted_branch_alone_on_even_and_odd_maps(lively, normalised, tmp_path, size):
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1, 2)

        def forward(self, x):
            return torch.flatten(self.conv(x[:, :, 1:, 1:]), 1)

    network = lively(Shifted(), size=size)
    model = folded(network, tmp_path / "n.onnx", size=size)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Flatten"]
    assert difference(network, model, normalised[:2, :, :size, :size].copy()) < 1e-5


def test_a_norm_whose_input_has_another_reader_does_not_change_that_reader(
    lively, normalised, tmp_path
):
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x):
            y = self.conv(x)
            return torch.flatten(y + self.norm(y), 1)

    network = lively(Fork(), size=8)
    model = folded(network, tmp_path / "n.onnx", size=8)
    assert Counter(n.op_type for n in model.graph.node) == {"Conv": 2, "Add": 1, "Flatten": 1}
    assert difference(network, model, normalised[:2, :, :8, :8]) < 1e-5


def test_export_restores_the_mode_and_offers_a_free_batch(mobilefacenet, normalised, tmp_path):
    mobilefacenet.train()
    path = export(mobilefacenet, tmp_path / "n.onnx", dynamic_batch=True)
    assert mobilefacenet.training
    mobilefacenet.eval()
    found = session(onnx.load(path)).run(None, {"input": normalised[:5]})[0]
    with torch.no_grad():
        expected = mobilefacenet(torch.from_numpy(normalised[:5])).numpy()
    assert np.abs(found - expected).max() < 1e-4


def test_export_refuses_accelerated_models(tmp_path):
    network = nn.Sequential(nn.Conv2d(3, 3, 1))
    network[0].forward = network[0].forward
    with pytest.raises(ValueError, match="accelerate"):
        export(network, tmp_path / "n.onnx")
    assert not (tmp_path / "n.onnx").exists()
