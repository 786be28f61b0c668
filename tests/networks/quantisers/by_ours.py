"""Our own quantiser by its whole road, from a file as people export it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx

from pocketvision.training.quantize import quantize_model

from ..run import Feed, feeds, session

HELD_OUT = 32
"""Samples that ``quantize_model`` takes besides those that calibrate."""


def quantise(model: onnx.ModelProto, inputs: list[Feed]) -> onnx.ModelProto:
    """int8 file of a float one."""
    batches = [*inputs, *feeds(session(model), HELD_OUT, seed=4)]
    # One picture of each batch, where the file has a fixed one.
    samples = [{name: values[:1] for name, values in batch.items()} for batch in batches]
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "network.onnx", Path(folder) / "network.int8.onnx"
        onnx.save(model, source)
        quantize_model(source, lambda: samples, out, count=len(inputs))
        return onnx.load(out)
