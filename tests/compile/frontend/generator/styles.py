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
    operators on integers (QLinearConv) where there are such.
    """

    name: str
    stored: tuple[type, ...]
    everywhere: float
    own: bool = False
    by_channel: bool = True
    symmetric: bool = False
    operators: bool = False


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
)


@dataclass(frozen=True)
class Pair:
    """Scale, zero point and type of a stored value."""

    scale: np.float32
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


def quantisation(net: Net, name: str, style: Style) -> Pair:
    """Scale and zero point of a value: of its range, or now and then of another one."""
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
