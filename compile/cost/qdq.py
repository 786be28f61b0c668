"""An int8 network as our quantiser writes it, of random weights: layers are added one by one."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..arithmetic import fixedpoint
from ..arithmetic import scales as layer_scales

STEP = 2.0**-5
"""Scale of most activations."""

UNEVEN = 1.37
"""What makes a layer's scale no power of two, whose ties have no exact integer factors."""

ULPS = 512
"""How far a layer's scale is moved to have exact integer factors."""

MIDDLE, LEAST = 128, 0
"""Zero points of values of either sign, and of those behind a ReLU."""

TYPICAL = 73
"""Deviation of uniform int8 weights."""


@dataclass(frozen=True)
class Value:
    """A quantised activation: the DequantizeLinear's output, its numbers, channels and side."""

    name: str
    scale: float
    zero: int
    channels: int
    side: int


class Qdq:
    """Nodes, constants, inputs and outputs of one file; the methods add layers."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []

    def _name(self, hint: str) -> str:
        return f"{hint}_{len(self.nodes)}_{len(self.constants)}"

    def _constant(self, values: Any) -> str:
        name = self._name("c")
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = self._name(kind)
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], f"{output}_node", **attributes)
        )
        return output

    def quantised(self, name: str, channels: int, side: int, scale: float, zero: int) -> Value:
        """A float value through a QuantizeLinear and a DequantizeLinear."""
        numbers = self._constant(np.float32(scale)), self._constant(np.uint8(zero))
        stored = self._node("QuantizeLinear", name, *numbers)
        return Value(self._node("DequantizeLinear", stored, *numbers), scale, zero, channels, side)

    def input(self, channels: int, side: int) -> Value:
        """Another input (1, channels, side, side), quantised at once."""
        name = f"input{len(self.inputs)}"
        shape = [1, channels, side, side]
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return self.quantised(name, channels, side, STEP, MIDDLE)

    def conv(
        self, x: Value, outputs: int, kernel: int = 1, stride: int = 1, *, pad: int = 0,
        depthwise: bool = False, activation: str = "",
    ) -> Value:  # fmt: skip
        """Conv with an int32 bias and an activation, "" for none."""
        inputs = 1 if depthwise else x.channels
        fan = inputs * kernel * kernel
        signs = self.random.choice([-1, 1], (outputs, inputs, kernel, kernel))
        weight = (signs * self.random.integers(1, 128, signs.shape)).astype(np.int8)
        bias = self.random.integers(-100, 100, outputs).astype(np.int32)
        # A ReLU of our quantiser is the interval of what follows it.
        zero = LEAST if activation == "relu" else MIDDLE
        # Sums of that many products of typical values come to a third of the result's range.
        factor = UNEVEN * 2.0 ** -ceil(log2(fan**0.5 * TYPICAL))
        most = int(layer_scales.reach(weight, bias).max())
        scales = np.full(outputs, _exact(x.scale, factor, most, zero), np.float32)
        zeros = np.zeros(outputs, np.int8)
        numbers = self._constant(scales), self._constant(zeros)
        parts = [
            self._node("DequantizeLinear", self._constant(weight), *numbers, axis=0),
            self._node(
                "DequantizeLinear",
                self._constant(bias),
                self._constant(np.float32(x.scale) * scales),
                self._constant(np.zeros(outputs, np.int32)),
                axis=0,
            ),
        ]
        side = (x.side + 2 * pad - kernel) // stride + 1
        y = self._node(
            "Conv", x.name, *parts, kernel_shape=[kernel, kernel], strides=[stride, stride],
            pads=[pad] * 4, group=x.channels if depthwise else 1,
        )  # fmt: skip
        found = self.quantised(y, outputs, side, STEP, zero)
        if activation == "prelu":
            slopes = self.random.uniform(0.05, 0.5, (outputs, 1, 1)).astype(np.float32)
            y = self._node("PRelu", found.name, self._constant(slopes))
            return self.quantised(y, outputs, side, STEP, 96)
        if activation == "swish":
            y = self._node("Mul", found.name, self._node("Sigmoid", found.name))
            return self.quantised(y, outputs, side, STEP / 2, 18)
        return found

    def add(self, x: Value, y: Value) -> Value:
        """The sum of two values of one shape."""
        total = self._node("Add", x.name, y.name)
        return self.quantised(total, x.channels, x.side, 2 * STEP, MIDDLE)

    def mean(self, x: Value) -> Value:
        """The mean of each channel."""
        y = self._node("GlobalAveragePool", x.name)
        return self.quantised(y, x.channels, 1, x.scale / 4, x.zero)

    def excited(self, x: Value, inner: int) -> Value:
        """``x`` times the sigmoid of its means through ``inner`` values."""
        narrow = self.conv(self.mean(x), inner, activation="swish")
        gate = self._node("Sigmoid", self.conv(narrow, x.channels).name)
        gates = self.quantised(gate, x.channels, 1, 2.0**-8, LEAST)
        y = self._node("Mul", x.name, gates.name)
        return self.quantised(y, x.channels, x.side, x.scale / 2, x.zero)

    def model(self, *outputs: Value) -> onnx.ModelProto:
        """The file; an output of one pixel is flattened, as an embedding is."""
        results = []
        for value in outputs:
            name, shape = value.name, [1, value.channels, value.side, value.side]
            if value.side == 1:
                numbers = (
                    self._constant(np.float32(value.scale)),
                    self._constant(np.uint8(value.zero)),
                )
                flat = self._node("Flatten", name)
                name = self._node(
                    "DequantizeLinear", self._node("QuantizeLinear", flat, *numbers), *numbers
                )
                shape = shape[:2]
            results.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        graph = helper.make_graph(self.nodes, "block", self.inputs, results, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
        model.ir_version = 10
        return model


def _exact(x: float, factor: float, reach: int, zero: int) -> np.float32:
    """A weight's scale near ``factor`` of the result's that has exact integer factors for every
    accumulator up to ``reach``, as nearly all layers of our quantiser's files do."""
    start = np.float32(factor * STEP / x)
    low, high = -zero, 255 - zero
    for ulps in sorted(range(-ULPS, ULPS + 1), key=abs):
        moved = start + np.float32(ulps) * np.spacing(start)
        scale = layer_scales.layer_scale(x, np.array([moved]), STEP)
        most = np.array([reach])
        one = fixedpoint.factors(scale, most, low, high)[0] >= 0
        if one and fixedpoint.fixed_factors(scale, most, low, high) is not None:
            return np.float32(moved)
    return start
