"""Small ONNX files of any operators, and what onnxruntime says before and after normalisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from pocketvision.compile.frontend import shapes
from pocketvision.compile.frontend.normalise import normalise

node = helper.make_node
MICROSOFT = "com.microsoft"
KINDS = {
    "tensor(float)": np.float32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}


def model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, Any] | None = None,
    *,
    x: Sequence[int | str | None] = (1, 4, 6, 6),
    y: Sequence[int | str | None] | None = None,
    kind: int = TensorProto.FLOAT,
    opset: int = 21,
    **more: Any,
) -> onnx.ModelProto:
    """A network from ``x`` to ``y``; constants are arrays by name."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info("y", kind, y)],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in (constants or {}).items()],
        **more,
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
    made = helper.make_model(graph, opset_imports=opsets)
    made.ir_version = 10
    return made


def saved(folder: Path, made: onnx.ModelProto, name: str = "small.onnx") -> Path:
    onnx.save(made, folder / name)
    return folder / name


def run(made: onnx.ModelProto, feed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """onnxruntime's results with its optimiser off."""
    return session(made).run(None, dict(feed))


def session(made: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def feed(made: onnx.ModelProto, batch: int = 1, seed: int = 0) -> dict[str, np.ndarray]:
    """Random inputs; sizes that are symbols are ``batch``."""
    random = np.random.default_rng(seed)
    result = {}
    for value in session(made).get_inputs():
        sizes = [size if isinstance(size, int) else batch for size in value.shape]
        drawn = (
            random.normal(0, 2, sizes)
            if value.type == "tensor(float)"
            else random.integers(0, 100, sizes)
        )
        result[value.name] = drawn.astype(KINDS[value.type])
    return result


def same(
    folder: Path, made: onnx.ModelProto, *, steps: float = 0.0, relative: float = 0.0
) -> onnx.ModelProto:
    """The normalised model, which gives what the file gives: exactly, or as near as is said.

    Its form is checked too: names, order, opset, and shapes that strict inference knows.
    """
    after, _ = normalise(saved(folder, made))
    given = feed(made)
    for before, now in zip(run(made, given), run(after, given), strict=True):
        assert before.shape == now.shape and before.dtype == now.dtype
        assert before.size == 0 or np.ptp(before.astype(float)) > 0, "a constant tests nothing"
        np.testing.assert_allclose(
            now.astype(float), before.astype(float), rtol=relative, atol=steps
        )
    onnx.checker.check_model(after, full_check=True)
    assert after.opset_import[0].version >= 21
    names = [one.name for one in after.graph.node]
    assert all(names) and len(set(names)) == len(names)
    read = {name for one in after.graph.node for name in one.input}
    ends = {value.name for value in after.graph.output}
    assert {tensor.name for tensor in after.graph.initializer} <= read | ends
    assert all(read | ends & set(one.output) for one in after.graph.node)
    shapes.infer(after, "small.onnx")
    return after


def kinds(made: onnx.ModelProto) -> list[str]:
    return [one.op_type for one in made.graph.node]


def constants(made: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
