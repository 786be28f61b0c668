"""Writes a drawn network as a QDQ file in a style."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .integers import operators
from .net import Net
from .styles import Pair, Style, paired, quantisation

LIMIT = 2**31 - 1


class Writer:
    """Builds the nodes of a file beside those of the float network."""

    def __init__(self, net: Net, style: Style):
        self.net, self.style = net, style
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.pairs: dict[str, Pair] = {}
        self.stored: set[str] = paired(net, style)
        self.weight_scales: dict[str, np.ndarray] = {}
        self._dequantised: dict[str, str] = {}
        self._known: set[str] = set()

    def model(self) -> onnx.ModelProto:
        net = self.net
        for name in net.inputs:
            self._behind(name)
        for node in net.nodes:
            inputs = [self._operand(node, name) for name in node.input]
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[:] = inputs
            self.nodes.append(copy)
            for name in node.output:
                self._behind(name)
        outputs = []
        for name in net.ends():
            end = self._read(name)
            shape = list(net.samples[name].shape)
            if net.samples[name].dtype == np.int64:
                kind = TensorProto.INT64
            elif name in self.stored and end != name and net.chance(0.15):
                end = next(n.input[0] for n in self.nodes if end in n.output)
                kind = helper.np_dtype_to_tensor_dtype(self.pairs[name].zero.dtype)
            else:
                kind = TensorProto.FLOAT
            outputs.append(helper.make_tensor_value_info(end, kind, shape))
        entries = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, net.samples[name].shape)
            for name in net.inputs
        ]
        graph = helper.make_graph(self.nodes, "drawn", entries, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", net.opset)])
        model.ir_version = 10
        return model

    # ------------------------------------------------------------------------------------- pairs

    def _behind(self, name: str) -> None:
        """A pair for all readers of a value, unless each is to have its own."""
        if name in self.stored:
            self.pairs[name] = quantisation(self.net, name, self.style)
            if not self.style.own:
                self._dequantised[name] = self._pair(name, self.pairs[name], "")

    def _read(self, name: str) -> str:
        """A value as a reader finds it."""
        if name not in self.stored:
            return name
        if name not in self._dequantised:
            count = sum(node.input[0] == name for node in self.nodes)
            return self._pair(name, self.pairs[name], f".{count}")
        return self._dequantised[name]

    def _pair(self, name: str, pair: Pair, suffix: str) -> str:
        numbers = self._numbers(f"{name}{suffix}", pair.scale, pair.zero)
        stored, real = f"{name}.q{suffix}", f"{name}.dq{suffix}"
        more = {"axis": 1} if pair.zero.ndim else {}
        self._add("QuantizeLinear", [name, *numbers], stored, **more)
        self._add("DequantizeLinear", [stored, *numbers], real, **more)
        return real

    def _numbers(self, name: str, scale: np.ndarray, zero: np.ndarray) -> list[str]:
        return [self._constant(f"{name}.scale", scale), self._constant(f"{name}.zero", zero)]

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> None:
        self.nodes.append(
            helper.make_node(kind, inputs, [output], name=f"{output}_node", **attributes)
        )

    def _constant(self, name: str, values: np.ndarray) -> str:
        if name not in self._known:
            self._known.add(name)
            self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    # --------------------------------------------------------------------------------- operands

    def _operand(self, node: onnx.NodeProto, name: str) -> str:
        net = self.net
        if not name:
            return name
        if name in net.weights:
            return self._weight(name)
        if name in net.biases:
            return self._bias(name)
        if name in net.constants:
            return self._constant(name, net.constants[name])
        return name if name in net.inner else self._read(name)

    def _weight(self, name: str) -> str:
        """int8 behind a DequantizeLinear; uint8 or a zero point of its own now and then."""
        net, axis = self.net, self.net.weights[name]
        values = net.constants[name]
        if net.chance(self.style.real):
            return self._constant(name, values)
        others = tuple(index for index in range(values.ndim) if index != axis)
        by_channel = self.style.by_channel and net.chance(0.9)
        reach = np.abs(values).max(axis=others) if by_channel else np.abs(values).max()
        scale = np.maximum(reach / 127, 1e-10).astype(np.float32)
        along = scale.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        steps = np.clip(np.rint(values / (along if by_channel else scale)), -127, 127)
        unsigned = not by_channel and net.chance(0.2)
        stored = (steps + 128).astype(np.uint8) if unsigned else steps.astype(np.int8)
        zero = np.full(scale.shape, 128 if unsigned else 0, stored.dtype)
        self.weight_scales[name] = scale
        numbers = [self._constant(f"{name}.scale", scale)]
        if unsigned or net.chance(0.9):
            numbers.append(self._constant(f"{name}.zero", zero))
        more = {"axis": axis} if by_channel else {}
        self._add("DequantizeLinear", [self._constant(f"{name}.q", stored), *numbers],
                  f"{name}.dq", **more)  # fmt: skip
        return f"{name}.dq"

    def _bias(self, name: str) -> str:
        """int32 at the scale of the products, or float."""
        net = self.net
        x, weight = net.biases[name]
        values = net.constants[name]
        pair = self._pair_of(x)
        known = pair is not None and not pair.zero.ndim and weight in self.weight_scales
        if pair is None or not known or values.ndim != 1 or net.chance(0.2):
            return self._constant(name, values)
        scale = np.float32(pair.scale) * self.weight_scales[weight]
        steps = np.rint(values.astype(np.float64) / scale)
        if np.abs(steps).max() > LIMIT / 4 or (scale < np.finfo(np.float32).tiny).any():
            return self._constant(name, values)
        numbers = [self._constant(f"{name}.scale", np.asarray(scale, np.float32))]
        more = {"axis": 0} if np.ndim(scale) else {}
        stored = self._constant(f"{name}.q", steps.astype(np.int32))
        self._add("DequantizeLinear", [stored, *numbers], f"{name}.dq", **more)
        return f"{name}.dq"

    def _pair_of(self, name: str) -> Pair | None:
        """The pair that a value has, or that it had before it was moved."""
        while name not in self.pairs:
            node = next((n for n in self.net.nodes if name in n.output), None)
            if node is None:
                return None
            name = node.input[0]
        return self.pairs[name]


def write(net: Net, style: Style) -> onnx.ModelProto:
    """A file of one style; the network's own chance decides what the style leaves open."""
    model = Writer(net, style).model()
    return operators(model) if style.operators else model
