"""ONNX in QDQ form to the int8 graph."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx

from ..errors import CompileError
from ..graph import Graph
from .importer import build
from .network import Network
from .operators import SUPPORTED

RECORD_KEY = "pocketvision.record"
PAIR = ("QuantizeLinear", "DequantizeLinear")


def load(path: Path) -> Graph:
    """The int8 graph of an ONNX file.

    Raises:
        CompileError: not ONNX, not quantised, or an operator that the compiler does not know; the
            message names the node and lists what is supported.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CompileError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
        for node in list(model.graph.node):
            if node.op_type == "Constant":
                tensor = onnx.TensorProto()
                tensor.CopyFrom(node.attribute[0].t)
                tensor.name = node.output[0]
                model.graph.initializer.append(tensor)
                model.graph.node.remove(node)
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # onnx and protobuf raise types of their own for each defect
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CompileError(
            f"{path}: not a valid ONNX file ({reason}); expected an int8 one, "
            "which `pocketvision quantize` writes"
        ) from error
    if not model.graph.node:
        raise CompileError(f"{path}: not a valid ONNX file (it holds no operator)")
    if not any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        raise CompileError(
            f"{path}: this is a float model and the compiler takes int8; "
            f"type `pocketvision quantize {path.name} --images DIR --out MODEL.int8.onnx` first"
        )
    unknown = sorted(
        f"{node.name or node.output[0]} ({node.op_type})"
        for node in model.graph.node
        if node.op_type not in (*SUPPORTED, *PAIR) or node.domain not in ("", "ai.onnx")
    )
    if unknown:
        raise CompileError(
            f"{path}: unsupported operator at node {', '.join(unknown[:8])}"
            + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")
            + f"; supported: {', '.join(SUPPORTED)} in QDQ form. "
            "Replace it in the float model (batch norms: `pocketvision quantize` folds them)"
        )
    network = Network(path.name, model, shapes(model))
    record = next((p.value for p in model.metadata_props if p.key == RECORD_KEY), "{}")
    try:
        json.loads(record)
    except (json.JSONDecodeError, RecursionError) as error:
        raise CompileError(f"{path}: metadata {RECORD_KEY!r} is not JSON ({error})") from error
    graph = build(
        network,
        name=path.stem.removesuffix(".int8"),
        record=record,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    _check_finite(path, graph)
    return graph.with_ops(list(graph.ops)).validate()


def shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    values = [*model.graph.value_info, *model.graph.input, *model.graph.output]
    found = {v.name: tuple(d.dim_value or 1 for d in v.type.tensor_type.shape.dim) for v in values}
    found.update({c.name: tuple(c.dims) for c in model.graph.initializer})
    return found


def _check_finite(path: Path, graph: Graph) -> None:
    for op in graph.ops:
        for field in ("scale", "negative_scale"):
            values = getattr(op, field, None)
            if values is not None and not np.all(np.isfinite(values)):
                raise CompileError(f"{path}: node {op.name!r} has a scale that is not finite")
