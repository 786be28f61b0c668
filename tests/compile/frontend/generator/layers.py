"""Draws operators with weights: convolutions of one and two axes, transposed ones, matrices."""

from __future__ import annotations

import numpy as np

from .net import Net, UnfitError


def _stored(net: Net) -> bool:
    """Whether a layer's input is surely stored; now and then the style decides."""
    return net.chance(0.9)


def _weight(net: Net, x: str, shape: tuple[int, ...], inputs: int, axis: int) -> str:
    """A weight that brings ``x`` to a drawn magnitude; channels differ by up to eight times."""
    present = float(np.abs(net.samples[x]).mean()) or 1.0
    spread = [1] * len(shape)
    spread[axis] = shape[axis]
    values = net.random.normal(0, 1, shape) * 2 ** net.random.uniform(-1.5, 1.5, spread)
    return net.weight(values * net.magnitude() / (present * np.sqrt(inputs)), axis)


def _bias(net: Net, y_like: float, count: int, x: str, weight: str) -> list[str]:
    if net.chance(0.3):
        return []
    name = net.constant(net.random.normal(0, 1, count) * y_like)
    net.biases[name] = (x, weight)
    return [name]


def _size(net: Net, x: str, weight: str) -> float:
    """About how large a result is."""
    inputs = net.constants[weight].size / max(net.constants[weight].shape)
    return float(np.abs(net.samples[x]).mean() * np.abs(net.constants[weight]).mean() * inputs**0.5)


def _windows(net: Net, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> dict[str, object]:
    axes = len(sizes)
    found: dict[str, object] = {}
    if net.chance(0.5):
        found["strides"] = [net.int(1, 3) for _ in range(axes)]
    if net.chance(0.15):
        found["auto_pad"] = net.one("SAME_UPPER", "SAME_LOWER", "VALID")
        return found
    if net.chance(0.15) and axes == 2:
        found["dilations"] = [net.int(1, 2) for _ in range(axes)]
    if net.chance(0.7):
        if net.chance(0.6):
            found["pads"] = [size // 2 for size in kernel] * 2
        else:
            found["pads"] = [net.int(0, size) for size in kernel * 2]
    return found


def convolution(net: Net) -> str:
    x = net.pick(4) if net.chance(0.85) else net.pick(3)
    batch, channels, *sizes = net.samples[x].shape
    if batch != 1:
        raise UnfitError
    side = int(net.one(1, 1, 2, 3, 3, 5))
    kernel = tuple(side if net.chance(0.85) else net.int(1, 4) for _ in sizes)
    divisors = [n for n in range(2, channels + 1) if channels % n == 0]
    group, outputs = 1, net.int(1, 12)
    if divisors and net.chance(0.4):
        group = channels if net.chance(0.6) else int(net.random.choice(divisors))
        outputs = group * net.int(1, 3) if net.chance(0.3) else channels
    per_group = channels // group
    weight = _weight(net, x, (outputs, per_group, *kernel), per_group * int(np.prod(kernel)), 0)
    options = _windows(net, tuple(sizes), kernel)
    if net.chance(0.3):
        options["kernel_shape"] = list(kernel)
    if group > 1:
        options["group"] = group
    bias = _bias(net, _size(net, x, weight), outputs, x, weight)
    return net.node("Conv", x, weight, *bias, exact=_stored(net), **options)


def transposed_convolution(net: Net) -> str:
    x = net.pick(4)
    batch, channels, *_ = net.samples[x].shape
    if batch != 1:
        raise UnfitError
    outputs, side = net.int(1, 8), net.int(1, 4)
    weight = _weight(net, x, (channels, outputs, side, side), channels * side, 1)
    options: dict[str, object] = {"strides": [net.int(1, 3)] * 2}
    if net.chance(0.4):
        options["pads"] = [net.int(0, side - 1) for _ in range(4)]
    bias = _bias(net, _size(net, x, weight), outputs, x, weight)
    return net.node("ConvTranspose", x, weight, *bias, exact=_stored(net), **options)


def gemm(net: Net) -> str:
    x = net.pick(2)
    rows, inputs = net.samples[x].shape
    outputs = net.int(1, 16)
    turned = net.chance(0.5)
    shape, axis = ((outputs, inputs), 0) if turned else ((inputs, outputs), 1)
    weight = _weight(net, x, shape, inputs, axis)
    options: dict[str, object] = {"transB": int(turned)} if turned or net.chance(0.5) else {}
    bias = _bias(net, _size(net, x, weight), outputs, x, weight)
    if bias and net.chance(0.2):
        net.constants[bias[0]] = net.constants[bias[0]].reshape(1, -1)
    if net.chance(0.15):
        options |= {"alpha": float(net.random.uniform(0.2, 2))}
    if bias and net.chance(0.15):
        options |= {"beta": float(net.random.uniform(0.2, 2))}
    return net.node("Gemm", x, weight, *bias, exact=_stored(net), **options)


def matmul(net: Net) -> str:
    x = net.pick(2, 3, 4)
    inputs = net.samples[x].shape[-1]
    outputs = net.int(1, 16)
    weight = _weight(net, x, (inputs, outputs), inputs, 1)
    y = net.node("MatMul", x, weight, exact=_stored(net))
    if net.chance(0.5):
        bias = net.constant(net.random.normal(0, 1, outputs) * _size(net, x, weight))
        y = net.node("Add", *([y, bias] if net.chance(0.5) else [bias, y]))
    return y


def normalisation(net: Net) -> str:
    """BatchNormalization behind a convolution that has only this reader."""
    y = convolution(net)
    channels = net.samples[y].shape[1]
    size = float(np.abs(net.samples[y]).mean()) or 1.0
    numbers = [
        net.real(channels, low=0.3, high=2),
        net.constant(net.random.normal(0, 1, channels)),
        net.constant(net.random.normal(0, size, channels)),
        net.constant(net.random.uniform(0.3, 2, channels) * size**2),
    ]
    net.inner.add(y)
    return net.node("BatchNormalization", y, *numbers, epsilon=1e-5)


LAYERS = (
    convolution, convolution, convolution, convolution, gemm, matmul, transposed_convolution,
    normalisation,
)  # fmt: skip
