"""PReLU as relus is the same function, checked by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from .peers.networks.rewrite import prelu_as_relus


def _network(path: Path, slopes: np.ndarray) -> Path:
    shape = [1, len(slopes), 5, 5]
    graph = helper.make_graph(
        [helper.make_node("PRelu", ["x", "slope"], ["y"], name="only")],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(slopes.reshape(-1, 1, 1), "slope")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def _run(path: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def test_same_values_for_slopes_of_any_sign(tmp_path: Path) -> None:
    slopes = np.array([0.25, -0.5, 0.0, 1.0, 3.0], np.float32)
    before = _network(tmp_path / "prelu.onnx", slopes)
    after = prelu_as_relus(before, tmp_path / "relus.onnx")
    x = np.random.default_rng(3).normal(0, 4, (1, 5, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(_run(after, x), _run(before, x))
    kinds = {node.op_type for node in onnx.load(after).graph.node}
    assert kinds == {"Relu", "Neg", "Mul", "Sub"}
