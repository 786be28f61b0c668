"""Conv, Gemm and MatMul."""

from __future__ import annotations

import numpy as np

from ...arithmetic import scales
from ...graph import (
    Conv,
    Op,
)
from ..network import Network, Node
from .common import float_constant, pads_of, result


def conv(network: Network, node: Node) -> list[Op]:
    source = network.source(node.inputs[0], node)
    weight, scale = _weight(network, node, node.inputs[1])
    attributes = node.attributes
    if any(d != 1 for d in attributes.get("dilations", [1])):
        raise network.error(node, "dilated convolutions are not supported")
    groups = attributes.get("group", 1)
    stride = tuple(attributes.get("strides", [1, 1]))
    x = network.tensors[source]
    kernel = weight.shape[2:]
    pads = pads_of(node, (x.height, x.width), kernel, stride)
    if weight.shape[1] * groups != x.channels:
        raise network.error(
            node, f"weight {weight.shape} with {groups} groups does not fit {x.channels} channels"
        )
    return _convolution(network, node, source, weight, scale, groups, stride, pads)


def gemm(network: Network, node: Node) -> list[Op]:
    source = network.source(node.inputs[0], node)
    x = network.tensors[source]
    attributes = node.attributes
    if attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0:
        raise network.error(node, "alpha and beta other than 1 are not supported")
    if attributes.get("transA", 0):
        raise network.error(node, "a transposed input is not supported")
    matrix, scale = _weight(network, node, node.inputs[1], dense=True)
    weight = matrix if attributes.get("transB", 0) else matrix.T
    if weight.shape[1] != x.height * x.width * x.channels:
        raise network.error(node, f"weight {weight.shape} does not fit {x.shape} values")
    weight = np.ascontiguousarray(weight).reshape(-1, x.channels, x.height, x.width)
    return _convolution(network, node, source, weight, scale, 1, (1, 1), (0, 0, 0, 0))


def _weight(
    network: Network, node: Node, value: str, dense: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    constant = network.constant(value, node)
    if constant.scale is None or constant.values.dtype not in (np.int8, np.uint8):
        raise network.error(
            node,
            f"weight {value!r} is {constant.values.dtype}, expected int8 behind a "
            "DequantizeLinear; quantise the weights",
        )
    zero = constant.zero_point if constant.zero_point is not None else np.zeros(1, np.int8)
    shift = 128 if constant.values.dtype == np.uint8 else 0
    if np.any(zero.astype(np.int64) != shift):
        raise network.error(
            node,
            f"weight {value!r} is asymmetric (zero point {zero.ravel()[:4]}), expected symmetric "
            "int8; set symmetric weights in the quantiser",
        )
    weight = (constant.values.astype(np.int16) - shift).astype(np.int8)
    if weight.ndim != (2 if dense else 4):
        raise network.error(node, f"weight {value!r} has rank {weight.ndim}")
    return weight, constant.scale.astype(np.float64).reshape(-1)


def _convolution(
    network: Network,
    node: Node,
    source: str,
    weight: np.ndarray,
    weight_scale: np.ndarray,
    groups: int,
    stride: tuple[int, ...],
    pads: tuple[int, ...],
) -> list[Op]:
    output, low, high = result(network, node)
    x, y = network.tensors[source], network.tensors[output]
    channels = weight.shape[0]
    if weight_scale.size not in (1, channels):
        raise network.error(node, f"{weight_scale.size} weight scales for {channels} channels")
    bias = np.zeros(channels, np.int32)
    if len(node.inputs) > 2 and node.inputs[2]:
        constant = network.constant(node.inputs[2], node)
        if constant.values.dtype == np.int32:
            bias = constant.values.reshape(-1)
        else:
            real = float_constant(network, node, node.inputs[2]).astype(np.float64).reshape(-1)
            limit = np.iinfo(np.int32)
            scaled = np.rint(real / (x.scale * weight_scale))
            bias = np.clip(scaled, limit.min, limit.max).astype(np.int32)
    least, largest = scales.extremes(weight, bias, x.zero_point)
    if max(-least, largest) > scales.INT32_MAX:
        raise network.error(
            node,
            f"its accumulators can reach {least:,} to {largest:,}, more than int32 holds "
            f"({scales.INT32_MAX:,}); split its input channels, or correct the scale of its bias",
        )
    scale = np.broadcast_to(scales.layer_scale(x.scale, weight_scale, y.scale), channels)
    return [
        Conv(
            name=node.name,
            inputs=(source,),
            output=output,
            low=low,
            high=high,
            weight=weight,
            bias=bias,
            scale=scale.astype(np.float32),
            stride=stride,
            pads=pads,
            groups=groups,
        )
    ]
