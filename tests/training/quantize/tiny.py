"""Networks of a few operators by onnx.helper, quantised on noise and compared with the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Graph
from pocketvision.training.quantize import Quantised, quantize_model

FLOAT = onnx.TensorProto.FLOAT
Shape = Sequence[int | str | None]
COUNT = 8


def network(
    nodes: Sequence[NodeProto],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape | None],
    weights: dict[str, np.ndarray] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """A model with these nodes; an output of None has no shape."""
    ends = []
    for values in (inputs, outputs):
        ends.append(
            [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in values.items()]
        )
    tensors = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()
    ]
    graph = helper.make_graph(list(nodes), "tiny", *ends, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


def draws(seed: int, *shape: int, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


def quantised(
    model: onnx.ModelProto, folder: Path, data: object, name: str = "tiny.onnx", **options: object
) -> Quantised:
    """Writes the model below ``folder`` and quantises it there on 8 samples, 32 held out."""
    path = folder / name
    onnx.save(model, path)
    return quantize_model(path, data, folder / "tiny.int8.onnx", count=COUNT, **options)  # type: ignore[arg-type]


def compiled(result: Quantised) -> Graph:
    """The int8 graph as the compiler imports it, each operator within a step of onnxruntime."""
    graph = load(result.file)
    oracle.check(result.file, graph, count=2)
    return graph


def kinds(graph: Graph) -> list[str]:
    """The operators of an int8 graph in order."""
    return [type(op).__name__ for op in graph.ops]
