"""Float ONNX network + ranges -> int8 QDQ network, through onnxruntime's quantiser."""

from __future__ import annotations

import numpy as np
import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from pocketvision.compile.frontend.operators import SUPPORTED

from . import chains
from .calibrate import Range
from .graph import Graph

OPERATORS = list(SUPPORTED)
"""What the compiler knows is quantised."""

KEPT = "pocketvision.kept."
"""In front of an operator's name while the quantiser, which may drop it, shall not know it."""


def quantize(model: onnx.ModelProto, ranges: dict[str, Range]) -> onnx.ModelProto:
    """``model`` with int8 per-channel weights, uint8 activations, int32 biases; slopes stay float.

    uint8 is what onnxruntime's integer kernels take on x86; int8 activations run partly in float.

    Args:
        model: folded float network.
        ranges: real range per activation; tensors with equal ranges get equal scales.
    """
    floating = Graph.open(model)
    floats = chains.inner(floating)
    clamps = chains.clamps(floating, floats, ranges)
    kinds = {node.op_type for node in clamps}
    for node in clamps:
        node.op_type = KEPT + node.op_type
    inferred = onnx.shape_inference.infer_shapes(model)
    hidden = floating.build()
    hidden.graph.value_info.extend(inferred.graph.value_info)
    quantizer = QDQQuantizer(
        hidden if clamps else inferred,
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
        op_types_to_quantize=[*OPERATORS, *(KEPT + kind for kind in kinds)],
        extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    graph = Graph.open(quantizer.model.model)
    for node in graph.nodes:
        node.op_type = node.op_type.removeprefix(KEPT)
    _float_constants(graph, floating)
    for name in floats | _clamped(floating, clamps):
        _bypass_pair(graph, name)
    _drop_unread(graph)
    return graph.build()


def _float_constants(graph: Graph, floating: Graph) -> None:
    """Undoes the quantiser's int8 constants but for layers' weights and biases, and what differs
    along more than the channels: one scale for all channels' slopes is too coarse, and a compiler
    turns them into scales of its own anyway."""
    for node in graph.nodes:
        if node.op_type in (*chains.LAYERS, "QuantizeLinear", "DequantizeLinear"):
            continue
        twin = floating.producer(node.output[0])
        if node.op_type == "Add" and twin is not None and not _by_channel(floating, twin):
            continue
        for index, name in enumerate(node.input):
            dequantize = graph.producer(name) if name.endswith(DEQUANTISED) else None
            if dequantize is None or dequantize.input[0] not in graph.weights:
                continue
            own = dequantize.input[0].removesuffix("_quantized")
            graph.weights[own] = floating.weights[own]
            node.input[index] = own


def _by_channel(floating: Graph, node: onnx.NodeProto) -> bool:
    """Whether a node's constants are of each channel, or it is not known."""
    return node.output[0] not in floating.shapes or chains.repeats(floating, node)


DEQUANTISED = "_DequantizeLinear_Output"


def _clamped(graph: Graph, clamps: list[onnx.NodeProto]) -> set[str]:
    """Inputs of Relu and Clip that nothing else reads: the clamp of what makes them is enough."""
    return {
        node.input[0]
        for node in clamps
        if graph.producer(node.input[0]) is not None
        and graph.only_consumer(node.input[0]) is not None
    }


def _bypass_pair(graph: Graph, name: str) -> None:
    """Lets what reads a tensor behind its pair of quantisations read the tensor itself."""
    dequantize = graph.producer(name + DEQUANTISED)
    quantize = graph.producer(dequantize.input[0]) if dequantize is not None else None
    if dequantize is not None and quantize is not None:
        graph.replace_uses(dequantize.output[0], quantize.input[0])
        graph.drop(dequantize)
        graph.drop(quantize)


def _drop_unread(graph: Graph) -> None:
    """Drops what reads a constant and is not read."""
    read = {name for node in graph.nodes for name in node.input}
    read |= {value.name for value in graph.model.graph.output}
    for node in list(graph.nodes):
        if node.output[0] not in read and node.input[0] in graph.weights:
            graph.drop(node)
