"""The trained network as integers, as C holds them, and the text of that C file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .head import STEP, UNIT, Head, Layer

Numbers = dict[str, NDArray[np.integer]]
"""By the names of pv_head_weights in csrc/runtime/face/quality/parts.h."""

FRACTION = 2.0**24
"""A factor's unit, as in head.c."""


def numbers(head: Head) -> Numbers:
    """int8 weights, int32 biases and factors of the three layers, and the logistic curve."""
    at = np.arange(-128, 128)
    curve = np.rint(100 / (1 + np.exp(-at / STEP))).astype(np.uint8)
    return {
        **_layer("first", head.first, 1 / UNIT, 127.0),
        **_layer("second", head.second, 1 / 127, 127.0),
        **_layer("last", head.last, 1 / 127, STEP),
        "logistic": curve,
    }


def _layer(name: str, layer: Layer, unit_in: float, unit_out: float) -> Numbers:
    """Stored values times ``unit_in`` are the layer's, and its own times ``unit_out`` stored."""
    scale = layer.scales().double().numpy()
    weights = np.rint(layer.weight.detach().double().numpy() / scale)
    step = scale[:, 0] * unit_in
    bias = np.rint(layer.bias.detach().double().numpy() / step)
    factor = np.rint(step * unit_out * FRACTION)
    for what, found in (("bias", bias), ("factor", factor)):
        if np.abs(found).max() >= 2**31:
            raise ValueError(f"{name}: a {what} of {np.abs(found).max():.3g} does not fit int32")
    return {
        name: weights.astype(np.int8),
        f"{name}_bias": bias.astype(np.int32),
        f"{name}_factor": factor.astype(np.int32),
    }


def c_text(numbers: Mapping[str, NDArray[np.integer]]) -> str:
    """The C file ``weights.c``, formatted as clang-format leaves it."""
    lines = [
        "/* Weights of the quality's network. Written by python -m pocketvision.training.quality;",
        " * data, teacher and licence: training/weights/quality/head.json. */",
        '#include "parts.h"',
        "",
        "/* clang-format off */",
        "const pv_head_weights pv_head = {",
    ]
    for name, values in numbers.items():
        rows = [_row(row) for row in values] if values.ndim == 2 else []
        if rows:
            lines += [f"    .{name} = {{", *(f"        {{{row}}}," for row in rows), "    },"]
        else:
            lines.append(f"    .{name} = {{{_row(values)}}},")
    return "\n".join([*lines, "};", ""])


def _row(values: NDArray[np.integer]) -> str:
    return ", ".join(str(int(value)) for value in values)
