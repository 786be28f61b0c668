"""Small networks that end, or go from maps to vectors, in the many ways that exporters write."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from ..writer import Net
from .mlperf_tiny import matmul


def stem(net: Net, channels: int = 16) -> str:
    """Two convolutions that most of the small networks begin with."""
    x = net.relu(net.norm(net.conv(net.x, channels, 3, 2)))
    return net.relu(net.norm(net.conv(x, 2 * channels, 3, 2)))


def lenet(size: int = 28) -> Net:
    """Flatten of a map of several pixels before Gemm: the weights are in the order C, H, W."""
    net = Net("lenet", 1, size, size)
    x = net.pool(net.relu(net.conv(net.x, 6, 5, bias=True)), "MaxPool", 2, 2)
    x = net.pool(net.relu(net.conv(x, 16, 5, pads=[0] * 4, bias=True)), "MaxPool", 2, 2)
    x = net.relu(net.gemm(net.flatten(x), 120))
    x = net.relu(net.gemm(x, 84))
    net.output(net.node("LogSoftmax", net.gemm(x, 10), axis=1))
    return net


def matmul_head(size: int = 32) -> Net:
    """A view as Reshape to (1, -1), then MatMul and Add, and a softmax."""
    net = Net("matmul_head", 3, size, size)
    x = net.global_pool(stem(net))
    x = net.node("Reshape", x, net.integers(1, -1), shape=(32,))
    net.output(net.node("Softmax", matmul(net, x, 10), axis=-1))
    return net


def reduce_attribute(size: int = 32) -> Net:
    """Opset 13: ReduceMean and ReduceMax over rows and columns, their axes as an attribute."""
    net = Net("reduce_attribute", 3, size, size, opset=13)
    x = stem(net)
    most = net.node("ReduceMax", x, shape=(32,), axes=[2, 3], keepdims=0)
    x = net.concat(net.mean(x), most)
    weight = net.weight(net.he(64, 10, fan=64))
    net.output(net.node("Gemm", x, weight, net.bias(10), shape=(10,)))
    return net


def reduce_input(size: int = 32) -> Net:
    """Opset 18: ReduceMean's axes as an input, negative ones, and a Squeeze behind it."""
    net = Net("reduce_input", 3, size, size, opset=18)
    x = net.node("ReduceMean", stem(net), net.integers(-2, -1), shape=(32, 1, 1), keepdims=1)
    x = net.node("Squeeze", x, net.integers(2, 3), shape=(32,))
    net.output(net.gemm(x, 10))
    return net


def embedding(size: int = 32) -> Net:
    """An L2 norm as PyTorch's tracing exporter writes ``normalize``."""
    net = Net("embedding", 3, size, size)
    x = net.gemm(net.flatten(stem(net)), 64)
    x = net.norm(x)
    length = net.node("ReduceL2", x, shape=(1,), axes=[1], keepdims=1)
    length = net.node("Clip", length, net.constant(np.float32(1e-12), "limit"))
    length = net.node("Expand", length, net.node("Shape", x, shape=()), shape=(64,))
    net.output(net.node("Div", x, length))
    return net


def segmenter(size: int = 32) -> Net:
    """A class for every pixel: linear Resize of the scores, then ArgMax over channels."""
    net = Net("segmenter", 3, size, size)
    x = net.conv(stem(net), 5, 1, bias=True)
    scales = net.constant(np.array([1, 1, 4, 4], np.float32), "scales")
    x = net.node("Resize", x, "", scales, shape=(5, size, size), mode="linear",
                 coordinate_transformation_mode="half_pixel")  # fmt: skip
    x = net.node("ArgMax", x, shape=(1, size, size), axis=1, keepdims=1)
    net.output(x, TensorProto.INT64)
    return net


def detector(size: int = 64) -> Net:
    """Boxes and scores of two scales: Transpose, Reshape, Concat over anchors, two outputs."""
    net = Net("detector", 3, size, size)
    fine = stem(net)
    coarse = net.relu(net.norm(net.conv(fine, 32, 3, 2)))
    found: dict[int, list[str]] = {4: [], 2: []}
    for x in (fine, coarse):
        for values, parts in found.items():
            y = net.conv(x, 3 * values, 3, bias=True)
            _, height, width = net.shapes[y]
            y = net.transpose(y, 0, 2, 3, 1)
            parts.append(net.reshape(y, 3 * height * width, values))
    net.output(net.concat(*found[4], axis=1))
    net.output(net.node("Softmax", net.concat(*found[2], axis=1), axis=2))
    return net
