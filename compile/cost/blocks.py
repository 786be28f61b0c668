"""A layer, or a network of layers, by its keys: an int8 QDQ file of random weights.

What a layer costs does not depend on the values of its weights, only on its shapes and on which
integer form its rescales have: that is the form of what our own quantiser writes.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from ..errors import CompileError
from .keys import Head, Layer, Stem, parse
from .qdq import Qdq, Value


def block(key: str, seed: int = 0) -> onnx.ModelProto:
    """The layer of ``key`` alone.

    Raises:
        CompileError: it is no key.
    """
    return network((key,), seed)


def network(keys: Sequence[str], seed: int = 0) -> onnx.ModelProto:
    """The layers of ``keys`` one behind the other.

    Raises:
        CompileError: one is no key, or does not take what the one before it gives.
    """
    net = Qdq(seed)
    x: Value | None = None
    for key in keys:
        layer = parse(key)
        if x is None:
            x = net.input(layer.inputs, layer.size)
        elif (x.channels, x.side) != (layer.inputs, layer.size):
            raise CompileError(
                f"key {key!r}: expected {layer.inputs} channels of {layer.size} pixels, "
                f"the layer before it gives {x.channels} of {x.side}"
            )
        x = _add(net, layer, x)
    if x is None:
        raise CompileError("expected the keys of a network, got none")
    return net.model(x)


def _add(net: Qdq, layer: Layer, x: Value) -> Value:
    if isinstance(layer, Stem):
        return net.conv(x, layer.outputs, layer.kernel, layer.stride, pad=layer.kernel // 2,
                        activation=layer.activation)  # fmt: skip
    if isinstance(layer, Head):
        y = net.conv(x, layer.width, activation=layer.activation)
        y = net.mean(y) if layer.pool == "mean" else net.conv(y, y.channels, y.side, depthwise=True)
        return net.conv(y, layer.embedding)
    y = x
    if layer.expansion > 1:
        y = net.conv(y, layer.hidden, activation=layer.activation)
    y = net.conv(y, layer.hidden, layer.kernel, layer.stride, pad=layer.kernel // 2,
                 depthwise=True, activation=layer.activation)  # fmt: skip
    if layer.squeeze:
        y = net.excited(y, max(1, round(layer.inputs * layer.squeeze)))
    y = net.conv(y, layer.outputs)
    return net.add(x, y) if layer.added else y
