"""A record's preprocessing and thresholds as C constants, for firmware that parses no JSON."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np

from ..errors import CompileError
from ..graph import Graph, Tensor
from .source import string

REFERENCE_UNIT = 65536
"""``PV_REFERENCE_UNIT`` of csrc/include/pocketvision/frame.h."""

SCORE_ONE = 32768
"""``PV_SCORE_ONE`` of template.h."""

FAR_ONE = 10**9
"""``PV_FAR_ONE`` of recipe.h."""

REFERENCE_SIDE = 4096
"""``PV_MAX_INPUT_SIDE`` of frame.h: no reference point lies further out."""

PER_LINE = 20


def text(word: str, graph: Graph) -> str:
    """The definition of ``WORD_recipe``, or ``""`` where the record tells too little of a face.

    Args:
        word: first part of the C names.
        graph: its record is JSON text of ``pocketvision.record``.

    Raises:
        CompileError: a field of the record that is needed has the wrong form.
    """
    values, source = json.loads(graph.record or "{}"), graph.tensors[graph.inputs[0]]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or source.real:
        return ""
    recipe = values.get("preprocess") if isinstance(values, dict) else None
    if not isinstance(recipe, dict) or recipe.get("template") is None or source.channels != 3:
        return ""
    try:
        if list(recipe["size"]) != [source.height, source.width]:
            raise ValueError(f"size is {recipe['size']}, the model takes {source.shape}")
        reversed_ = {"RGB": False, "BGR": True}[recipe["colour"]]
        tables = pixel_tables(recipe["mean"], recipe["std"], source)
        points = reference(recipe["template"])
        thresholds = [_threshold(entry) for entry in values.get("thresholds", [])]
        known = _unrecognisable(values.get("unrecognisable"), graph.tensors[graph.outputs[0]])
        smallest = int(values.get("smallest") or 0)
    except (KeyError, TypeError, ValueError) as error:
        raise CompileError(f"record: preprocess, thresholds or unrecognisable: {error}") from None
    order = [2, 1, 0] if reversed_ else [0, 1, 2]
    name = f"{word}_thresholds" if thresholds else "0"
    entries = ", ".join(thresholds)
    array = f"static const pv_threshold {name}[{len(thresholds)}] = {{{entries}}};\n"
    rows = ",\n     ".join(braces(table.tolist()) for table in tables)
    directions, last = "", "{0, 0, 0}"
    if known:
        numbers, count, level = known
        directions = (
            f"static const int8_t {word}_unrecognisable[{len(numbers)}] =\n    {braces(numbers)};\n"
        )
        last = f"{{{word}_unrecognisable, {count}, {level}}}"
    return f"""
/* Of the record: how a frame becomes the input, and the scores that thresholds stand for. */
{array if thresholds else ""}{directions}static const pv_recipe {word}_recipe = {{
    {{{braces(order)},
     {{{rows}}}}},
    {braces(points)},
    {name},
    {len(thresholds)},
    {last},
    {smallest}}};
"""


def pixel_tables(mean: list[float], std: list[float], source: Tensor) -> np.ndarray:
    """uint8 (3, 256): the stored byte of each pixel value, per channel of the input.

    The float32 steps of ``pv_pixel_tables_init`` in csrc/runtime/preprocess.c, hence its bytes.

    Raises:
        ValueError: not three finite numbers each, or a ``std`` of zero.
    """
    means, stds = (np.array(values, np.float32).reshape(3, 1) for values in (mean, std))
    if not (np.isfinite(means).all() and np.isfinite(stds).all() and stds.all()):
        raise ValueError(f"mean {mean} and std {std}: expected finite numbers, std not zero")
    real = (np.arange(256, dtype=np.float32) - means) / stds
    stored = np.rint(real / np.float32(source.scale)) + np.float32(source.zero_point)
    return np.clip(stored, -128, 127).astype(np.int8).view(np.uint8)


def reference(template: list[list[float]]) -> list[int]:
    """The five points in 1/65536 pixel, x and y in turn.

    Raises:
        ValueError: not five points of two finite numbers within 4096 pixels.
    """
    points = np.array(template, np.float64)
    if points.shape != (5, 2) or not (np.abs(points) <= REFERENCE_SIDE).all():
        raise ValueError(f"template: expected five points in an input's pixels, got {template}")
    return [int(value) for value in np.rint(points.ravel() * REFERENCE_UNIT)]


def _threshold(entry: dict[str, Any]) -> str:
    score, far = float(entry["threshold"]), float(entry["far"])
    if not (math.isfinite(score) and -1 <= score <= 1 and 0 <= far <= 1):
        raise ValueError(f"threshold {score} at rate {far}: expected -1 to 1 at 0 to 1")
    # Up: a threshold rounded down accepts scores that the record refuses.
    return (
        f"{{{math.ceil(score * SCORE_ONE)}, {round(far * FAR_ONE)}u, {string(entry['dataset'])}}}"
    )


def _unrecognisable(entry: Any, output: Tensor) -> tuple[list[int], int, int] | None:
    """Values of the directions, how many directions, and the level of ``SCORE_ONE``."""
    if entry is None:
        return None
    numbers = np.frombuffer(base64.b64decode(entry["directions"], validate=True), np.int8)
    count, level = int(entry["count"]), float(entry["level"])
    embedding = output.bytes // output.item
    if len(numbers) != count * embedding or not 0 <= level <= 1:
        raise ValueError(
            f"unrecognisable: {len(numbers)} values and level {level}, expected {count} x "
            f"{embedding} and 0 to 1"
        )
    return numbers.tolist(), count, round(level * SCORE_ONE)


def braces(values: list[int]) -> str:
    """Numbers as a C initialiser."""
    lines = [
        ", ".join(map(str, values[start : start + PER_LINE]))
        for start in range(0, len(values), PER_LINE)
    ]
    return "{" + ",\n      ".join(lines) + "}"
