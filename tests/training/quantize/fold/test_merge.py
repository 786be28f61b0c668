"""Merging added convolutions keeps the function; equal ranges and exact slopes keep it too."""

from collections import Counter

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from pocketvision.training.export import export  # noqa: E402
from pocketvision.training.quantize import calibrate, qdq  # noqa: E402
from pocketvision.training.quantize.calibrate import session  # noqa: E402
from pocketvision.training.quantize.factors import slopes  # noqa: E402
from pocketvision.training.quantize.fold import fold, merge  # noqa: E402
from pocketvision.training.quantize.graph import Graph, attributes  # noqa: E402


class Node(nn.Module):
    """Two branches into one addition; ``first`` stands before its 1x1 convolution."""

    def __init__(self, first: nn.Module, shared: bool = False):
        super().__init__()
        self.first, self.shared = first, shared
        self.second = nn.Conv2d(3, 16, 3, padding=1)
        self.one, self.two = nn.Conv2d(16, 8, 1), nn.Conv2d(16, 8, 1, bias=False)
        self.end = nn.Conv2d(8, 4, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        second = self.second(x)
        y = self.one(self.first(x)) + self.two(second)
        if self.shared:
            y = y + second[:, :8]
        return self.end(y).flatten(1)


def layer(activation: bool) -> nn.Module:
    conv = nn.Conv2d(3, 16, 3, padding=1)
    if not activation:
        return conv
    slopes_ = nn.PReLU(16)
    nn.init.uniform_(slopes_.weight, -0.3, 0.9)
    return nn.Sequential(conv, slopes_)


def exported(network: nn.Module, out) -> onnx.ModelProto:
    return onnx.load(export(network.eval(), out, size=8))


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return np.concatenate([session(model).run(None, {"input": row[None]})[0] for row in x])


def samples(x: np.ndarray) -> list[dict[str, np.ndarray]]:
    return [{"input": row[None]} for row in x]


@pytest.fixture
def inputs():
    return np.random.default_rng(1).normal(size=(4, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("activation", [False, True])
def test_the_addition_becomes_one_convolution_of_the_same_function(tmp_path, inputs, activation):
    torch.manual_seed(1)
    model = exported(Node(layer(activation)), tmp_path / "a.onnx")
    folded = fold(model)
    kinds = Counter(node.op_type for node in folded.graph.node)
    assert kinds["Add"] == 0 and kinds["Concat"] == 1 and kinds["Conv"] == 4
    np.testing.assert_allclose(run(folded, inputs), run(model, inputs), rtol=1e-4, atol=1e-5)


def test_an_input_that_others_read_keeps_its_own_scale(tmp_path):
    torch.manual_seed(1)
    folded = fold(exported(Node(layer(False), shared=True), tmp_path / "a.onnx"))
    assert Counter(node.op_type for node in folded.graph.node)["Add"] == 2


def test_two_activations_are_not_merged(tmp_path):
    torch.manual_seed(1)
    network = Node(layer(True))
    network.second = layer(True)
    folded = fold(exported(network, tmp_path / "a.onnx"))
    assert Counter(node.op_type for node in folded.graph.node)["Add"] == 1


@pytest.mark.parametrize("activation", [False, True])
@pytest.mark.parametrize("factor", [40.0, 0.02])
def test_parts_get_one_range_and_the_function_stays(tmp_path, inputs, activation, factor):
    torch.manual_seed(1)
    network = Node(layer(activation))
    network.second.weight.data *= factor
    folded = fold(exported(network, tmp_path / "a.onnx"))
    found = calibrate.histograms(folded, samples(inputs))
    equal, moved = merge.equalise(folded, found)
    joined = next(node for node in equal.graph.node if node.op_type == "Concat")
    widths = [moved[name].high - moved[name].low for name in joined.input]
    assert widths[0] == pytest.approx(widths[1], rel=1e-5)
    real = calibrate.histograms(equal, samples(inputs))
    for name in joined.input:
        assert real[name].low == pytest.approx(moved[name].low, rel=1e-4)
        assert real[name].high == pytest.approx(moved[name].high, rel=1e-4)
    fixed = [node for node in equal.graph.node if node.op_type == "PRelu"]
    if fixed:
        assert moved[fixed[0].output[0]] is found[fixed[0].output[0]]
    np.testing.assert_allclose(run(equal, inputs), run(folded, inputs), rtol=1e-3, atol=1e-4)


def test_mirrored_ranges_are_laid_over_each_other():
    counts = np.arange(calibrate.BINS)
    parts = [calibrate.Histogram(-1.0, 3.0, counts), calibrate.Histogram(-6.0, 2.0, counts)]
    assert merge._factors(parts, None) == [-2.0, 1.0]
    assert merge._factors(parts, 0) == [1.0, -0.5]
    turned = merge._scaled(parts[0], -2.0)
    assert (turned.low, turned.high) == (-6.0, 2.0) and turned.counts[0] == counts[-1]


@pytest.mark.parametrize("seed", range(5))
def test_activations_become_exact_in_16_bits(tmp_path, inputs, seed):
    words = pytest.importorskip("pocketvision.compile.arithmetic.words")
    torch.manual_seed(seed)
    folded = fold(exported(Node(layer(True)), tmp_path / "a.onnx"))
    equal, found = merge.equalise(folded, calibrate.histograms(folded, samples(inputs)))
    ranges = calibrate.share(equal, calibrate.ranges(found, "minmax"))
    model, moved = slopes.exact(equal, ranges)
    for name, (low, high) in moved.items():
        assert (low, high) == pytest.approx(ranges[name], rel=1e-4, abs=1e-9)
    np.testing.assert_allclose(run(model, inputs), run(equal, inputs), rtol=1e-2, atol=1e-2)
    graph = Graph.open(qdq.quantize(model, moved))
    activation = next(node for node in graph.nodes if node.op_type == "PRelu")
    scales = [
        graph.weights[node.input[1]].item()
        for node in (graph.producer(activation.input[0]), graph.consumers(activation.output[0])[0])
    ]
    zero = graph.weights[graph.producer(activation.input[0]).input[2]].item() - 128
    slope = graph.weights[activation.input[1]].reshape(-1)
    ratio = np.float32(scales[0] / scales[1])
    positive = np.full(slope.size, ratio, np.float32)
    negative = (slope * ratio).astype(np.float32)
    found = words.word_factors(positive, negative, zero, -128 - zero, 127 - zero)
    assert found is not None
    assert np.all(found.negative % 2 == 1) and np.all(found.positive % 2 == 1)
    assert attributes(activation) == {}
