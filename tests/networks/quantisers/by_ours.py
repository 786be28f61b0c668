"""Our own quantiser by its whole road, for the networks that it takes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx

from pocketvision.training.quantize import quantize_model

from ..run import Feed

HELD_OUT = 32
"""Pictures that ``quantize_model`` takes besides those that calibrate."""


def quantise(model: onnx.ModelProto, inputs: list[Feed]) -> onnx.ModelProto:
    """int8 file of a float one; pictures of noise stand for ``inputs``, of which it takes none."""
    sides = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    random = np.random.default_rng(3)
    shape = (len(inputs) + HELD_OUT, *sides[2:], 3)
    pictures = random.integers(0, 256, shape, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "network.onnx", Path(folder) / "network.int8.onnx"
        onnx.save(model, source)
        return onnx.load(quantize_model(source, pictures, out, count=len(inputs)))
