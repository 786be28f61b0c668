"""The trained network as integers, as C holds them, and the text of that C file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pocketvision import _runtime

from .head import STEP, UNIT, Head, Layer
from .margin import COSINE, Margin

Numbers = dict[str, NDArray[np.integer]]
"""By the names of pv_head_weights in csrc/runtime/face/quality/parts.h."""

MARGIN_ONE = _runtime.QUALITY_MARGIN_ONE
"""Units of the margin that are a cosine of 1 (``pocketvision/quality.h``)."""

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


def margin_numbers(net: Margin) -> Numbers:
    """The same of the margin's three layers, by the names of pv_margin_weights."""
    return {
        **_layer("first", net.first, 1 / UNIT, 127.0),
        **_layer("second", net.second, 1 / 127, 127.0),
        **_layer("last", net.last, 1 / 127, COSINE * MARGIN_ONE),
    }


def hidden(own: Mapping[str, NDArray[np.integer]], features: NDArray[np.int8]) -> NDArray[np.int8]:
    """What the margin reads of features (N, F): the last two layers, int8 (N, 26)."""
    first = forward(own, "first", features, 0)
    second = forward(own, "second", first, 0)
    return np.concatenate([second, forward(own, "last", second, -128)], axis=1)


def margins(
    own: Mapping[str, NDArray[np.integer]], inputs: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Cosines (N,), 0 or more, of inputs (N, 26), as C answers."""
    values = forward(own, "second", forward(own, "first", inputs, 0), 0)
    return forward(own, "last", values, 0)[:, 0] / MARGIN_ONE


def forward(
    own: Mapping[str, NDArray[np.integer]], name: str, values: NDArray[np.int8], low: int
) -> NDArray[np.int8]:
    """One layer as head.c computes it: values (N, columns) to (N, rows)."""
    sums = values.astype(np.int64) @ own[name].astype(np.int64).T + own[f"{name}_bias"]
    scaled = (sums * own[f"{name}_factor"] + (1 << 23)) >> 24
    return np.clip(scaled, low, 127).astype(np.int8)


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


HEAD_TEXT = (
    "/* Weights of the quality's network. Written by python -m pocketvision.training.quality;",
    " * data, teacher and licence: training/weights/quality/head.json. */",
    '#include "parts.h"',
    "",
    "/* clang-format off */",
    "const pv_head_weights pv_head = {",
)
MARGIN_TEXT = (
    "/* Weights of the margin. Written by python -m pocketvision.training.quality.margin;",
    " * data, teacher and licence: training/weights/quality/margin.json. */",
    '#include "parts.h"',
    "",
    "/* clang-format off */",
    "const pv_margin_weights pv_margin = {",
)


def c_text(numbers: Mapping[str, NDArray[np.integer]], opening: Sequence[str] = HEAD_TEXT) -> str:
    """The C file ``weights.c`` or ``margin.c``, formatted as clang-format leaves it."""
    lines = [*opening]
    for name, values in numbers.items():
        rows = [_row(row) for row in values] if values.ndim == 2 else []
        if rows:
            lines += [f"    .{name} = {{", *(f"        {{{row}}}," for row in rows), "    },"]
        else:
            lines.append(f"    .{name} = {{{_row(values)}}},")
    return "\n".join([*lines, "};", ""])


def _row(values: NDArray[np.integer]) -> str:
    return ", ".join(str(int(value)) for value in values)
