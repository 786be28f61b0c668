"""Moves PReLU scales and slopes by their last bits so that 16-bit integer arithmetic is exact.

A PReLU's result is ``rint(q * r)`` for positive stored values and ``rint(q * r * slope)`` for
negative ones, with ``r`` the ratio of the scales of input and output. Where both factors are odd
multiples of ``2^-15`` (or a coarser power of two, if they are large) no product ties, so a rounding
16-bit multiplication gives what the float operators of the file give. That moves a factor by at
most 2^-15 of the largest.
"""

from __future__ import annotations

import math

import numpy as np
import onnx

from pocketvision.compile.arithmetic.words import BITS

from ..calibrate import SHARED, Range
from ..graph import Graph


def exact(
    model: onnx.ModelProto, ranges: dict[str, Range]
) -> tuple[onnx.ModelProto, dict[str, Range]]:
    """``model`` and ``ranges`` with such factors for every PReLU that alone decides its range.

    Layers whose results are concatenated with it take its range.
    """
    graph, ranges = Graph.open(model), dict(ranges)
    for node in graph.nodes:
        if node.op_type != "PRelu" or node.input[1] not in graph.weights:
            continue
        source, output = node.input[0], node.output[0]
        if source not in ranges or output not in ranges:
            continue
        group = _group(graph, output)
        if group is None:
            continue
        slope = graph.weights[node.input[1]].astype(np.float64)
        low, high = ranges[output]
        ratio = _width(ranges[source]) / _width(ranges[output])
        largest = ratio * max(1.0, float(np.abs(slope).max()))
        unit = 2.0 ** (max(0, math.ceil(math.log2(largest * 2**BITS / (2**BITS - 2)))) - BITS)
        exact_ratio = float(_odd(np.array(ratio / unit))) * unit
        growth = ratio / exact_ratio
        for name in group:
            ranges[name] = (low * growth, high * growth)
        negative = _odd(slope * exact_ratio / unit) * unit
        graph.weights[node.input[1]] = (negative / exact_ratio).astype(np.float32)
    return graph.build(), ranges


def _group(graph: Graph, output: str) -> list[str] | None:
    """The tensors that share the range of a PReLU's result; None if another result decides it."""
    readers = [reader for reader in graph.consumers(output) if reader.op_type in SHARED]
    if not readers:
        return [output]
    if len(readers) > 1 or readers[0].op_type != "Concat":
        return None
    joined = readers[0]
    makers = [graph.producer(name) for name in joined.input]
    layers = [maker for maker in makers if maker is not None and maker.op_type == "Conv"]
    further = any(reader.op_type in SHARED for reader in graph.consumers(joined.output[0]))
    if len(layers) != len(makers) - 1 or further:
        return None
    return [*joined.input, joined.output[0]]


def _width(span: Range) -> float:
    """The scale that the quantiser gives a range, in float32 as it does, times its 255 steps."""
    return float(np.float32(np.float32(span[1]) - np.float32(span[0])))


def _odd(values: np.ndarray) -> np.ndarray:
    """The nearest odd integers."""
    return 2 * np.floor(values / 2) + 1
