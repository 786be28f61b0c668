"""Maximum and average pooling."""

from __future__ import annotations

import math

import numpy as np

from ...arithmetic import scales
from ...graph import (
    Op,
    Pool,
    Tensor,
)
from ..network import Network, Node
from .common import clamp_of, pads_of, requantise


def pool(network: Network, node: Node) -> list[Op]:
    source = network.source(node.inputs[0], node)
    x = network.tensors[source]
    output, passed = network.result(node)
    low, high = clamp_of(network, passed, output)
    y = network.tensors[output]
    whole = node.kind.startswith("Global")
    kernel = (x.height, x.width) if whole else tuple(node.attributes["kernel_shape"])
    stride = (1, 1) if whole else tuple(node.attributes.get("strides", [1, 1]))
    if any(d != 1 for d in node.attributes.get("dilations", [1])):
        raise network.error(node, "dilated pooling is not supported")
    pads = pads_of(node, (x.height, x.width), kernel, stride)
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
            target, after = same.name, [requantise(network, node, f"{node.name}.scale", same, y)]
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
    if math.prod(kernel) * scales.STEPS > scales.INT32_MAX:
        raise network.error(node, f"the sum over a window of {kernel} values overflows int32")
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
