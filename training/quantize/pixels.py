"""Puts pictures on the int8 grid: every 8-bit pixel shall be one stored value, exactly if it can.

With ``(u - 127.5) / 127.5`` each pixel lies half-way between two int8 values, and round-half-even
keeps 128 of the 256. With ``(u - 128) / 127.5`` the int8 value is ``u - 128``; the constant
difference goes into the bias of the layer that reads the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import NodeProto

from .calibrate import Range
from .feed import Input
from .feed.samples import Look
from .fold.affine import affine, by_channel
from .graph import Graph, attributes

CENTRE = 128.0
FAR = 1.0
"""Levels by which the colour of a padded layer's border may move."""


@dataclass(frozen=True)
class Centred:
    """A network for inputs ``(u - mean) / std`` of its own, and the exact range of these."""

    model: onnx.ModelProto
    range: Range
    mean: list[float]
    std: list[float]


@dataclass
class Entry:
    """What an input meets first: transposes, constants, then ``reader``, which reads ``tensor``.

    There it is ``scale * x + shift``, float64 (C); ``affine`` are the nodes that make it so.
    """

    tensor: str
    scale: np.ndarray
    shift: np.ndarray
    channels: int
    reader: NodeProto | None = None
    affine: list[NodeProto] = field(default_factory=list)


def recentre(
    model: onnx.ModelProto, into: Input, mean: Sequence[float], std: Sequence[float]
) -> Centred | None:
    """The network for inputs ``(u - 128) / s`` instead of ``(u - mean) / std``.

    What the network itself subtracts and multiplies first goes into ``s``, and what differs between
    channels into the first layer's weights. Inside the map the two are the same function; at the
    zero padding of the first layer the border's colour moves to 128. None where it would move by
    more than one level, or the input is read by something other than one Conv of a single group.
    """
    graph = Graph.open(model)
    entry = enter(graph, into)
    conv = entry.reader
    if conv is None or conv.op_type != "Conv" or entry.channels != 1:
        return None
    if attributes(conv).get("group", 1) != 1 or any(n not in graph.weights for n in conv.input[1:]):
        return None
    weight = graph.weights[conv.input[1]].astype(np.float64)
    slope = entry.scale / np.asarray(std, np.float64)
    shift = (CENTRE - np.asarray(mean, np.float64)) / np.asarray(std) * entry.scale + entry.shift
    if not slope.all() or (_padded(conv) and np.abs(shift / slope).max() > FAR):
        return None
    plain = len(set(std)) == 1 and not entry.affine
    step = float(std[0]) if plain else float(1 / np.abs(slope).max())
    bias = graph.weights[conv.input[2]] if len(conv.input) > 2 else np.zeros(len(weight))
    names = [graph.own_name(f"{conv.output[0]}.{kind}") for kind in ("weight", "bias")]
    if plain:
        names[0] = conv.input[1]
    else:
        factor = (slope * step).reshape(1, -1, *[1] * (weight.ndim - 2))
        graph.weights[names[0]] = (weight * factor).astype(np.float32)
    if len(conv.input) > 2 and plain:
        names[1] = conv.input[2]
    moved = bias + weight.sum(axis=tuple(range(2, weight.ndim))) @ shift
    graph.weights[names[1]] = moved.astype(np.float32)
    del conv.input[1:]
    conv.input.extend(names)
    for node in entry.affine:
        source = next(name for name in node.input if name not in graph.weights)
        node.input[0] = source
        graph.bypass(node)
    channels = len(slope)
    spans = (-CENTRE / step, (255 - CENTRE) / step)
    return Centred(graph.build(), spans, [CENTRE] * channels, [step] * channels)


def enter(graph: Graph, into: Input) -> Entry:
    """Follows an input to the first node that does more than move, scale or shift it."""
    ones = np.ones(into.channels)
    entry = Entry(into.name, ones, 0 * ones, 3 if into.channels_last else 1)
    while (node := graph.only_consumer(entry.tensor)) is not None:
        order = list(attributes(node).get("perm", ()))
        found = affine(graph, node)
        if node.op_type == "Transpose" and len(order) == 4:
            entry.channels = order.index(entry.channels)
        elif found is not None:
            scale, shift = (by_channel(v, 4, into.channels, entry.channels) for v in found[1:])
            if scale is None or shift is None:
                break
            entry.scale, entry.shift = entry.scale * scale, entry.shift * scale + shift
            entry.affine.append(node)
        else:
            break
        entry.tensor = node.output[0]
    entry.reader = node
    return entry


def grids(model: onnx.ModelProto, into: Input, look: Look) -> dict[str, Range]:
    """Ranges whose steps keep most of the 256 pixels apart: of the input, and behind constants."""
    entry = enter(Graph.open(model), into)
    pixels = np.arange(256, dtype=np.float64)[:, None]
    values = (pixels - np.asarray(look.mean)) / np.asarray(look.std)
    found = {into.name: on_grid(values)}
    if entry.affine and entry.scale.all():
        found[entry.affine[-1].output[0]] = on_grid(values * entry.scale + entry.shift)
    return found


def on_grid(values: np.ndarray) -> Range:
    """The range with the least error on ``values``, of some that differ by a step."""
    exact = values.astype(np.float32).ravel()
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    best, least = (low, high), np.inf
    for steps in (255, 254, 253):
        scale = np.float32((high - low) / steps)
        zero = float(np.rint(-low / scale))
        stored = np.clip(np.rint(exact / scale) + zero, 0, 255)
        error = float(np.square((stored - zero) * scale - exact).mean())
        if error < least:
            best, least = (-zero * float(scale), (255 - zero) * float(scale)), error
    return best


def _padded(conv: NodeProto) -> bool:
    has = attributes(conv)
    return any(has.get("pads", [0])) or has.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
