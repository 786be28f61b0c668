"""A detector's record as C constants, for firmware that parses no JSON and has no exponential."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from ..errors import CompileError
from ..graph import Graph, Tensor
from .face_recipe import braces, pixel_tables

TASK = "face-detection"
CHANNELS, MAX_LEVELS, MAX_STEP = 16, 4, 1 << 23
"""``PV_DETECT_...`` of csrc/include/pocketvision/detect.h."""
SCORE_ONE, OVERLAP_ONE, UNIT, STEP_BITS = 65535, 65536, 256, 12
"""The same."""


def text(word: str, graph: Graph) -> str:
    """The definition of ``WORD_detect_recipe``, or ``""`` for a record of another task.

    Args:
        word: first part of the C names.
        graph: its record is JSON text of ``pocketvision.record``.

    Raises:
        CompileError: the record does not fit the network.
    """
    values = json.loads(graph.record or "{}")
    if not isinstance(values, dict) or values.get("task") != TASK:
        return ""
    try:
        return _text(word, graph, values)
    except (KeyError, TypeError, ValueError) as error:
        raise CompileError(f"record of a detector: {error}") from None


def _text(word: str, graph: Graph, values: dict[str, Any]) -> str:
    strides, prepare = list(values["strides"]), values["preprocess"]
    source = graph.tensors[graph.inputs[0]]
    outputs = [graph.tensors[name] for name in graph.outputs]
    if len(graph.inputs) != 1 or source.real or source.channels != 3:
        raise ValueError("expected one input of three colours in 8 bits")
    if len(outputs) != len(strides) or not 1 <= len(strides) <= MAX_LEVELS:
        raise ValueError(f"{len(strides)} strides, but the model has {len(outputs)} outputs")
    if list(prepare["size"]) != [source.height, source.width]:
        raise ValueError(f"size is {prepare['size']}, the model takes {source.shape}")
    score, overlap = (float(values[name]) for name in ("score", "overlap"))
    if not (0 < score < 1 and 0 < overlap < 1):
        raise ValueError(f"score {score} and overlap {overlap}: expected 0 to 1")
    signs = {tensor.dtype for tensor in outputs}
    if len(signs) != 1 or signs - {"int8", "uint8"}:
        raise ValueError(f"outputs of {', '.join(sorted(signs))}: expected all int8 or all uint8")
    logit, signed = float(values.get("logit", 1.0)), int(signs == {"int8"})
    order = {"RGB": [0, 1, 2], "BGR": [2, 1, 0]}[prepare["colour"]]
    tables = pixel_tables(prepare["mean"], prepare["std"], source)
    rows = ",\n     ".join(braces(table.tolist()) for table in tables)
    levels = ",\n     ".join(
        _level(tensor, int(stride), logit, source)
        for tensor, stride in zip(outputs, strides, strict=True)
    )
    least, most = max(1, round(score * SCORE_ONE)), round(overlap * OVERLAP_ONE)
    return f"""
/* Of the record: how a frame becomes the input, and what the outputs tell. */
static const pv_detect_recipe {word}_detect_recipe = {{
    {{{braces(order)},
     {{{rows}}}}},
    {source.height}, {source.width}, {least}, {most}, {signed}, {len(outputs)},
    {{{levels}}}}};
"""


def _level(output: Tensor, stride: int, logit: float, source: Tensor) -> str:
    wanted = (source.height // stride, source.width // stride, CHANNELS)
    if output.shape != wanted:
        raise ValueError(f"output {output.name!r}: {output.shape}, expected {wanted}")
    size = step(output, stride)
    if not 1 <= size <= MAX_STEP:
        raise ValueError(f"output {output.name!r}: its scale {output.scale} is out of range")
    found = braces(chances(output, logit).tolist())
    return f"{{{wanted[0]}, {wanted[1]}, {stride}, {output.zero_point}, {size},\n      {found}}}"


def step(output: Tensor, stride: int) -> int:
    """A stored unit of distance, as ``pv_detect_recipe_init`` of csrc/runtime/host computes it."""
    return int(np.rint(float(np.float32(output.scale)) * stride * UNIT * 2**STEP_BITS))


def chances(output: Tensor, logit: float) -> np.ndarray:
    """uint16 (256), by the stored byte seen as uint8; the same."""
    stored = np.arange(256)
    if output.dtype == "int8":
        stored = stored.astype(np.uint8).view(np.int8).astype(int)
    scale = logit * float(np.float32(output.scale))
    real = [scale * (int(value) - output.zero_point) for value in stored]
    return np.array([round(SCORE_ONE / (1 + math.exp(-x))) for x in real], np.uint16)
