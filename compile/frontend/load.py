"""ONNX in QDQ form to the int8 graph: normalise, infer shapes, import."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx

from ..errors import CompileError
from ..graph import Graph
from . import shapes
from .importer import build
from .network import DEQUANTISE, QUANTISE, Network
from .normalise import normalise
from .operators import SUPPORTED

RECORD_KEY = "pocketvision.record"


def load(path: Path) -> Graph:
    """The int8 graph of an ONNX file.

    Raises:
        CompileError: not ONNX, not quantised, or an operator that the compiler does not know; the
            message names the node and lists what is supported.
    """
    model, sha256 = normalise(path)
    _check_operators(path, model)
    known = shapes.infer(model, path.name)
    network = Network(path.name, model, known)
    record = next((p.value for p in model.metadata_props if p.key == RECORD_KEY), "{}")
    try:
        found = json.loads(record, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CompileError(f"{path}: metadata {RECORD_KEY!r} is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise CompileError(
            f"{path}: metadata {RECORD_KEY!r} is a {type(found).__name__}, expected a JSON object; "
            "remove it or quantise the network anew"
        )
    name = path.stem.removesuffix(".int8")
    try:
        graph = build(network, name=name, record=record, sha256=sha256)
    except RecursionError as error:
        raise CompileError(
            f"{path}: too many operators in a row between two quantisations; simplify them"
        ) from error
    _check_finite(path, graph)
    return graph.with_ops(list(graph.ops)).validate()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check_operators(path: Path, model: onnx.ModelProto) -> None:
    nodes = model.graph.node
    if not nodes:
        raise CompileError(f"{path}: not a valid ONNX file (it holds no operator)")
    if not any(node.op_type in (QUANTISE, DEQUANTISE) for node in nodes):
        raise CompileError(
            f"{path}: this is a float model and the compiler takes int8; "
            f"type `pocketvision quantize {path.name} --images DIR --out MODEL.int8.onnx` first"
        )
    known = (*SUPPORTED, QUANTISE, DEQUANTISE)
    unknown = sorted(
        f"{node.name} ({f'{node.domain}.' if node.domain else ''}{node.op_type})"
        for node in nodes
        if node.op_type not in known or node.domain not in ("", "ai.onnx")
    )
    if unknown:
        raise CompileError(
            f"{path}: unsupported operator at node {', '.join(unknown[:8])}"
            + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")
            + f"; supported: {', '.join(SUPPORTED)} in QDQ form. "
            "Replace it in the float model, or end the model before it"
        )


def _check_finite(path: Path, graph: Graph) -> None:
    for op in graph.ops:
        for field in ("scale", "negative_scale"):
            values = getattr(op, field, None)
            if values is not None and not np.all(np.isfinite(values)):
                raise CompileError(f"{path}: node {op.name!r} has a scale that is not finite")
