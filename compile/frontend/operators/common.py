"""What importers of operators share: results, clamps, requantisation, padding."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ...arithmetic import file_rule
from ...graph import (
    INT8_MAX,
    INT8_MIN,
    Rescale,
    Tensor,
)
from ..network import Network, Node


def clip_range(network: Network, node: Node, y: Tensor) -> tuple[int, int]:
    """The int8 interval that a Relu or Clip leaves of ``y``.

    Its ends are representable, also where the file's interval misses all that ``y`` can hold, and
    one value where the file's minimum lies above its maximum, which then wins.
    """
    low, high = -math.inf, math.inf
    if node.kind == "Relu":
        low = 0.0
    elif node.kind == "Clip":
        bounds = [b for b in node.inputs[1:] if b]
        values = [float(float_constant(network, node, b)) for b in bounds]
        if len(node.inputs) > 1 and node.inputs[1]:
            low = values.pop(0)
        if values:
            high = values.pop(0)
    if math.isnan(low) or math.isnan(high):
        raise network.error(node, "a bound is NaN; give numbers")
    ends = file_rule.quantise(np.array([min(low, high), high]), y) + y.zero_point
    return int(ends[0]), int(ends[1])


def float_constant(network: Network, node: Node, value: str) -> np.ndarray:
    constant = network.constant(value, node)
    if constant.scale is None:
        return constant.values
    zero = 0 if constant.zero_point is None else constant.zero_point.astype(np.float64)
    return (constant.values.astype(np.float64) - zero) * constant.scale


def result(network: Network, node: Node) -> tuple[str, int, int]:
    """The tensor that ``node`` writes, and the clamp of what stands unquantised behind it."""
    output, passed = network.result(node)
    return output, *clamp_of(network, passed, output)


def clamp_of(network: Network, passed: list[Node], output: str) -> tuple[int, int]:
    low, high = INT8_MIN, INT8_MAX
    for node in passed:
        low, high = clamped((low, high), clip_range(network, node, network.tensors[output]))
    return low, high


def clamped(first: tuple[int, int], then: tuple[int, int]) -> tuple[int, int]:
    """What two clamps one after the other leave; they need not overlap."""
    low, high = then
    return min(max(first[0], low), high), min(max(first[1], low), high)


def rescale(network: Network, node: Node, slope: np.ndarray) -> Rescale:
    source = network.source(node.inputs[0], node)
    output, low, high = result(network, node)
    op = requantise(
        network, node, node.name, network.tensors[source], network.tensors[output], slope
    )
    return replace(op, low=low, high=high)


def requantise(
    network: Network, node: Node, name: str, x: Tensor, y: Tensor, slope: np.ndarray | None = None
) -> Rescale:
    """``x`` in the quantisation of ``y``, negative values times ``slope`` (1) or (C) if given."""
    slope = np.ones(1) if slope is None else slope
    scale, negative, misses = file_rule.rescale_factors(x, y, slope)
    network.note(node, misses, f"{256 * x.channels:,} results")
    return Rescale(name=name, inputs=(x.name,), output=y.name, scale=scale, negative_scale=negative)


def pads_of(
    node: Node,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
) -> tuple[int, ...]:
    mode = node.attributes.get("auto_pad", b"NOTSET").decode()
    if mode == "NOTSET":
        return tuple(node.attributes.get("pads", [0, 0, 0, 0]))
    if mode == "VALID":
        return (0, 0, 0, 0)
    total = [
        max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)
    ]
    before = [t // 2 if mode == "SAME_UPPER" else t - t // 2 for t in total]
    return (*before, total[0] - before[0], total[1] - before[1])
