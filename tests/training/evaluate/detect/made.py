"""A file with YuNet's inputs and outputs whose cells say what the colours of a picture tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

STRIDES = (8, 16, 32)
WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
BLUE, GREEN, RED = 0, 1, 2
"""Channels of the input, which is BGR."""


def yunet(path: Path, box: list[float], points: list[float]) -> Path:
    """Logit of class: (blue - 128) / 8; of objectness: (green - 128) / 8, of a cell's mean colour.

    Args:
        box: what every cell says of its box, as YuNet's file does.
        points: the same of its landmarks.
    """
    nodes, weights = [], {}
    for stride in STRIDES:
        pool = f"pool{stride}"
        nodes.append(helper.make_node(
            "AveragePool", ["input"], [pool], kernel_shape=[stride] * 2, strides=[stride] * 2
        ))  # fmt: skip
        for kind, width in WIDTHS.items():
            name = f"{kind}_{stride}"
            weight, bias = np.zeros((width, 3, 1, 1), np.float32), np.zeros(width, np.float32)
            if kind in ("cls", "obj"):
                weight[0, BLUE if kind == "cls" else GREEN] = 1 / 8
                bias[0] = -16
            else:
                bias[:] = box if kind == "bbox" else points
            weights |= {f"{name}.w": weight, f"{name}.b": bias,
                        f"{name}.s": np.array([1, -1, width], np.int64)}  # fmt: skip
            last = [f"{name}.r"] if kind in ("cls", "obj") else [name]
            nodes += [
                helper.make_node("Conv", [pool, f"{name}.w", f"{name}.b"], [f"{name}.c"]),
                helper.make_node("Transpose", [f"{name}.c"], [f"{name}.t"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}.t", f"{name}.s"], last),
            ]
            if kind in ("cls", "obj"):
                nodes.append(helper.make_node("Sigmoid", last, [name]))
    ends = [
        helper.make_tensor_value_info(f"{kind}_{stride}", onnx.TensorProto.FLOAT,
                                      [1, (64 // stride) ** 2, width])
        for stride in STRIDES for kind, width in WIDTHS.items()
    ]  # fmt: skip
    source = helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 64, 64])
    graph = helper.make_graph(
        nodes, "made", [source], ends,
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.save(model, path)
    return path
