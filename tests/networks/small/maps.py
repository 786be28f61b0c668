"""Small networks of operators on maps that the well-known networks lack."""

from __future__ import annotations

import numpy as np

from ..families.shufflenet import shuffle
from ..writer import Net
from .heads import stem


def classify(net: Net, x: str) -> None:
    """The plain end: pool, flatten, ten classes."""
    net.output(net.gemm(net.flatten(net.global_pool(x)), 10))


def resize(net: Net, x: str, times: int, mode: str) -> str:
    """Enlarges a map as PyTorch's Upsample."""
    channels, height, width = net.shapes[x]
    scales = net.constant(np.array([1, 1, times, times], np.float32), "scales")
    way = {"nearest": "asymmetric", "linear": "half_pixel"}[mode]
    more = {"nearest_mode": "floor"} if mode == "nearest" else {}
    return net.node(
        "Resize", x, "", scales, shape=(channels, times * height, times * width), mode=mode,
        coordinate_transformation_mode=way, **more,
    )  # fmt: skip


def pad_node(size: int = 33) -> Net:
    """Pad before valid convolutions and pools, and an average that counts its padding."""
    net = Net("pad_node", 3, size, size)
    pads = net.integers(0, 0, 0, 0, 0, 0, 1, 1)
    x = net.node("Pad", net.x, pads, shape=(3, size + 1, size + 1))
    x = net.relu6(net.norm(net.conv(x, 16, 3, 2, pads=[0] * 4)))
    _, height, width = net.shapes[x]
    zero = net.constant(np.float32(0), "zero")
    x = net.node("Pad", x, net.integers(0, 0, 1, 1, 0, 0, 1, 1), zero,
                 shape=(16, height + 2, width + 2), mode="constant")  # fmt: skip
    x = net.relu6(net.norm(net.conv(x, 16, 3, group=16, pads=[0] * 4)))
    x = net.pool(x, "AveragePool", 3, 2, 1, count_include_pad=1)
    classify(net, net.relu6(net.norm(net.conv(x, 32, 1))))
    return net


def unet(size: int = 32) -> Net:
    """Nearest and linear Resize, a transposed convolution, and joins with earlier maps."""
    net = Net("unet", 3, size, size)
    top = net.relu(net.norm(net.conv(net.x, 8)))
    middle = net.relu(net.norm(net.conv(net.pool(top, "MaxPool", 2, 2), 16)))
    low = net.relu(net.norm(net.conv(net.pool(middle, "MaxPool", 2, 2), 32)))
    bottom = net.relu(net.norm(net.conv(net.pool(low, "AveragePool", 2, 2), 32)))
    x = net.concat(resize(net, bottom, 2, "nearest"), low)
    x = net.relu(net.norm(net.conv(x, 32)))
    x = net.concat(resize(net, x, 2, "linear"), middle)
    x = net.relu(net.norm(net.conv(x, 16)))
    x = net.relu(transposed(net, x, 8, 2, 2))
    x = net.relu(net.norm(net.conv(net.concat(x, top), 8)))
    net.output(net.node("Sigmoid", net.conv(x, 1, 1, bias=True)))
    return net


def decoder(size: int = 8) -> Net:
    """Transposed convolutions that overlap, and pixels out of channels; ends in Tanh."""
    net = Net("decoder", 16, size, size)
    x = net.relu(transposed(net, net.x, 16, 4, 2, pad=1))
    x = net.relu(transposed(net, x, 16, 3, 2, pad=1, more=1))
    x = net.conv(x, 12, bias=True)
    _, height, width = net.shapes[x]
    x = net.node("DepthToSpace", x, shape=(3, 2 * height, 2 * width), blocksize=2, mode="CRD")
    net.output(net.node("Tanh", x))
    return net


def transposed(
    net: Net, x: str, outputs: int, kernel: int, stride: int, pad: int = 0, more: int = 0
) -> str:
    """A transposed convolution with bias."""
    channels, *size = net.shapes[x]
    weight = net.weight(net.he(channels, outputs, kernel, kernel, fan=channels * kernel))
    result = [(s - 1) * stride - 2 * pad + kernel + more for s in size]
    return net.node(
        "ConvTranspose", x, weight, net.bias(outputs), shape=(outputs, *result), dilations=[1, 1],
        group=1, kernel_shape=[kernel] * 2, pads=[pad] * 4, strides=[stride] * 2,
        output_padding=[more] * 2,
    )  # fmt: skip


def dilated(size: int = 32) -> Net:
    """Three dilations beside each other and a pooled branch that is enlarged again."""
    net = Net("dilated", 3, size, size)
    x = stem(net, 8)
    _, height, width = net.shapes[x]
    parts = [net.relu(net.norm(net.conv(x, 8, 3, dilation=d))) for d in (1, 2, 4)]
    pooled = net.relu(net.conv(net.global_pool(x), 8, 1, bias=True))
    scales = net.constant(np.array([1, 1, height, width], np.float32), "scales")
    parts.append(net.node("Resize", pooled, "", scales, shape=(8, height, width), mode="nearest"))
    net.output(net.conv(net.concat(*parts), 4, 1, bias=True))
    return net


def sound(size: int = 128) -> Net:
    """Convolutions and pools over one axis, one of them causal by a Pad."""
    net = Net("sound", 8, size)
    x = net.relu(net.norm(net.conv(net.x, 16, 5, 2)))
    channels, length = net.shapes[x]
    x = net.node("Pad", x, net.integers(0, 0, 4, 0, 0, 0), shape=(channels, length + 4))
    x = net.relu(net.norm(net.conv(x, 16, 3, dilation=2, pads=[0, 0])))
    x = net.pool(x, "MaxPool", 2, 2)
    x = net.relu(net.norm(net.conv(x, 32, 3, group=16)))
    classify(net, x)
    return net


def grouped(size: int = 32) -> Net:
    """Convolutions in groups, two outputs a channel, and a shuffle of three groups."""
    net = Net("grouped", 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 12, 3, 2)))
    x = net.relu(net.norm(net.conv(x, 24, 3, group=12)))
    x = net.norm(net.conv(x, 24, 1, group=3))
    x = shuffle(net, x, 3)
    x = net.relu(net.norm(net.conv(x, 36, 3, 2, group=2)))
    classify(net, x)
    return net


def rows(size: int = 32) -> Net:
    """Slices of rows and columns, joined over rows again."""
    net = Net("rows", 3, size, size)
    x = net.relu(net.norm(net.conv(net.x, 16, 3, 2)))
    half = net.shapes[x][1] // 2
    upper = net.relu(net.norm(net.conv(net.slice(x, 0, half, 2), 16)))
    lower = net.relu(net.norm(net.conv(net.slice(x, half, 2 * half, 2), 16)))
    x = net.concat(lower, upper, axis=2)
    x = net.concat(net.slice(x, 0, half, 3), net.slice(x, half, 2 * half, 3), axis=3)
    classify(net, x)
    return net


def gates(size: int = 32) -> Net:
    """Gates of a channel, of a pixel and of both, and an addition of a vector to a map."""
    net = Net("gates", 3, size, size)
    x = stem(net, 8)
    channels, height, width = net.shapes[x]
    gate = net.node("Sigmoid", net.conv(net.global_pool(x), channels, 1, bias=True))
    x = net.node("Mul", x, gate)
    gate = net.node("Sigmoid", net.conv(x, 1, 3, bias=True))
    x = net.node("Mul", gate, x, shape=(channels, height, width))
    x = net.add(x, net.conv(net.global_pool(x), channels, 1, bias=True))
    x = net.node("Mul", x, net.node("Sigmoid", net.conv(x, channels, 1, bias=True)))
    classify(net, x)
    return net
