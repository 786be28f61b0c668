"""Weight scales moved by their last bits: every channel gets a fixed-point factor."""

from __future__ import annotations

import numpy as np
import onnx
import torch

from pocketvision.compile.arithmetic import fixedpoint
from pocketvision.training.export import export
from pocketvision.training.quantize import calibrate, qdq
from pocketvision.training.quantize.factors import fixed
from pocketvision.training.quantize.fold import fold
from pocketvision.training.quantize.graph import Graph


def missing(model: onnx.ModelProto) -> int:
    """Channels of all layers without a factor."""
    graph = Graph.open(model)
    layers = [fixed.layer_of(graph, n) for n in graph.nodes if n.op_type in ("Conv", "Gemm")]
    return sum(int((found.factors() < 0).sum()) for found in layers if found is not None)


def test_all_channels_have_factors_and_the_scales_hardly_move(tmp_path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 96, 3, bias=False),
        torch.nn.ReLU(),
        torch.nn.Conv2d(96, 96, 3, groups=96),
        torch.nn.Conv2d(96, 64, 1),
        torch.nn.Flatten(1),
        torch.nn.Linear(64 * 16, 40),
    )
    floating = fold(onnx.load(export(network, tmp_path / "n.onnx", size=8)))
    draws = np.random.default_rng(0).standard_normal((4, 1, 3, 8, 8)).astype(np.float32)
    noise = [{"input": draw} for draw in draws]
    ranges = calibrate.ranges(calibrate.histograms(floating, noise), "minmax")
    before = qdq.quantize(floating, calibrate.share(floating, ranges))
    after = fixed.exact(before)
    assert missing(before) > 0
    assert missing(after) == 0
    old, new = (Graph.open(model).weights for model in (before, after))
    assert old.keys() == new.keys()
    for name, values in old.items():
        if values.dtype == np.float32:
            assert np.abs(new[name] / values - 1).max() < 1e-4, name
        else:
            assert np.array_equal(new[name], values), name
    assert sum((new[n] != v).sum() for n, v in old.items()) < 200  # of 544 scales


def test_a_scale_that_can_have_none_stays(tmp_path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Flatten(1))
    floating = fold(onnx.load(export(network, tmp_path / "n.onnx", size=2)))
    names = [floating.graph.input[0].name, *(o for n in floating.graph.node for o in n.output)]
    # The output's range is so narrow that an accumulator is worth more than half a step.
    ranges = {name: (-128 * 1e-5, 127 * 1e-5) for name in names}
    ranges[names[0]] = (-128.0, 127.0)
    before = qdq.quantize(floating, ranges)
    after = fixed.exact(before)
    assert missing(after) == missing(before) == 4
    assert before == after


def test_factors_are_those_of_the_rule() -> None:
    found = fixed.Layer(
        weight=np.full((2, 3, 1, 1), 100, np.int8),
        bias=np.array([5, -5], np.int32),
        into=np.float32(1 / 64),
        out=np.float32(1 / 2),
        zero_point=-3,
        scales=np.float32([1 / 16, 1 / 32]),
    )
    reach = np.full(2, 255 * 300 + 5)
    whole = np.float32([1 / 512, 1 / 1024])
    assert np.array_equal(found.factors(), fixedpoint.factors(whole, reach, -125, 130))
