"""Bias correction: each layer's mean error over samples is taken off its bias, layer by layer.

Rounding shifts the mean of a layer's channels, and later layers carry the shifts on. In the order
of the network, the mean of each layer's activation is compared with the float network's, and the
difference goes into the bias before the next layer is measured: corrected all at once, every layer
would take off its predecessors' errors again. After Nagel et al., "Data-free quantization through
weight equalization and bias correction" (arXiv:1906.04721), section 4.2, the empirical form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import NodeProto
from tqdm import tqdm

from .calibrate import session, watch
from .feed import Sample
from .graph import Graph
from .report import dequantised

LAYERS = ("Conv", "Gemm")


def correct(
    floating: onnx.ModelProto,
    quantized: onnx.ModelProto,
    samples: Sequence[Sample],
    *,
    progress: bool = False,
) -> onnx.ModelProto:
    """A copy of ``quantized`` with corrected int32 biases; layers without a bias stay.

    Args:
        floating: the float network that ``quantized`` was made from.
        samples: of the calibration.
    """
    graph = Graph.open(quantized)
    # The quantiser drops a ReLU that its own clamp does: the layer's tensor is then the ReLU's.
    layers = [
        (name, twin, layer)
        for name, twin, _ in dequantised(floating, quantized)
        if (layer := _layer(graph, twin)) is not None and len(layer.input) > 2
    ]
    if not layers:
        return graph.build()
    targets = _means(floating, [name for name, _, _ in layers], samples)
    for (_, twin, layer), target in zip(
        tqdm(layers, "biases", disable=not progress, leave=False), targets, strict=True
    ):
        (found,) = _means(graph.build(), [twin], samples)
        dequantize = graph.producer(layer.input[2])
        assert dequantize is not None
        stored, scale = dequantize.input[:2]
        moved = graph.weights[stored] + np.rint((target - found) / graph.weights[scale])
        limit = 2.0**31 - 1
        graph.weights[stored] = np.clip(moved, -limit, limit).astype(np.int32)
    return graph.build()


def _layer(graph: Graph, twin: str) -> NodeProto | None:
    """The Conv or Gemm whose result is quantised into ``twin``."""
    dequantize = graph.producer(twin)
    quantize = graph.producer(dequantize.input[0]) if dequantize else None
    node = graph.producer(quantize.input[0]) if quantize else None
    return node if node is not None and node.op_type in LAYERS else None


def _means(model: onnx.ModelProto, names: list[str], samples: Sequence[Sample]) -> list[np.ndarray]:
    """Mean of each channel of each tensor over all samples and pixels, float64 (C)."""
    runner = session(watch(model, names, alone=True))
    totals: list[np.ndarray] = []
    for sample in samples:
        values = runner.run(names, sample)
        # (N, C, ...) of a Conv or (N, C) of a Gemm.
        means = [
            np.moveaxis(value, 1, 0).reshape(value.shape[1], -1).mean(axis=1, dtype=np.float64)
            for value in values
        ]
        totals = [a + b for a, b in zip(totals, means, strict=True)] if totals else means
    return [total / len(samples) for total in totals]
