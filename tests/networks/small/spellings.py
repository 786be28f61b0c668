"""Small networks in the words of old and new opsets, and with arithmetic left in the graph."""

from __future__ import annotations

import numpy as np

from ..writer import Net
from .heads import stem
from .maps import classify


def normalised(size: int = 32) -> Net:
    """The input's mean and deviation in the graph; sums and products with constants."""
    net = Net("normalised", 3, size, size)
    mean, deviation = (
        net.constant(np.array(values, np.float32).reshape(1, 3, 1, 1))
        for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    x = net.node("Div", net.node("Sub", net.x, mean), deviation)
    x = net.relu(net.conv(x, 16, 3, 2, bias=True))
    x = net.node("Mul", x, net.constant(np.float32(0.5)))
    x = net.add(x, net.constant(np.float32(1.5)))
    scale = net.random.uniform(0.5, 1.5, (16, 1, 1)).astype(np.float32)
    x = net.node("Mul", x, net.weight(scale))
    x = net.relu(net.conv(x, 32, 3, 2, bias=True))
    x = net.node("Sub", net.constant(np.float32(1)), x, shape=net.shapes[x])
    classify(net, x)
    return net


def batch_norms(size: int = 32) -> Net:
    """Batch norms left in: on the input, behind convolutions and a ReLU, behind a Gemm."""
    net = Net("batch_norms", 3, size, size, fold=False)
    x = net.norm(net.x)
    x = net.relu(net.norm(net.conv(x, 16, 3, 2)))
    x = net.norm(net.relu(net.conv(x, 16, 3, 2, bias=True)))
    x = net.norm(net.gemm(net.flatten(net.global_pool(net.conv(x, 32, 1))), 24))
    net.output(net.gemm(net.relu(x), 10))
    return net


def functions(size: int = 32) -> Net:
    """Activations that are tables of a byte: GELU by Erf, ELU, Tanh, Softplus, leaky and more."""
    net = Net("functions", 3, size, size)
    x = net.norm(net.conv(net.x, 16, 3, 2))
    x = _gelu(net, x)
    x = net.node("Elu", net.norm(net.conv(x, 16)), alpha=1.0)
    x = net.node("LeakyRelu", net.norm(net.conv(x, 16)), alpha=0.1)
    slopes = net.weight(net.random.uniform(0, 0.5, (16, 1, 1)))
    x = net.node("PRelu", net.norm(net.conv(x, 16)), slopes)
    x = net.node("Tanh", net.norm(net.conv(x, 16)))
    x = net.node("Abs", net.norm(net.conv(x, 16)))
    y = net.norm(net.conv(x, 16))  # mish
    x = net.node("Mul", y, net.node("Tanh", net.node("Softplus", y)))
    x = net.node("Max", net.norm(net.conv(x, 16)), net.constant(np.float32(-0.5)))
    x = net.node("Min", x, net.constant(np.float32(2)))
    x = net.node("Pow", x, net.constant(np.float32(2)))
    x = net.node("Neg", net.node("Sqrt", x))
    classify(net, x)
    return net


def _gelu(net: Net, x: str) -> str:
    y = net.node("Erf", net.node("Div", x, net.constant(np.float32(np.sqrt(2)))))
    y = net.node("Mul", x, net.add(y, net.constant(np.float32(1))))
    return net.node("Mul", y, net.constant(np.float32(0.5)))


def opset9(size: int = 32) -> Net:
    """Attributes where later opsets have inputs, Upsample, and no names of nodes."""
    net = Net("opset9", 3, size, size, opset=9, named=False)
    x = net.node("Clip", net.conv(net.x, 16, 3, 2, bias=True), min=0.0, max=6.0)
    _, height, width = net.shapes[x]
    x = net.node("Pad", x, shape=(16, height + 1, width + 1), mode="constant", value=0.0,
                 pads=[0, 0, 0, 0, 0, 0, 1, 1])  # fmt: skip
    x = net.relu(net.conv(x, 16, 3, 2, pads=[0] * 4, bias=True))
    _, height, width = net.shapes[x]
    scales = net.constant(np.array([1, 1, 2, 2], np.float32), "scales")
    y = net.node("Upsample", x, scales, shape=(16, 2 * height, 2 * width), mode="nearest")
    y = net.node("Slice", y, shape=(16, height, width), axes=[2, 3], starts=[0, 0],
                 ends=[height, width])  # fmt: skip
    x = net.node("Unsqueeze", net.mean(net.add(x, y)), shape=(16, 1), axes=[2])
    net.output(net.gemm(net.node("Squeeze", x, shape=(16,), axes=[2]), 10))
    return net


def opset11(size: int = 32) -> Net:
    """Clip, Pad and Resize with inputs, a dropout that was left, Split by attribute."""
    net = Net("opset11", 3, size, size, opset=11)
    x = net.relu6(net.conv(net.x, 16, 3, 2, bias=True))
    _, height, width = net.shapes[x]
    x = net.node("Pad", x, net.integers(0, 0, 1, 1, 0, 0, 1, 1), net.constant(np.float32(0)),
                 shape=(16, height + 2, width + 2))  # fmt: skip
    x = net.relu(net.conv(x, 16, 3, 2, pads=[0] * 4, bias=True))
    _, height, width = net.shapes[x]
    left, right = net.split("Split", x, shapes=[(8, height, width)] * 2, axis=1, split=[8, 8])
    roi, scales = (net.constant(np.array(v, np.float32)) for v in ([], [1, 1, 2, 2]))
    x = net.node("Resize", net.add(left, right), roi, scales, shape=(8, 2 * height, 2 * width),
                 mode="linear", coordinate_transformation_mode="half_pixel")  # fmt: skip
    x = net.node("Dropout", net.flatten(net.global_pool(x)), ratio=0.2)
    net.output(net.gemm(x, 10))
    return net


def opset21(size: int = 32) -> Net:
    """What the newest exporters write: Split by count, reshapes that allow zeros, reductions."""
    net = Net("opset21", 3, size, size, opset=21)
    x = stem(net, 8)
    _, height, width = net.shapes[x]
    left, right = net.split("Split", x, shapes=[(8, height, width)] * 2, axis=1, num_outputs=2)
    x = net.concat(net.node("Gelu", left, approximate="none") if net.opset > 19 else left, right)
    x = net.hard_swish(net.norm(net.conv(x, 24, 1)))
    x = net.mean(x, keep=True)
    x = net.node("Reshape", x, net.integers(1, 24), shape=(24,), allowzero=1)
    net.output(net.gemm(x, 10))
    return net
