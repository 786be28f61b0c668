"""Ranges: histograms, the three methods on known distributions, and shared ranges."""

import numpy as np
import onnx
import pytest
from onnx import helper

from pocketvision.training.quantize import calibrate
from pocketvision.training.quantize.calibrate import BINS, Histogram

FLOAT = onnx.TensorProto.FLOAT


def network() -> onnx.ModelProto:
    """input -> Relu a -> MaxPool b; Concat(b, b2 = Relu(MaxPool)) -> out; all (1, 1, 4, 4)."""
    pool = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [1, 1]}
    nodes = [
        helper.make_node("Neg", ["input"], ["a"]),
        helper.make_node("MaxPool", ["a"], ["b"], **pool),
        helper.make_node("Neg", ["input"], ["c"]),
        helper.make_node("Add", ["c", "c"], ["d"]),
        helper.make_node("Concat", ["b", "d"], ["out"], axis=1),
    ]
    source = helper.make_tensor_value_info("input", FLOAT, [1, 1, 4, 4])
    target = helper.make_tensor_value_info("out", FLOAT, [1, 2, 4, 4])
    graph = helper.make_graph(nodes, "g", [source], [target])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def normal(samples: int = 200_000) -> Histogram:
    values = np.random.default_rng(0).normal(size=samples)
    values[0] = 40.0  # one outlier
    counts, _ = np.histogram(values, BINS, (values.min(), values.max()))
    return Histogram(values.min(), values.max(), counts)


def test_histograms_count_every_value():
    inputs = np.random.default_rng(1).normal(size=(5, 1, 4, 4)).astype(np.float32)
    found = calibrate.histograms(network(), [{"input": x[None]} for x in inputs])
    assert set(found) == {"input", "a", "b", "c", "d", "out"}
    assert found["input"].low == inputs.min()
    assert found["a"].high == -inputs.min()
    assert found["d"].high == -2 * inputs.min()
    assert {name: h.counts.sum() for name, h in found.items()} == {
        "input": 80, "a": 80, "b": 80, "c": 80, "d": 80, "out": 160,
    }  # fmt: skip
    expected, _ = np.histogram(inputs, BINS, (inputs.min(), inputs.max()))
    assert np.abs(found["input"].counts - expected).sum() <= 2  # a value on a bin's edge


def test_minmax_keeps_and_the_others_cut_an_outlier():
    found = {"x": normal()}
    assert calibrate.ranges(found, "minmax")["x"][1] == 40.0
    low, high = calibrate.ranges(found, "percentile")["x"]
    assert 3.5 < high < 4.5
    assert -4.5 < low < -3.5
    assert 4 < calibrate.ranges(found, "mse")["x"][1] < 36


def test_least_squares_is_no_worse_than_the_others():
    histogram = normal()
    edges = np.linspace(histogram.low, histogram.high, BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2

    def error(method: str) -> float:
        low, high = calibrate.ranges({"x": histogram}, method)["x"]
        scale = (high - low) / 255
        rounded = np.clip(np.round((centres - low) / scale), 0, 255) * scale + low
        return float((histogram.counts * (rounded - centres) ** 2).sum())

    assert error("mse") < error("minmax")


def test_every_range_contains_zero():
    positive = Histogram(1.0, 2.0, np.ones(BINS, np.int64))
    for method in calibrate.METHODS:
        low, high = calibrate.ranges({"x": positive}, method)["x"]
        assert low <= 0 <= high


def test_unknown_method():
    with pytest.raises(ValueError, match="entropy"):
        calibrate.ranges({}, "entropy")


def test_concat_and_pool_share_the_union():
    given = {
        "input": (-9.0, 9.0), "a": (-1.0, 2.0), "b": (-3.0, 1.0),
        "c": (-7.0, 7.0), "d": (0.0, 5.0), "out": (-1.0, 1.0),
    }  # fmt: skip
    shared = calibrate.share(network(), given)
    assert shared["a"] == shared["b"] == shared["d"] == shared["out"] == (-3.0, 5.0)
    assert shared["input"] == (-9.0, 9.0)
    assert shared["c"] == (-7.0, 7.0)
