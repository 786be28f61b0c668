"""Bias correction: each layer's mean error over images is taken off its bias, layer by layer.

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
from onnx import NodeProto, helper, numpy_helper
from tqdm import tqdm

from .calibrate import session, watch
from .report import dequantised

LAYERS = ("Conv", "Gemm")


def correct(
    floating: onnx.ModelProto,
    quantized: onnx.ModelProto,
    inputs: np.ndarray,
    *,
    progress: bool = False,
) -> onnx.ModelProto:
    """A copy of ``quantized`` with corrected int32 biases; layers without a bias stay.

    Args:
        floating: the float network that ``quantized`` was made from.
        inputs: float32 (N, 3, H, W), normalised: images of the calibration.
    """
    model = onnx.ModelProto()
    model.CopyFrom(quantized)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    # The quantiser drops a ReLU that its own clamp does: the layer's tensor is then the ReLU's.
    twins = [
        (name, twin, layer)
        for name, twin, _ in dequantised(floating, model)
        if (layer := _layer(makers, twin)) is not None and len(layer.input) > 2
    ]
    targets = _means(watch(floating, [name for name, _, _ in twins]), [t[0] for t in twins], inputs)
    for (_, twin, layer), target in zip(
        tqdm(twins, "biases", disable=not progress, leave=False), targets, strict=True
    ):
        found = _means(_until(model, twin), [twin], inputs)[0]
        dequantize = makers[layer.input[2]]
        stored, scale = (constants[name] for name in dequantize.input[:2])
        steps = np.rint((target - found) / numpy_helper.to_array(scale))
        moved = numpy_helper.to_array(stored) + steps
        limit = 2.0**31 - 1
        moved = np.clip(moved, -limit, limit).astype(np.int32)
        stored.CopyFrom(numpy_helper.from_array(moved, stored.name))
    return model


def _layer(makers: dict[str, NodeProto], twin: str) -> NodeProto | None:
    """The Conv or Gemm whose result is quantised into ``twin``."""
    source = makers[makers[twin].input[0]].input[0]
    node = makers.get(source)
    return node if node is not None and node.op_type in LAYERS else None


def _until(model: onnx.ModelProto, tensor: str) -> onnx.ModelProto:
    """``model`` with ``tensor`` as its only output, so that nothing behind it is run."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.append(helper.make_empty_tensor_value_info(tensor))
    return copy


def _means(model: onnx.ModelProto, names: Sequence[str], inputs: np.ndarray) -> list[np.ndarray]:
    """Mean of each channel of each tensor over all images and pixels, float64 (C)."""
    runner = session(model)
    source = model.graph.input[0].name
    totals: list[np.ndarray] = []
    for x in inputs:
        values = runner.run(list(names), {source: x[None]})
        # (1, C, ...) of a Conv or (1, C) of a Gemm.
        means = [
            value.reshape(value.shape[1], -1).mean(axis=1, dtype=np.float64) for value in values
        ]
        totals = [a + b for a, b in zip(totals, means, strict=True)] if totals else means
    return [total / len(inputs) for total in totals]
