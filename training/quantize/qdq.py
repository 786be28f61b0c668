"""Float ONNX network + ranges -> int8 QDQ network, through onnxruntime's quantiser."""

from __future__ import annotations

import numpy as np
import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from pocketvision.compile.frontend.operators import SUPPORTED

from .calibrate import Range
from .graph import Graph

OPERATORS = list(SUPPORTED)
"""What the compiler knows is quantised."""


def quantize(model: onnx.ModelProto, ranges: dict[str, Range]) -> onnx.ModelProto:
    """``model`` with int8 per-channel weights, uint8 activations, int32 biases; slopes stay float.

    uint8 is what onnxruntime's integer kernels take on x86; int8 activations run partly in float.

    Args:
        model: folded float network.
        ranges: real range per activation; tensors with equal ranges get equal scales.
    """
    quantizer = QDQQuantizer(
        onnx.shape_inference.infer_shapes(model),
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(
            CalibrationMethod.MinMax,
            {
                name: TensorData(lowest=np.float32(low), highest=np.float32(high))
                for name, (low, high) in ranges.items()
            },
        ),
        nodes_to_quantize=[],
        nodes_to_exclude=[],
        op_types_to_quantize=OPERATORS,
        extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return _float_slopes(quantizer.model.model, Graph.open(model).weights)


def _float_slopes(quantized: onnx.ModelProto, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Undoes the quantiser's int8 PReLU slopes: one scale for all channels' slopes is too coarse,
    and a compiler turns slopes into scales of its own anyway."""
    graph = Graph.open(quantized)
    for node in graph.nodes:
        if node.op_type != "PRelu":
            continue
        dequantize = graph.producer(node.input[1])
        if dequantize is None:
            continue
        name = dequantize.input[0].removesuffix("_quantized")
        graph.weights[name] = weights[name]
        node.input[1] = name
    for node in list(graph.nodes):
        if not graph.consumers(node.output[0]) and node.input[0] in graph.weights:
            graph.drop(node)
    return graph.build()
