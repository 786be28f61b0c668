"""Weights and biases of a layer: int8 with a scale for each output, and in accumulators' units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ....arithmetic import scales
from ....graph import INT8_MAX, INT8_MIN
from ...network import Constant, Network, Node, Want
from ...places import Place

if TYPE_CHECKING:
    from ...importer import Importer

MOST_BIAS = 2**30
"""Largest bias in accumulators' units; a channel whose weights are too fine for it gets others."""


class LostError(Exception):
    """A step of a layer's accumulators is so much of its result's that its bias is lost."""


@dataclass(frozen=True)
class Weights:
    """Weights less their zero point (O, ...), float64 scales (O) and a real bias float64 (O).

    ``values`` are int8, or int16 where an asymmetric file reaches further; float32 of a layer in
    float32, whose scales are 1.
    """

    values: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    stored_bias: np.ndarray | None
    """int32 (O) where the file has it in units of input scale times weight scale."""


def operand(importer: Importer, node: Node, want: Want | None) -> Place | None:
    """A layer's input: int8 where its weights are too, else float32; None where int8 is wanted.

    A layer with an operand of float32 is computed in float32, and is noted as slow.
    """
    network, weight = importer.network, node.inputs[1]
    exact = importer.exact(node.inputs[0])
    stored = _constant(network, node, weight).scale is not None
    if exact is not None and stored:
        return exact
    if want is not None:
        return None
    lacking = f"its weight {weight!r}" if not stored else f"its input {node.inputs[0]!r}"
    importer.notes.append(
        f"node {node.name!r} ({node.kind}): {lacking} is float32, and so is its arithmetic, which "
        "is slow; quantise it for int8"
    )
    return importer.real(node.inputs[0], node)


def _constant(network: Network, node: Node, value: str) -> Constant:
    constant = network.constant(value)
    if constant is None:
        raise network.error(node, f"weight {value!r} must be a constant")
    kinds = (np.float32,) if constant.scale is None else (np.int8, np.uint8)
    if constant.values.dtype not in kinds:
        raise network.error(
            node,
            f"weight {value!r} is {constant.values.dtype}, expected int8 behind a "
            "DequantizeLinear; quantise the weights",
        )
    return constant


def read(
    network: Network, node: Node, value: str, outputs: int, x_scale: float, real: bool = False
) -> Weights:
    """The weights of a layer whose axis ``outputs`` is that of its outputs, moved to the front.

    ``real``: as float32, however they are stored.

    Raises:
        CompileError: they are of another type, or scaled along another axis.
    """
    constant = _constant(network, node, value)
    count = constant.values.shape[outputs]
    if real:
        values = np.moveaxis(constant.real, outputs, 0)
        if not np.isfinite(values).all():
            raise network.error(node, f"weight {value!r} is not finite; export the network anew")
        bias, _ = _bias(network, node, count, np.ones(count, np.float32))
        return Weights(np.ascontiguousarray(values), np.ones(count), bias, None)
    assert constant.scale is not None
    scale = constant.scale
    if scale.size != 1:
        if scale.shape[outputs] != count or scale.size != count:
            raise network.error(
                node,
                f"weight {value!r} has scales of shape {scale.shape}, expected one for each of "
                f"{count} outputs, along axis {outputs}; set the quantiser's axis",
            )
        scale = scale.reshape(-1)
    if not np.isfinite(scale).all() or (scale < 0).any():
        raise network.error(
            node, f"weight {value!r} has a scale that is not finite and positive: {scale.min()}"
        )
    steps = constant.steps
    wide = steps.min() < INT8_MIN or steps.max() > INT8_MAX
    values = np.moveaxis(steps, outputs, 0).astype(np.int16 if wide else np.int8)
    scales_ = np.broadcast_to(scale.astype(np.float64).reshape(-1), count).copy()
    bias, stored = _bias(network, node, count, np.float32(x_scale) * scales_.astype(np.float32))
    return Weights(np.ascontiguousarray(values), scales_, bias, stored)


def _bias(
    network: Network, node: Node, count: int, units: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """Real values, and the file's int32 where they stand in ``units``."""
    name = node.input(2)
    if not name:
        return np.zeros(count), np.zeros(count, np.int32)
    constant = network.constant(name)
    if constant is None:
        raise network.error(node, f"its bias {name!r} must be a constant")
    if constant.scale is None and constant.values.dtype.kind != "f":
        raise network.error(
            node, f"its bias {name!r} is {constant.values.dtype}, expected float32 or a "
            "DequantizeLinear of int32"
        )  # fmt: skip
    if constant.values.size not in (1, count) or constant.values.shape[-1:] not in (
        (), (1,), (count,),
    ):  # fmt: skip
        raise network.error(
            node, f"its bias {name!r} has shape {constant.values.shape}, expected ({count},)"
        )
    real = (
        constant.values.astype(np.float64)
        if constant.scale is None
        else constant.steps * constant.scale.astype(np.float64)
    )
    real = np.broadcast_to(real.reshape(-1), count).copy()
    if not np.isfinite(real).all():
        raise network.error(node, f"its bias {name!r} is not finite")
    if constant.scale is None or constant.values.dtype != np.int32:
        return real, None
    own = np.broadcast_to(constant.scale.reshape(-1), count)
    # Quantisers write the product of both scales with a rounding more or less.
    if not np.allclose(own, units, rtol=1e-6, atol=0):
        return real, None
    return real, np.broadcast_to(constant.steps.reshape(-1), count).astype(np.int32)


def accumulated(
    network: Network,
    node: Node,
    weights: Weights,
    x_scale: float,
    zero_point: int,
    y_scale: float | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int8 weights, int32 bias and float64 scale (O) of accumulators that fit int32.

    A channel whose bias is beyond them has weights too fine to be seen beside it: they are made
    coarser until it fits, which is far below a step of any int8 output.

    Raises:
        LostError: a bias that accumulators cannot hold to a quarter of ``y_scale``, a step of the
            result.
        CompileError: sums beyond int32.
    """
    values, scale = weights.values.astype(np.int8), weights.scale.copy()
    bias = np.zeros(len(scale), np.int64)
    if weights.stored_bias is not None:
        bias = weights.stored_bias.astype(np.int64)
    for channel in range(len(scale)):
        real = weights.bias[channel]
        unit = x_scale * scale[channel]
        if weights.stored_bias is not None and abs(bias[channel]) <= MOST_BIAS:
            continue
        if unit > 0 and abs(real) <= unit * MOST_BIAS:
            bias[channel] = round(real / unit)
            continue
        if real == 0:
            values[channel], scale[channel], bias[channel] = 0, 1 / x_scale, 0
            continue
        wanted = abs(real) / (MOST_BIAS / 2) / x_scale
        ratio = scale[channel] / wanted
        values[channel] = np.rint(values[channel].astype(np.float64) * ratio).astype(np.int8)
        scale[channel] = wanted
        bias[channel] = round(real / (x_scale * wanted))
    rounded = np.abs(weights.bias - bias * (x_scale * scale))
    if y_scale is not None and (rounded > y_scale / 4).any():
        raise LostError
    least, largest = scales.extremes(values, bias, zero_point)
    if max(-least, largest) > scales.INT32_MAX:
        raise network.error(
            node,
            f"its accumulators can reach {least:,} to {largest:,}, more than int32 holds "
            f"({scales.INT32_MAX:,}); split its input channels, or correct the scale of its bias",
        )
    return values, bias.astype(np.int32), scale


def parts(values: np.ndarray) -> list[np.ndarray]:
    """int8 weights whose sum is ``values``: one, or more where they reach beyond int8."""
    if values.dtype == np.int8:
        return [values]
    found, rest = [], values
    while rest.any():
        part = np.clip(rest, -INT8_MAX, INT8_MAX)
        found.append(part.astype(np.int8))
        rest = rest - part
    return found
