"""Batch norms of a network with random weights: their statistics measured, or folded away."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .run import session

BATCH_NORM = "BatchNormalization"
PIXELS = 40_000
"""Noise that statistics are measured on, per channel of the input."""


def settle(model: onnx.ModelProto, seed: int) -> None:
    """Gives every batch norm the mean and variance of noise, so that a deep network stays in range.

    The copy that measures runs batch norms in training mode, one pass for all of them.
    """
    norms = [node for node in model.graph.node if node.op_type == BATCH_NORM]
    if not norms:
        return
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    shapes = [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in copy.graph.input]
    batch = int(np.clip(PIXELS // np.prod(shapes[0][2:]), 2, 16))
    _any_batch(copy)
    del copy.graph.output[:]
    for node in copy.graph.node:
        if node.op_type == BATCH_NORM:
            node.output.extend([f"{node.output[0]}_mean", f"{node.output[0]}_variance"])
            node.attribute.append(helper.make_attribute("training_mode", 1))
            for attribute in [a for a in node.attribute if a.name == "momentum"]:
                node.attribute.remove(attribute)
            node.attribute.append(helper.make_attribute("momentum", 0.0))
            copy.graph.output.extend(map(helper.make_empty_tensor_value_info, node.output[1:]))
    random = np.random.default_rng(seed)
    feed = {
        value.name: random.standard_normal((batch, *shape[1:]), np.float32)
        for value, shape in zip(copy.graph.input, shapes, strict=True)
    }
    found = session(copy).run(None, feed)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for index, node in enumerate(norms):
        for name, values in zip(node.input[3:], found[2 * index : 2 * index + 2], strict=True):
            tensors[name].CopyFrom(numpy_helper.from_array(values, name))


def _any_batch(model: onnx.ModelProto) -> None:
    """Lets inputs have any batch, and reshapes that name a batch of 1 keep it."""
    opset = model.opset_import[0]
    opset.version = max(opset.version, 15)  # the first in which onnxruntime trains batch norms
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    reshapes = [node for node in model.graph.node if node.op_type == "Reshape"]
    for node in reshapes:
        del node.attribute[:]
    shapes = {node.input[1] for node in reshapes}
    for tensor in model.graph.initializer:
        if tensor.name in shapes:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = 0  # keeps the input's
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))


def fold(model: onnx.ModelProto) -> None:
    """Folds each batch norm that alone reads a convolution into its weights."""
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    writer = {node.output[0]: node for node in graph.node}
    readers = Counter(name for node in graph.node for name in node.input)
    for norm in [node for node in graph.node if node.op_type == BATCH_NORM]:
        conv = writer.get(norm.input[0])
        if conv is None or conv.op_type != "Conv" or readers[norm.input[0]] > 1:
            continue
        scale, shift, mean, variance = (
            numpy_helper.to_array(tensors[n]).astype(np.float64) for n in norm.input[1:]
        )
        factor = scale / np.sqrt(variance + 1e-5)
        weight = numpy_helper.to_array(tensors[conv.input[1]])
        bias = numpy_helper.to_array(tensors[conv.input[2]]) if len(conv.input) > 2 else 0
        values = {
            conv.input[1]: weight * factor.reshape(-1, *[1] * (weight.ndim - 1)),
            norm.input[2]: shift + (bias - mean) * factor,
        }
        for name, value in values.items():
            tensors[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
        del conv.input[2:]
        conv.input.append(norm.input[2])
        conv.output[0] = norm.output[0]
        graph.node.remove(norm)
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
