"""Relu, Clip, LeakyRelu and PRelu of an int8 tensor: a change of scale, for each sign its own."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...arithmetic import file_rule
from ...graph import INT8_MAX, INT8_MIN, Rescale, Tensor
from .. import places
from ..network import ACTIVATIONS, Node, Want
from ..places import Place

if TYPE_CHECKING:
    from ..importer import Importer


def requantised(importer: Importer, node: Node, x: Place, want: Want) -> Place:
    """An int8 tensor in the wanted quantisation; itself where it has it."""
    tensor = importer.tensors[x.tensor]
    whole = (want.low, want.high) == (INT8_MIN, INT8_MAX)
    if tensor.quantisation == want.quantisation and whole:
        return x
    name = importer.op_name(f"{node.name}.rescale")
    return rescaled(importer, node, name, x, want)


def rescaled(
    importer: Importer,
    node: Node,
    name: str,
    x: Place,
    want: Want,
    slope: np.ndarray | None = None,
) -> Place:
    """``x`` in the wanted quantisation, negative values times ``slope`` (1) or (C) if given."""
    source = importer.tensors[x.tensor]
    y = importer.tensor(want.name, source.shape, want.quantisation)
    slope = np.ones(1) if slope is None else slope
    scale, negative, misses = file_rule.rescale_factors(source, importer.tensors[y], slope)
    importer.note(node, misses, f"{256 * source.channels:,} results")
    importer.emit(
        Rescale(
            name=name,
            inputs=(x.tensor,),
            output=y,
            low=want.low,
            high=want.high,
            scale=scale,
            negative_scale=negative,
        )
    )
    return x.on(y)


def activated(importer: Importer, node: Node, want: Want) -> Place | None:
    """An activation of an int8 tensor; None for another operator or a float input."""
    if node.kind not in (*ACTIVATIONS, "LeakyRelu", "PRelu"):
        return None
    x = importer.exact(node.inputs[0])
    if x is None:
        return None
    if node.kind == "PRelu":
        slope = _slope(importer, node, x)
        return None if slope is None else rescaled(importer, node, node.name, x, want, slope)
    if node.kind == "LeakyRelu":
        slope = np.full(1, node.attributes.get("alpha", 0.01))
        return rescaled(importer, node, node.name, x, want, slope)
    y = Tensor("", 1, 1, 1, *want.quantisation)
    low, high = within(clip_range(importer, node, y), (want.low, want.high))
    slope = np.zeros(1) if node.kind == "Relu" else None
    kept = replace(want, low=low, high=high) if node.kind == "Clip" else want
    return rescaled(importer, node, node.name, x, kept, slope)


def exact(importer: Importer, node: Node) -> Place | None:
    """A Relu of an int8 tensor in its own quantisation, which no QuantizeLinear asks for."""
    x = importer.exact(node.inputs[0])
    if x is None:
        return None
    tensor = importer.tensors[x.tensor]
    want = Want(importer.name(node.output), *tensor.quantisation, low=tensor.zero_point)
    return rescaled(importer, node, importer.own_name(node), x, want)


def clamped(importer: Importer, node: Node, want: Want) -> Place | None:
    """A Relu or Clip as a clamp of what makes its input."""
    low, high = within(
        clip_range(importer, node, Tensor("", 1, 1, 1, *want.quantisation)), (want.low, want.high)
    )
    return importer.given(node.inputs[0], replace(want, low=low, high=high))


def _slope(importer: Importer, node: Node, x: Place) -> np.ndarray | None:
    """float64 (1) or (C) of a PRelu; None where it differs along other axes than the channels."""
    network = importer.network
    constant = network.constant(node.inputs[1])
    if constant is None:
        raise network.error(node, f"input {node.inputs[1]!r} must be a constant")
    slope = constant.values.astype(np.float64)
    if constant.scale is not None:
        slope = constant.steps * constant.scale.astype(np.float64)
    shape = network.shape(node.inputs[0], node)
    check_repeats(importer, node, slope, shape)
    return channels_of(importer, x, shape, slope)


def check_repeats(
    importer: Importer, node: Node, slope: np.ndarray, shape: tuple[int, ...]
) -> None:
    """Raises CompileError unless a slope can be repeated to ``shape``."""
    try:
        fits = np.broadcast_shapes(slope.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise importer.network.error(
            node, f"its slope of shape {slope.shape} does not fit {shape}, expected one per channel"
        )


def channels_of(
    importer: Importer, x: Place, shape: tuple[int, ...], values: np.ndarray
) -> np.ndarray | None:
    """(1) or (C) where ``values``, repeated to ``shape``, differ along the channels at most."""
    if values.size == 1:
        return values.reshape(1)
    tensor = importer.tensors[x.tensor]
    spread = places.laid(np.broadcast_to(values, shape), x, tensor.shape)
    first = spread[0, 0]
    return first.copy() if (spread == first).all() else None


def clip_range(importer: Importer, node: Node, y: Tensor) -> tuple[int, int]:
    """The int8 interval that a Relu or Clip leaves of ``y``.

    Its ends are representable, also where the file's interval misses all that ``y`` can hold, and
    one value where the file's minimum lies above its maximum, which then wins.
    """
    least, most = bounds(importer, node)
    ends = file_rule.quantise(np.array([min(least, most), most]), y) + y.zero_point
    return int(ends[0]), int(ends[1])


def bounds(importer: Importer, node: Node) -> tuple[float, float]:
    """Least and most of a Relu or Clip, as real values."""
    network = importer.network
    if node.kind == "Relu":
        return 0.0, math.inf
    found = [-math.inf, math.inf]
    for index in (0, 1):
        name = node.input(1 + index)
        if name:
            constant = network.constant(name)
            if constant is None or constant.values.size != 1:
                raise network.error(node, f"its bound {name!r} must be one constant")
            found[index] = float(constant.real.item())
    if any(math.isnan(bound) for bound in found):
        raise network.error(node, "a bound is NaN; give numbers")
    return found[0], found[1]


def within(first: tuple[int, int], then: tuple[int, int]) -> tuple[int, int]:
    """What two clamps one after the other leave; they need not overlap."""
    low, high = then
    return min(max(first[0], low), high), min(max(first[1], low), high)
