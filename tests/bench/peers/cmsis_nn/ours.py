"""The same layers by our compiler: an int8 ONNX file of one convolution, counted in QEMU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pocketvision.compile.inspect.report import report

NAME = "layer"
SHAPES = {
    "1x1 28x28x64 to 64": (28, 64, 64, 1, 1),
    "depthwise 3x3 28x28x64": (28, 64, 64, 3, 1),
    "stem 3x3 /2 112x112x3 to 16": (112, 3, 16, 3, 2),
}
"""Side of the input, channels in and out, side of the kernel, stride."""


def counted(layer: str, core: str, work: Path) -> int:
    """Executed instructions of the layer alone: borders and copies of the network are no part."""
    file = work / "layer.onnx"
    onnx.save(network(layer), file)
    (row,) = (row for row in report(file, core).operators if row.name == NAME)
    return int(row.cost)


def network(layer: str) -> Any:
    """QDQ with per-channel weights, input and output (1, C, H, W) in float32."""
    side, channels, out, kernel, stride = SHAPES[layer]
    groups = channels if layer.startswith("depthwise") else 1
    random = np.random.default_rng(0)
    weights = random.integers(-127, 128, (out, channels // groups, kernel, kernel)).astype(np.int8)
    scales = random.uniform(0.005, 0.02, out).astype(np.float32)
    result = (side + 2 * (kernel // 2) - kernel) // stride + 1
    # Sums of so many products of noise, whose results shall spread by 40: few saturate.
    spread = 74 * 74 * np.sqrt(channels // groups * kernel**2) * float(scales.mean()) * 0.05
    constants = {
        "weights": weights,
        "weight_scales": scales,
        "weight_zeros": np.zeros(out, np.int8),
        "bias": random.integers(-2000, 2000, out).astype(np.int32),
        "bias_scales": scales * np.float32(0.05),
        "bias_zeros": np.zeros(out, np.int32),
        "scale": np.float32(0.05),
        "zero": np.int8(3),
        "out_scale": np.float32(spread / 40),
        "out_zero": np.int8(-5),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "scale", "zero"], ["xd"]),
        helper.make_node(
            "DequantizeLinear", ["weights", "weight_scales", "weight_zeros"], ["w"], axis=0
        ),
        helper.make_node("DequantizeLinear", ["bias", "bias_scales", "bias_zeros"], ["b"], axis=0),
        helper.make_node(
            "Conv",
            ["xd", "w", "b"],
            ["y"],
            name=NAME,
            group=groups,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
        ),
        helper.make_node("QuantizeLinear", ["y", "out_scale", "out_zero"], ["yq"]),
        helper.make_node("DequantizeLinear", ["yq", "out_scale", "out_zero"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, side, side])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, out, result, result])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)
