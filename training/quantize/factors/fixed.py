"""Moves weight scales by their last bits so that fixed-point factors give the file's own results.

A convolution's accumulators are rescaled by a float32 per channel. For most scales there is an
integer factor that rounds every accumulator to the same int8 (arithmetic/fixedpoint.py); for the
others a float32 nearby has one. Cores without fast floats then need none, and still give the bytes
of the file.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx

from pocketvision.compile.arithmetic import file_rule, fixedpoint, scales
from pocketvision.compile.frontend.network import ACTIVATIONS, MOVES
from pocketvision.compile.graph import Tensor

from ..graph import Graph

ULPS = 512
"""How far a scale may move: 512 units in the last place are 61 millionths at most."""

TIE = 2.0**-23
"""Share of the largest operands within which float32 sums near a tie may round either way."""

LAYERS = ("Conv", "Gemm", "MatMul")
"""Operators whose weights have such scales; a MatMul of two activations has none."""

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
    """``model`` (QDQ) with scales that have factors, as far as such are near.

    Sums first: the scales of their operands are those that layers end in.
    """
    graph = Graph.open(model)
    for node in graph.nodes:
        if node.op_type == "Add":
            _move_sum(graph, node)
    for node in graph.nodes:
        layer = layer_of(graph, node) if node.op_type in LAYERS else None
        if layer is None:
            continue
        moved = _moved(layer)
        graph.weights[_scale_of(graph, node.input[1])] = moved
        if len(node.input) > 2:
            graph.weights[_scale_of(graph, node.input[2])] = layer.into * moved
    return graph.build()


def _move_sum(graph: Graph, node: onnx.NodeProto) -> None:
    """Moves an operand's scale until the sum is the file's however it is computed.

    That is: no sum of two stored values lies so near a tie that float32 may round it either way
    (onnxruntime's fused sum does), and the compiler's integers miss none. The scale of the result
    stays: others share it where they are concatenated.
    """
    out, pairs = _quantiser(graph, node), [graph.producer(name) for name in node.input]
    if out is None or any(pair is None or pair.op_type != "DequantizeLinear" for pair in pairs):
        return
    y = _tensor(graph, out.input)
    operands = [_tensor(graph, pair.input) for pair in pairs]  # type: ignore[union-attr]
    if _agreed(operands, y):
        return
    for place, pair in enumerate(pairs):
        assert pair is not None
        name, quantiser = pair.input[1], graph.producer(pair.input[0])
        own = [n for n in graph.nodes if name in n.input]
        if len(graph.consumers(pair.output[0])) > 1 or own != [quantiser, pair]:
            continue
        scale = graph.weights[name]
        for ulps in sorted(range(-ULPS, ULPS + 1), key=abs):
            moved = scale + np.float32(ulps) * np.spacing(scale)
            trial = list(operands)
            trial[place] = replace(operands[place], scale=float(moved.item()))
            if _agreed(trial, y):
                graph.weights[name] = moved
                return


def _agreed(operands: Sequence[Tensor], y: Tensor) -> bool:
    """Whether no pair of stored operands is near a tie, and the compiler's sum misses none."""
    a, b = (t.scale * np.arange(-128 - t.zero_point, 128 - t.zero_point) for t in operands)
    steps = (a[:, None] + b) / y.scale + y.zero_point
    inside = steps[(steps > -129) & (steps < 128)]
    reach = (np.abs(a).max() + np.abs(b).max()) / y.scale
    if (np.abs(inside - np.floor(inside) - 0.5) < TIE * reach).any():
        return False
    return file_rule.sum_factors(*operands, y)[1] == 0


def _tensor(graph: Graph, names: Sequence[str]) -> Tensor:
    """Of a pair's operands (value, scale, zero point) what the rule of sums reads."""
    zero_point = graph.weights[names[2]]
    offset = 128 if zero_point.dtype == np.uint8 else 0
    scale = float(graph.weights[names[1]].item())
    return Tensor(names[0], 1, 1, 1, scale, int(zero_point.item()) - offset)


def layer_of(graph: Graph, node: onnx.NodeProto) -> Layer | None:
    """The numbers of a Conv, Gemm or MatMul, or None where it is not quantised per channel."""
    sources = [graph.producer(name) for name in node.input]
    if any(source is None or source.op_type != "DequantizeLinear" for source in sources):
        return None
    names = [list(source.input) for source in sources]  # type: ignore[union-attr]
    summand = _summand(graph, node) if node.op_type == "MatMul" else None
    out = _quantiser(graph, node if summand is None else summand[0])
    weight = graph.weights.get(names[1][0])
    if out is None or weight is None or graph.weights[names[1][1]].ndim != 1:
        return None
    weight = weight.T if node.op_type == "MatMul" else weight
    bias = graph.weights[names[2][0]] if len(names) > 2 else np.zeros(len(weight), np.int32)
    into = np.float32(graph.weights[names[0][1]].item())
    if summand is not None:
        unit = np.float64(into) * graph.weights[names[1][1]]
        bias = np.rint(np.clip(summand[1] / unit, -(2.0**30), 2.0**30)).astype(np.int32)
    zero_point = graph.weights[out.input[2]]
    return Layer(
        weight=weight,
        bias=bias,
        into=into,
        out=np.float32(graph.weights[out.input[1]].item()),
        zero_point=int(zero_point.item()) - (128 if zero_point.dtype == np.uint8 else 0),
        scales=graph.weights[names[1][1]],
    )


def _summand(graph: Graph, node: onnx.NodeProto) -> tuple[onnx.NodeProto, np.ndarray] | None:
    """The Add of a float bias that alone reads a MatMul, and the bias (C)."""
    reader = graph.only_consumer(node.output[0])
    if reader is None or reader.op_type != "Add":
        return None
    found = [graph.weights[name] for name in reader.input if name in graph.weights]
    return (reader, found[0]) if found and found[0].ndim == 1 else None


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
