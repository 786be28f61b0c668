"""One function per ONNX operator: float semantics between Q and DQ to integer operators."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ..arithmetic import file_rule
from ..graph import (
    INT8_MAX,
    INT8_MIN,
    Add,
    Concat,
    Conv,
    Multiply,
    Op,
    Pool,
    Rescale,
    Table,
    Tensor,
)
from .network import Network, Node


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
    pads = _pads(node, (x.height, x.width), kernel, stride)
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


def prelu(network: Network, node: Node) -> list[Op]:
    constant = network.constant(node.inputs[1], node)
    slope = constant.values.astype(np.float64)
    if constant.scale is not None:
        zero = 0 if constant.zero_point is None else constant.zero_point.astype(np.float64)
        slope = (slope - zero) * constant.scale.astype(np.float64)
    if slope.size not in (1, network.tensors[network.source(node.inputs[0], node)].channels):
        raise network.error(node, f"slope of shape {slope.shape}, expected one per channel")
    return [_rescale(network, node, slope.reshape(-1))]


def relu(network: Network, node: Node) -> list[Op]:
    return [_rescale(network, node, np.zeros(1))]


def leaky_relu(network: Network, node: Node) -> list[Op]:
    return [_rescale(network, node, np.full(1, node.attributes.get("alpha", 0.01)))]


def clip(network: Network, node: Node) -> list[Op]:
    op = _rescale(network, node, np.ones(1))
    low, high = clip_range(network, node, network.tensors[op.output])
    return [replace(op, low=max(low, op.low), high=min(high, op.high))]


def add(network: Network, node: Node) -> list[Op]:
    if any(network.is_constant(value) for value in node.inputs):
        raise network.error(node, "adding a constant is not supported; fold it into a bias")
    a, b = (network.source(value, node) for value in node.inputs)
    output, low, high = _result(network, node)
    y = network.tensors[output]
    if not network.tensors[a].shape == network.tensors[b].shape == y.shape:
        raise network.error(node, "operands of different shapes (broadcasting) are not supported")
    total, misses = file_rule.sum_factors(network.tensors[a], network.tensors[b], y)
    network.note(node, misses, "65,536 pairs of operands")
    return [Add(name=node.name, inputs=(a, b), output=output, low=low, high=high, sum=total)]


def multiply(network: Network, node: Node) -> list[Op]:
    if any(network.is_constant(value) for value in node.inputs):
        raise network.error(node, "a constant factor is not supported; fold it into a weight")
    a, b = (network.source(value, node) for value in node.inputs)
    output, low, high = _result(network, node)
    y = network.tensors[output]
    if network.tensors[a].shape != y.shape:
        a, b = b, a
    gate = (1, 1, y.channels)
    if network.tensors[a].shape != y.shape or network.tensors[b].shape not in (y.shape, gate):
        raise network.error(
            node,
            f"operands of shapes {network.tensors[a].shape} and {network.tensors[b].shape}, "
            "expected one shape, or one value per channel",
        )
    scale, misses = file_rule.product_factor(network.tensors[a], network.tensors[b], y)
    network.note(node, misses, "65,536 pairs of operands")
    return [Multiply(name=node.name, inputs=(a, b), output=output, low=low, high=high, scale=scale)]


def sigmoid(network: Network, node: Node) -> list[Op]:
    source = network.source(node.inputs[0], node)
    output, low, high = _result(network, node)
    table = file_rule.table(network.tensors[source], network.tensors[output], _logistic)
    return [Table(name=node.name, inputs=(source,), output=output, low=low, high=high, table=table)]


def _logistic(real: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-real.astype(np.float64))), np.float32)


def concat(network: Network, node: Node) -> list[Op]:
    output, passed = network.result(node)
    y = network.tensors[output]
    if node.attributes["axis"] not in (1, 1 - len(network.shapes[node.output])):
        raise network.error(node, "only the channel axis is supported")
    if passed:
        raise network.error(node, "an unquantised activation behind it is not supported")
    ops: list[Op] = []
    parts = []
    for index, value in enumerate(node.inputs):
        source = network.source(value, node)
        x = network.tensors[source]
        if x.quantisation != y.quantisation:
            copy = Tensor(f"{output}.part{index}", *x.shape, *y.quantisation)
            network.tensors[copy.name] = copy
            ops.append(_requantise(network, node, f"{node.name}.part{index}", x, copy))
            source = copy.name
        parts.append(source)
    return [*ops, Concat(name=node.name, inputs=tuple(parts), output=output)]


def pool(network: Network, node: Node) -> list[Op]:
    source = network.source(node.inputs[0], node)
    x = network.tensors[source]
    output, passed = network.result(node)
    low, high = _clamp(network, passed, output)
    y = network.tensors[output]
    whole = node.kind.startswith("Global")
    kernel = (x.height, x.width) if whole else tuple(node.attributes["kernel_shape"])
    stride = (1, 1) if whole else tuple(node.attributes.get("strides", [1, 1]))
    if any(d != 1 for d in node.attributes.get("dilations", [1])):
        raise network.error(node, "dilated pooling is not supported")
    pads = _pads(node, (x.height, x.width), kernel, stride)
    if node.attributes.get("ceil_mode", 0):
        # The last windows may reach past the stated padding; they see more of it.
        extent = [(size - 1) * s + k for size, s, k in zip(y.shape, stride, kernel, strict=False)]
        pads = (*pads[:2], extent[0] - x.height - pads[0], extent[1] - x.width - pads[1])
    if "Max" in node.kind:
        if x.quantisation == y.quantisation:
            target, after = output, []
        else:
            same = Tensor(f"{output}.max", *y.shape, *x.quantisation)
            network.tensors[same.name] = same
            target, after = same.name, [_requantise(network, node, f"{node.name}.scale", same, y)]
            if passed:
                raise network.error(node, "an unquantised activation behind it is not supported")
        whole_op = Pool(
            name=node.name,
            inputs=(source,),
            output=target,
            kind="max",
            kernel=kernel,
            stride=stride,
            pads=pads,
            low=low,
            high=high,
        )
        return [whole_op, *after]
    counted = bool(node.attributes.get("count_include_pad", 0))
    count = _window_counts(x, y, kernel, stride, pads, counted)
    return [
        Pool(
            name=node.name,
            inputs=(source,),
            output=output,
            kind="average",
            kernel=kernel,
            stride=stride,
            pads=pads,
            low=low,
            high=high,
            scale=(x.scale / (y.scale * count)).astype(np.float32),
        )
    ]


def clip_range(network: Network, node: Node, y: Tensor) -> tuple[int, int]:
    """The int8 interval that a Relu or Clip leaves of ``y``."""
    low, high = -math.inf, math.inf
    if node.kind == "Relu":
        low = 0.0
    elif node.kind == "Clip":
        bounds = [b for b in node.inputs[1:] if b]
        values = [float(_float_constant(network, node, b)) for b in bounds]
        if len(node.inputs) > 1 and node.inputs[1]:
            low = values.pop(0)
        if values:
            high = values.pop(0)
    to_int = lambda real: y.zero_point + round(real / y.scale)  # noqa: E731
    return (
        INT8_MIN if low == -math.inf else max(INT8_MIN, to_int(low)),
        INT8_MAX if high == math.inf else min(INT8_MAX, to_int(high)),
    )


def _float_constant(network: Network, node: Node, value: str) -> np.ndarray:
    constant = network.constant(value, node)
    if constant.scale is None:
        return constant.values
    zero = 0 if constant.zero_point is None else constant.zero_point.astype(np.float64)
    return (constant.values.astype(np.float64) - zero) * constant.scale


def _result(network: Network, node: Node) -> tuple[str, int, int]:
    """The tensor that ``node`` writes, and the clamp of what stands unquantised behind it."""
    output, passed = network.result(node)
    return output, *_clamp(network, passed, output)


def _clamp(network: Network, passed: list[Node], output: str) -> tuple[int, int]:
    low, high = INT8_MIN, INT8_MAX
    for node in passed:
        lower, upper = clip_range(network, node, network.tensors[output])
        low, high = max(low, lower), min(high, upper)
    return low, high


def _rescale(network: Network, node: Node, slope: np.ndarray) -> Rescale:
    source = network.source(node.inputs[0], node)
    output, low, high = _result(network, node)
    op = _requantise(
        network, node, node.name, network.tensors[source], network.tensors[output], slope
    )
    return replace(op, low=low, high=high)


def _requantise(
    network: Network, node: Node, name: str, x: Tensor, y: Tensor, slope: np.ndarray | None = None
) -> Rescale:
    """``x`` in the quantisation of ``y``, negative values times ``slope`` (1) or (C) if given."""
    slope = np.ones(1) if slope is None else slope
    scale, negative, misses = file_rule.rescale_factors(x, y, slope)
    network.note(node, misses, f"{256 * x.channels:,} results")
    return Rescale(name=name, inputs=(x.name,), output=y.name, scale=scale, negative_scale=negative)


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
    output, low, high = _result(network, node)
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
            real = _float_constant(network, node, node.inputs[2]).astype(np.float64).reshape(-1)
            limit = np.iinfo(np.int32)
            scaled = np.rint(real / (x.scale * weight_scale))
            bias = np.clip(scaled, limit.min, limit.max).astype(np.int32)
    # In float32 step by step, as onnxruntime's QLinearConv computes it.
    scale = np.float32(x.scale) * weight_scale.astype(np.float32) / np.float32(y.scale)
    scale = np.broadcast_to(scale, channels).astype(np.float32)
    return [
        Conv(
            name=node.name,
            inputs=(source,),
            output=output,
            low=low,
            high=high,
            weight=weight,
            bias=bias,
            scale=scale,
            stride=stride,
            pads=pads,
            groups=groups,
        )
    ]


def _pads(
    node: Node,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
) -> tuple[int, ...]:
    mode = node.attributes.get("auto_pad", b"NOTSET").decode()
    if mode == "NOTSET":
        return tuple(node.attributes.get("pads", [0, 0, 0, 0]))
    if mode == "VALID":
        return (0, 0, 0, 0)
    total = [
        max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)
    ]
    before = [t // 2 if mode == "SAME_UPPER" else t - t // 2 for t in total]
    return (*before, total[0] - before[0], total[1] - before[1])


def _window_counts(
    x: Tensor,
    y: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: tuple[int, ...],
    counted: bool,
) -> np.ndarray:
    """How many values each window averages, (out height, out width)."""
    if counted:
        return np.full((y.height, y.width), kernel[0] * kernel[1], np.float64)
    inside = []
    for axis, size in enumerate((x.height, x.width)):
        start = np.arange((y.height, y.width)[axis]) * stride[axis] - pads[axis]
        stop = np.minimum(start + kernel[axis], size)
        inside.append(stop - np.maximum(start, 0))
    return np.outer(*inside).astype(np.float64)
