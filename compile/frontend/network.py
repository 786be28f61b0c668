"""A QDQ ONNX graph seen as quantised tensors and the float operators between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from ..errors import CompileError
from ..graph import Tensor

MOVES = ("Flatten", "Reshape", "Squeeze", "Identity")
"""Operators that only move values: resolved while walking the graph, never lowered."""
ACTIVATIONS = ("Relu", "Clip")

MOST_ENDS = 64
"""``PV_MAX_TENSORS`` of csrc/include/pocketvision/model.h."""


@dataclass(frozen=True)
class Node:
    """One ONNX node with its attributes as Python values."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Constant:
    """A weight: stored integers (or floats, ``scale`` None) with scale and zero point."""

    values: np.ndarray
    scale: np.ndarray | None
    zero_point: np.ndarray | None


class Network:
    """Answers the importer: which tensor, which constant, where a result is quantised."""

    def __init__(self, file: str, model: onnx.ModelProto):
        self.file = file
        graph = model.graph
        self.constants: dict[str, np.ndarray] = {}
        for constant in graph.initializer:
            try:
                self.constants[constant.name] = numpy_helper.to_array(constant)
            except (ValueError, TypeError) as error:
                raise CompileError(
                    f"{file}: not a valid ONNX file: constant {constant.name!r} is damaged "
                    f"({error}); export it anew"
                ) from error
        for node in graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self.nodes = [
            Node(
                node.name or node.output[0],
                node.op_type,
                tuple(node.input),
                node.output[0],
                {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
            )
            for node in graph.node
        ]
        self.writer = {node.output: node for node in self.nodes}
        self.readers: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            for name in node.inputs:
                self.readers[name].append(node)
        self.shapes = {
            value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
            for value in [*graph.value_info, *graph.input, *graph.output]
        }
        self.tensors: dict[str, Tensor] = {}
        self.notes: list[str] = []
        self._absorbed: set[str] = set()
        inputs = [i.name for i in graph.input if i.name not in self.constants]
        outputs = [o.name for o in graph.output]
        for ends, names in (("inputs", inputs), ("outputs", outputs)):
            if not 1 <= len(names) <= MOST_ENDS:
                raise CompileError(
                    f"{file}: expected 1 to {MOST_ENDS} {ends}, found {len(names)}; split the model"
                )
        self.input_names, self.output_names = tuple(inputs), tuple(outputs)
        self.inputs = tuple(self._quantised_input(name) for name in inputs)
        self.outputs = tuple(self.source(name, f"output {name!r}") for name in outputs)

    # -------------------------------------------------------------------------------- questions

    def error(self, node: Node | str, message: str) -> CompileError:
        name = node if isinstance(node, str) else f"node {node.name!r} ({node.kind})"
        return CompileError(f"{self.file}: {name}: {message}")

    def note(self, node: Node, misses: int, of: str) -> None:
        """Remembers where integers cannot give all that the file's float operator gives."""
        if misses:
            self.notes.append(
                f"node {node.name!r} ({node.kind}): {misses:,} of {of} differ by one step from "
                "the file's float32 operator"
            )

    def is_absorbed(self, node: Node) -> bool:
        """Whether an activation was already folded into the operator before it."""
        return node.name in self._absorbed

    def source(self, value: str, where: Node | str) -> str:
        """Name of the int8 tensor that a float value was dequantised from."""
        node = self.writer.get(value)
        while node is not None and node.kind in MOVES:
            value = node.inputs[0]
            node = self.writer.get(value)
        if node is None or node.kind != "DequantizeLinear":
            raise self.error(
                where,
                f"input {value!r} is float, expected a DequantizeLinear before it; quantise every "
                "activation (QDQ format, all operators)",
            )
        stored = node.inputs[0]
        # DQ(Q(DQ(x))) with equal scales and pure moves between quantised values are one tensor.
        origin = self.writer.get(stored)
        while origin is not None and origin.kind in MOVES:
            stored = origin.inputs[0]
            origin = self.writer.get(stored)
        if stored not in self.tensors:
            inner = origin.inputs[0] if origin is not None else value
            behind = self.writer.get(inner)
            while behind is not None and behind.kind in MOVES:
                behind = self.writer.get(behind.inputs[0])
            if behind is not None and behind.kind == "DequantizeLinear":
                return self.source(inner, where)
            return self._register(stored)
        return stored

    def is_constant(self, value: str) -> bool:
        node = self.writer.get(value)
        if node is not None and node.kind == "DequantizeLinear":
            return node.inputs[0] in self.constants
        return value in self.constants

    def constant(self, value: str, where: Node) -> Constant:
        """The weight behind ``value``: through its DequantizeLinear, or float as it stands."""
        node = self.writer.get(value)
        if node is not None and node.kind == "DequantizeLinear":
            stored = self.constants.get(node.inputs[0])
            if stored is not None:
                scale, zero = self._parameters(node)
                return Constant(stored, scale, zero)
        if value in self.constants:
            return Constant(self.constants[value], None, None)
        raise self.error(where, f"input {value!r} must be a constant")

    def result(self, node: Node) -> tuple[str, list[Node]]:
        """The int8 tensor a node's result is stored in, and the activations on the way there."""
        value, passed = node.output, []
        while True:
            readers = self.readers[value]
            if len(readers) == 1 and readers[0].kind in (*MOVES, *ACTIVATIONS):
                if readers[0].kind in ACTIVATIONS:
                    passed.append(readers[0])
                    self._absorbed.add(readers[0].name)
                value = readers[0].output
                continue
            break
        quantisers = [reader for reader in readers if reader.kind == "QuantizeLinear"]
        if len(readers) != 1 or not quantisers:
            raise self.error(
                node,
                f"its result {value!r} is read as float, expected one QuantizeLinear behind it; "
                "quantise every activation (QDQ format, all operators)",
            )
        return self._register(quantisers[0].output), passed

    # --------------------------------------------------------------------------------- insides

    def _register(self, stored: str) -> str:
        if stored not in self.tensors:
            quantiser = self.writer[stored]
            scale, zero = self._parameters(quantiser)
            if scale.size != 1:
                raise self.error(
                    quantiser, "activations need one scale per tensor, not per channel"
                )
            if zero.dtype not in (np.int8, np.uint8):
                raise self.error(quantiser, f"stores {zero.dtype}, expected int8 or uint8")
            if not (np.isfinite(scale.item()) and scale.item() > 0):
                raise self.error(quantiser, f"scale {scale.item()} must be finite and positive")
            offset = 128 if zero.dtype == np.uint8 else 0
            height, width, channels = self._shape(quantiser.inputs[0], quantiser)
            self.tensors[stored] = Tensor(
                stored, height, width, channels, float(scale.item()), int(zero.item()) - offset
            )
        return stored

    def _parameters(self, node: Node) -> tuple[np.ndarray, np.ndarray]:
        scale = self.constants.get(node.inputs[1])
        if scale is None:
            raise self.error(node, "its scale must be a constant")
        if len(node.inputs) > 2 and node.inputs[2]:
            zero = self.constants.get(node.inputs[2])
            if zero is None:
                raise self.error(node, "its zero point must be a constant")
        else:
            zero = np.zeros(scale.shape, np.uint8)
        return scale, zero

    def _shape(self, value: str, node: Node) -> tuple[int, int, int]:
        shape = self.shapes.get(value)
        if not shape:
            raise self.error(node, f"the shape of {value!r} is unknown; export with static shapes")
        if any(size <= 0 for size in shape[1:]) or shape[0] not in (0, 1):
            raise self.error(
                node, f"{value!r} has shape {shape}, expected a static one with batch 1"
            )
        if len(shape) == 2:
            return 1, 1, shape[1]
        if len(shape) == 4:
            return shape[2], shape[3], shape[1]
        raise self.error(node, f"{value!r} has rank {len(shape)}, expected (1, C, H, W) or (1, C)")

    def _quantised_input(self, name: str) -> str:
        readers = self.readers[name]
        if len(readers) != 1 or readers[0].kind != "QuantizeLinear":
            raise self.error(f"input {name!r}", "expected one QuantizeLinear as its only reader")
        return self._register(readers[0].output)
