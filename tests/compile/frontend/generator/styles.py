"""Where a quantiser puts its pairs: before everything, or only before what multiplies integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from .moves import MOVES
from .net import Net

FUSED = ("Relu", "Clip")
"""Activations that a quantiser leaves between an operator and its pair."""


@dataclass(frozen=True)
class Style:
    """A quantiser's habits.

    ``stored``: types of activations. ``everywhere``: share of values that have a pair without need.
    ``own``: whether each reader has a pair of its own. ``by_channel``: weights with a scale for
    each output. ``symmetric``: zero points of activations in the middle. ``operators``: written as
    operators on integers (QLinearConv) where there are such. ``channels``: a scale for each channel
    of what depthwise convolutions read. ``real``: share of weights that stay float32.
    """

    name: str
    stored: tuple[type, ...]
    everywhere: float
    own: bool = False
    by_channel: bool = True
    symmetric: bool = False
    operators: bool = False
    channels: bool = False
    real: float = 0.0


STYLES = (
    Style("u8s8", (np.uint8,), 1.0),
    Style("u8s8 per tensor", (np.uint8,), 1.0, by_channel=False),
    Style("s8s8", (np.int8,), 1.0),
    Style("s8s8 symmetric", (np.int8,), 1.0, symmetric=True),
    Style("operators u8", (np.uint8,), 1.0, by_channel=False, operators=True),
    Style("operators s8", (np.int8,), 1.0, operators=True),
    Style("before multiplications", (np.int8,), 0.0, symmetric=True),
    Style("before multiplications, one a reader", (np.uint8,), 0.0, own=True),
    Style("here and there", (np.int8, np.uint8), 0.5),
    Style("here and there, one a reader", (np.int8,), 0.5, own=True),
    Style("channels", (np.int8, np.uint8), 0.3, symmetric=True, channels=True, real=0.1),
    Style("some weights", (np.int8, np.uint8), 0.9, real=0.3),
)


@dataclass(frozen=True)
class Pair:
    """Scale, zero point and type of a stored value."""

    scale: np.float32 | np.ndarray
    zero: np.ndarray


def paired(net: Net, style: Style) -> set[str]:
    """The values that have a pair behind them."""
    writer = {name: node for node in net.nodes for name in node.output}
    found: set[str] = set()
    for name in net.samples:
        if name in net.inner:
            continue
        if (
            name in net.behind
            or (name in net.exact and not _exact(name, writer, found, net))
            or net.chance(style.everywhere)
            and not _passes(net, name)
        ):
            found.add(name)
    return found or set(net.inputs[:1])


def _exact(name: str, writer: dict[str, onnx.NodeProto], found: set[str], net: Net) -> bool:
    """Whether a value is a stored one that only moves; now and then it has a pair all the same."""
    node = writer.get(name)
    if node is None or node.op_type not in MOVES or node.op_type in ("Concat", "Pad"):
        return name in found
    inside = node.input[0] in found or _exact(node.input[0], writer, found, net)
    return inside and net.chance(0.5)


def _passes(net: Net, name: str) -> bool:
    """Whether a value goes on to its only reader as it is: an activation, perhaps a move."""
    readers = net.readers(name)
    if len(readers) != 1 or name in net.exact or name in net.behind or name in net.inputs:
        return False
    kind = readers[0].op_type
    share = 0.7 if kind in FUSED else 0.3 if kind in MOVES else 0
    return net.chance(share)


def _by_channel(net: Net, name: str) -> bool:
    """Whether a value is read by depthwise convolutions alone."""
    channels = net.samples[name].shape[1:2]

    def depthwise(node: onnx.NodeProto) -> bool:
        groups = [a.i for a in node.attribute if a.name == "group"]
        return node.op_type == "Conv" and tuple(groups) == channels

    readers = net.readers(name)
    return bool(readers) and all(depthwise(node) for node in readers)


def quantisation(net: Net, name: str, style: Style) -> Pair:
    """Scale and zero point of a value: of its range, or now and then of another one."""
    pair = _of_range(net, name, style)
    if not style.channels or not _by_channel(net, name) or net.chance(0.1):
        return pair
    sample = net.samples[name]
    reach = np.abs(sample).max(axis=(0, *range(2, sample.ndim)))
    scales = np.clip(np.maximum(reach, reach.max() / 50) / 127, 1e-8, 1e4).astype(np.float32)
    return Pair(scales, np.full(scales.shape, pair.zero))


def _of_range(net: Net, name: str, style: Style) -> Pair:
    sample = net.samples[name]
    low, high = min(float(sample.min()), 0.0), max(float(sample.max()), 0.0)
    if high == low:
        high = low + 1.0
    draw = net.random.random()
    factor = net.random.uniform(0.8, 1.2) if draw < 0.85 else net.random.uniform(0.1, 5)
    dtype = np.dtype(style.stored[net.random.integers(len(style.stored))])
    least = 0 if dtype == np.uint8 else -128
    if style.symmetric:
        scale = max(-low, high) / 127 * factor
        zero = least + 128
    else:
        scale = (high - low) / 255 * factor
        zero = int(np.clip(round(least - low / scale), least, least + 255))
    if net.chance(0.1):
        scale = 2.0 ** np.round(np.log2(scale))
    scale = float(np.clip(scale, 1e-8, 1e4))
    return Pair(np.float32(scale), np.asarray(zero, dtype))
