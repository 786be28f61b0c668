"""Refuses, before anything is measured, a network whose int8 form the compiler would refuse."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

from pocketvision.compile.frontend.load import load
from pocketvision.compile.frontend.operators import SUPPORTED

from . import calibrate, qdq


def check_operators(model: onnx.ModelProto, path: Path) -> None:
    """ValueError that names every operator which the compiler does not know."""
    unknown = sorted(
        f"{node.name} ({f'{node.domain}.' if node.domain else ''}{node.op_type})"
        for node in model.graph.node
        if node.op_type not in SUPPORTED or node.domain not in ("", "ai.onnx")
    )
    if unknown:
        raise ValueError(
            f"{path}: the compiler does not know the operator at node {', '.join(unknown[:8])}"
            + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")
            + f"; supported: {', '.join(SUPPORTED)}. End the network before it, or replace it; "
            "nothing was calibrated"
        )


def check(model: onnx.ModelProto, path: Path) -> None:
    """Imports the int8 form that ``model`` would have, with ranges made up.

    Raises:
        ValueError: the compiler would refuse it; the message names the node and the remedy.
    """
    check_operators(model, path)
    names = [*(value.name for value in model.graph.input), *calibrate.activations(model)]
    ranges = calibrate.share(model, dict.fromkeys(names, (0.0, 1.0)))
    made = qdq.quantize(model, ranges)
    if not any(node.op_type == "QuantizeLinear" for node in made.graph.node):
        nodes = ", ".join(f"{node.name} ({node.op_type})" for node in model.graph.node[:8])
        raise ValueError(
            f"{path}: none of its operators has an int8 form ({nodes}); quantise the network that "
            "they belong to; nothing was calibrated"
        )
    try:
        check_file(made, path)
    except ValueError as error:
        raise ValueError(f"{error}. The compiler would refuse it: nothing was calibrated") from None


def check_file(quantized: onnx.ModelProto, path: Path) -> None:
    """Imports an int8 network as the compiler does; errors name ``path``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, path.name)
        file.write_bytes(quantized.SerializeToString())
        load(file)
