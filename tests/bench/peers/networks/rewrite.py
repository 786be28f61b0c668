"""Rewrites PReLU as relus in an ONNX file, for runtimes that fuse relus and not PReLU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def prelu_as_relus(source: Path, out: Path) -> Path:
    """Writes ``source`` with each PRelu as ``relu(x) - slope * relu(-x)``; returns ``out``.

    The identity holds for every real slope, so the function is unchanged. Float and QDQ files.
    """
    import onnx

    model = onnx.load(source)
    nodes: list[Any] = []
    for node in model.graph.node:
        nodes += _relus(node) if node.op_type == "PRelu" else [node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    partial = out.with_suffix(".partial")
    onnx.save(model, partial)
    os.replace(partial, out)
    return out


def has_prelu(source: Path) -> bool:
    """Whether there is anything for ``prelu_as_relus`` to do."""
    import onnx

    return any(node.op_type == "PRelu" for node in onnx.load(source).graph.node)


def _relus(node: Any) -> list[Any]:
    from onnx import helper

    x, slope = node.input
    y = node.output[0]
    return [
        helper.make_node("Relu", [x], [f"{y}.positive"]),
        helper.make_node("Neg", [x], [f"{y}.negated"]),
        helper.make_node("Relu", [f"{y}.negated"], [f"{y}.negative"]),
        helper.make_node("Mul", [f"{y}.negative", slope], [f"{y}.scaled"]),
        helper.make_node("Sub", [f"{y}.positive", f"{y}.scaled"], [y], name=node.name),
    ]
