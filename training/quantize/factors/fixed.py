"""Moves weight scales by their last bits so that fixed-point factors give the file's own results.

A convolution's accumulators are rescaled by a float32 per channel. For most scales there is an
integer factor that rounds every accumulator to the same int8 (arithmetic/fixedpoint.py); for the
others a float32 nearby has one. Cores without fast floats then need none, and still give the bytes
of the file.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import onnx

from pocketvision.compile.arithmetic import fixedpoint, scales
from pocketvision.compile.frontend.network import ACTIVATIONS, MOVES

from ..graph import Graph

ULPS = 512
"""How far a scale may move: 512 units in the last place are 61 millionths at most."""

BETWEEN = (*MOVES, *ACTIVATIONS)
"""Operators after which a layer's result may be quantised; none of them changes values in it."""


@dataclass(frozen=True)
class Layer:
    """What decides the factors of a layer: its int8 weight, int32 bias and scales."""

    weight: np.ndarray
    bias: np.ndarray
    into: np.float32
    out: np.float32
    zero_point: int
    scales: np.ndarray

    @functools.cached_property
    def reach(self) -> np.ndarray:
        """int64 (C): the largest absolute accumulator of each channel."""
        return scales.reach(self.weight, self.bias)

    def factors(
        self, weight: np.ndarray | None = None, channels: slice | np.ndarray = slice(None)
    ) -> np.ndarray:
        """int32 (C): fixedpoint.factors for scales of the weight, by default the layer's own."""
        weight = self.scales if weight is None else weight
        whole = scales.layer_scale(float(self.into), weight, float(self.out))
        low, high = -128 - self.zero_point, 127 - self.zero_point
        return fixedpoint.factors(whole, self.reach[channels], low, high)


def exact(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` (QDQ) with weight scales that have factors, as far as such are near."""
    graph = Graph.open(model)
    for node in graph.nodes:
        layer = layer_of(graph, node) if node.op_type in ("Conv", "Gemm") else None
        if layer is None:
            continue
        moved = _moved(layer)
        graph.weights[_scale_of(graph, node.input[1])] = moved
        if len(node.input) > 2:
            graph.weights[_scale_of(graph, node.input[2])] = layer.into * moved
    return graph.build()


def layer_of(graph: Graph, node: onnx.NodeProto) -> Layer | None:
    """The numbers of a Conv or Gemm, or None where it is not quantised per channel."""
    sources = [graph.producer(name) for name in node.input]
    if any(source is None or source.op_type != "DequantizeLinear" for source in sources):
        return None
    names = [list(source.input) for source in sources]  # type: ignore[union-attr]
    out = _quantiser(graph, node)
    if out is None or graph.weights[names[1][1]].ndim != 1:
        return None
    weight = graph.weights[names[1][0]]
    zero_point = graph.weights[out.input[2]]
    return Layer(
        weight=weight,
        bias=graph.weights[names[2][0]] if len(names) > 2 else np.zeros(len(weight), np.int32),
        into=np.float32(graph.weights[names[0][1]].item()),
        out=np.float32(graph.weights[out.input[1]].item()),
        zero_point=int(zero_point.item()) - (128 if zero_point.dtype == np.uint8 else 0),
        scales=graph.weights[names[1][1]],
    )


def _quantiser(graph: Graph, node: onnx.NodeProto) -> onnx.NodeProto | None:
    """The QuantizeLinear of a layer's result, if there is exactly one."""
    readers = graph.consumers(node.output[0])
    while len(readers) == 1 and readers[0].op_type in BETWEEN:
        readers = graph.consumers(readers[0].output[0])
    found = [reader for reader in readers if reader.op_type == "QuantizeLinear"]
    return found[0] if len(found) == 1 else None


def _scale_of(graph: Graph, name: str) -> str:
    source = graph.producer(name)
    assert source is not None
    return source.input[1]


def _moved(layer: Layer) -> np.ndarray:
    """float32 (C): the nearest scales that have factors; those that find none stay."""
    moved = layer.scales.copy()
    left = np.arange(len(moved))
    for ulps in sorted(range(-ULPS, ULPS + 1), key=abs):
        trial = layer.scales[left] + np.float32(ulps) * np.spacing(layer.scales[left])
        right = layer.factors(trial, left) >= 0
        moved[left[right]] = trial[right]
        left = left[~right]
        if left.size == 0:
            break
    return moved
