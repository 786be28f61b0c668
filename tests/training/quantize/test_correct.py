"""Bias correction: a known error of a bias is found and taken off, layer by layer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

pytest.importorskip("torch")

from pocketvision.training.quantize import calibrate, qdq  # noqa: E402
from pocketvision.training.quantize.correct import correct  # noqa: E402
from pocketvision.training.quantize.feed import Sample  # noqa: E402
from pocketvision.training.quantize.report import dequantised  # noqa: E402

SHIFTS = {"a.bias": 300, "b.bias": -400, "c.bias": 500}


def chain() -> onnx.ModelProto:
    """Conv, ReLU, Conv, Flatten, Gemm on 8x8 pixels, weights at random."""
    draws = np.random.default_rng(3)
    shapes = {"a": (6, 3, 3, 3), "b": (4, 6, 3, 3), "c": (5, 64)}
    tensors = []
    for name, shape in shapes.items():
        for suffix, size in (("weight", shape), ("bias", shape[:1])):
            values = draws.normal(0, 0.2, size).astype(np.float32)
            tensors.append(numpy_helper.from_array(values, f"{name}.{suffix}"))
    nodes = [
        helper.make_node("Conv", ["x", "a.weight", "a.bias"], ["a"], "a", kernel_shape=[3, 3]),
        helper.make_node("Relu", ["a"], ["relu"], "relu"),
        helper.make_node("Conv", ["relu", "b.weight", "b.bias"], ["b"], "b", kernel_shape=[3, 3]),
        helper.make_node("Flatten", ["b"], ["flat"], "flat"),
        helper.make_node("Gemm", ["flat", "c.weight", "c.bias"], ["y"], "c", transB=1),
    ]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 8, 8]), ("y", [1, 5]))
    ]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def samples(seed: int, count: int) -> list[Sample]:
    draws = np.random.default_rng(seed).normal(size=(count, 1, 3, 8, 8)).astype(np.float32)
    return [{"x": draw} for draw in draws]


def errors(
    floating: onnx.ModelProto, quantized: onnx.ModelProto, inputs: list[Sample]
) -> np.ndarray:
    """Largest error of a channel's mean, for each activation in order."""
    pairs = dequantised(floating, quantized)
    before = calibrate.session(calibrate.watch(floating, [name for name, _, _ in pairs]))
    after = calibrate.session(calibrate.watch(quantized, [twin for _, twin, _ in pairs]))
    left = [before.run([name for name, _, _ in pairs], x) for x in inputs]
    right = [after.run([twin for _, twin, _ in pairs], x) for x in inputs]
    found = []
    for index in range(len(pairs)):
        gap = np.mean([a[index] - b[index] for a, b in zip(left, right, strict=True)], axis=0)
        found.append(np.abs(gap.reshape(gap.shape[1], -1).mean(axis=1)).max())
    return np.array(found)


def test_shifted_biases_come_back() -> None:
    floating = chain()
    inputs = samples(4, 48)
    ranges = calibrate.ranges(calibrate.histograms(floating, inputs), "minmax")
    good = qdq.quantize(floating, calibrate.share(floating, ranges))
    bad = onnx.ModelProto()
    bad.CopyFrom(good)
    for tensor in bad.graph.initializer:
        name = tensor.name.removesuffix("_quantized")
        if name in SHIFTS:
            moved = numpy_helper.to_array(tensor) + np.int32(SHIFTS[name])
            tensor.CopyFrom(numpy_helper.from_array(moved, tensor.name))

    corrected = correct(floating, bad, inputs)
    assert errors(floating, bad, inputs)[-1] > 10 * errors(floating, corrected, inputs)[-1]
    assert errors(floating, corrected, inputs)[-1] < errors(floating, good, inputs)[-1]
    # Nothing but biases moves.
    first = {t.name: numpy_helper.to_array(t) for t in corrected.graph.initializer}
    before = {t.name: numpy_helper.to_array(t) for t in good.graph.initializer}
    assert first.keys() == before.keys()
    changed = {name for name in first if not np.array_equal(first[name], before[name])}
    assert changed <= {f"{name}_quantized" for name in SHIFTS}


def test_the_argument_is_left_alone() -> None:
    floating = chain()
    inputs = samples(5, 4)
    ranges = calibrate.ranges(calibrate.histograms(floating, inputs), "minmax")
    quantized = qdq.quantize(floating, calibrate.share(floating, ranges))
    before = quantized.SerializeToString(deterministic=True)
    correct(floating, quantized, inputs)
    assert quantized.SerializeToString(deterministic=True) == before
