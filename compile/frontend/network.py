"""A normalised QDQ file as the importer reads it: nodes, constants, shapes, quantisations."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from ..errors import CompileError
from ..graph import INT8_MAX, INT8_MIN

QUANTISE, DEQUANTISE = "QuantizeLinear", "DequantizeLinear"
MOVES = ("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity")
"""Operators that leave the order of values as it is."""
ACTIVATIONS = ("Relu", "Clip")
"""Operators that a clamp of the result before them does."""

STORED = {np.dtype(np.int8): 0, np.dtype(np.uint8): 128}
"""Types of stored activations, and what a file's stored value has more than ours."""

MOST_ENDS = 64
"""``PV_MAX_TENSORS`` of csrc/include/pocketvision/model.h."""


@dataclass(frozen=True)
class Node:
    """One ONNX node with its attributes as Python values; ``output`` is its first."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def output(self) -> str:
        return self.outputs[0]

    def input(self, index: int) -> str:
        """The input's name, empty where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""


@dataclass(frozen=True)
class Want:
    """How a float result shall be stored as int8: what a QuantizeLinear says, and what follows.

    The tensor holds ``gain * value + offset`` in this quantisation, clamped to [low, high].
    ``gain`` and ``offset`` are float64 (O) or (1), one for each output of a layer; None: 1 and 0.
    """

    name: str
    scale: float
    zero_point: int
    low: int = INT8_MIN
    high: int = INT8_MAX
    gain: np.ndarray | None = field(default=None, compare=False)
    offset: np.ndarray | None = field(default=None, compare=False)

    @property
    def quantisation(self) -> tuple[float, int]:
        return self.scale, self.zero_point

    @property
    def plain(self) -> bool:
        """Whether the value itself is wanted."""
        return self.gain is None and self.offset is None


@dataclass(frozen=True)
class Constant:
    """A constant: integers with scale and zero point, or float32 as it stands."""

    values: np.ndarray
    scale: np.ndarray | None = None
    zero_point: np.ndarray | None = None

    @property
    def real(self) -> np.ndarray:
        """float32 values."""
        if self.scale is None:
            return self.values.astype(np.float32)
        return self.steps.astype(np.float32) * self.scale.astype(np.float32)

    @property
    def steps(self) -> np.ndarray:
        """int64: the integers less their zero point."""
        zero = 0 if self.zero_point is None else self.zero_point.astype(np.int64)
        return np.asarray(self.values.astype(np.int64) - zero)


class Network:
    """What the importer asks of a file."""

    def __init__(self, file: str, model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]]):
        self.file, self.shapes = file, shapes
        graph = model.graph
        self.initializers: dict[str, np.ndarray] = {}
        for constant in graph.initializer:
            try:
                self.initializers[constant.name] = numpy_helper.to_array(constant)
            except (ValueError, TypeError) as error:
                raise CompileError(
                    f"{file}: not a valid ONNX file: constant {constant.name!r} is damaged "
                    f"({error}); export it anew"
                ) from error
        self.nodes = [
            Node(
                node.name or node.output[0],
                node.op_type,
                tuple(node.input),
                tuple(node.output),
                {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
            )
            for node in graph.node
        ]
        self.writer = {output: node for node in self.nodes for output in node.outputs if output}
        self.readers: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                self.readers[name].append(node)
        self.types = {
            end.name: end.type.tensor_type.elem_type for end in (*graph.input, *graph.output)
        }
        inputs = [i.name for i in graph.input if i.name not in self.initializers]
        outputs = [o.name for o in graph.output]
        for ends, names in (("inputs", inputs), ("outputs", outputs)):
            if not 1 <= len(names) <= MOST_ENDS:
                raise CompileError(
                    f"{file}: expected 1 to {MOST_ENDS} {ends}, found {len(names)}; split the model"
                )
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)

    def error(self, node: Node | str, message: str) -> CompileError:
        """An error at a node, or at what a text names."""
        name = node if isinstance(node, str) else f"node {node.name!r} ({node.kind})"
        return CompileError(f"{self.file}: {name}: {message}")

    def shape(self, value: str, where: Node | str) -> tuple[int, ...]:
        """Static shape of a value.

        Raises:
            CompileError: it is not known, empty, or its batch is not 1.
        """
        shape = self.shapes.get(value)
        if shape is None or any(size <= 0 for size in shape):
            raise self.error(
                where, f"the shape of {value!r} is unknown or empty; export with static shapes"
            )
        return shape

    def stored(self, value: str) -> bool:
        """Whether a value is stored integers themselves: a quantisation's, or an input's, moved."""
        node = self.writer.get(value)
        while node is not None and node.kind not in (QUANTISE, DEQUANTISE) and node.inputs:
            value, node = node.inputs[0], self.writer.get(node.inputs[0])
        if node is None:
            return value in self.inputs and self.types[value] in (2, 3)
        return node.kind == QUANTISE

    def constant(self, value: str) -> Constant | None:
        """A constant as it stands or behind its DequantizeLinear; None for anything else."""
        if value in self.initializers:
            return Constant(self.initializers[value])
        node = self.writer.get(value)
        if node is None or node.kind != DEQUANTISE or node.inputs[0] not in self.initializers:
            return None
        values = self.initializers[node.inputs[0]]
        scale, zero = self._parameters(node)
        self._plain_attributes(node)
        if scale.size == 1:
            return Constant(values, scale.reshape(()), zero.reshape(()))
        axis = node.attributes.get("axis", 1)
        if scale.ndim != 1 or not -values.ndim <= axis < values.ndim:
            raise self.error(node, f"its scale has shape {scale.shape}, expected one per channel")
        if len(scale) != values.shape[axis] or zero.size not in (1, scale.size):
            raise self.error(
                node,
                f"{scale.size} scales and {zero.size} zero points for axis {axis} of "
                f"{values.shape}, expected one for each of its {values.shape[axis]} entries",
            )
        along = [1] * values.ndim
        along[axis] = -1
        zeros = zero.reshape(()) if zero.size == 1 else zero.reshape(along)
        return Constant(values, scale.reshape(along), zeros)

    def quantisation(self, node: Node) -> tuple[float, int, int]:
        """(scale, zero point as int8, what stored values have more) of an activation's Q or DQ.

        Raises:
            CompileError: per channel, of another type, or with a scale that is no scale.
        """
        scale, zero = self._parameters(node)
        self._plain_attributes(node)
        if scale.size != 1 or zero.size != 1:
            raise self.error(node, "activations need one scale per tensor, not per channel")
        if zero.dtype not in STORED:
            raise self.error(
                node,
                f"stores {zero.dtype}, expected int8 or uint8; quantise activations to 8 bits",
            )
        value = np.float32(scale.item())
        if not (np.isfinite(value) and value >= np.finfo(np.float32).tiny):
            raise self.error(node, f"scale {scale.item()} must be finite and positive")
        offset = STORED[zero.dtype]
        return float(value), int(zero.item()) - offset, offset

    def _plain_attributes(self, node: Node) -> None:
        if node.attributes.get("block_size", 0):
            raise self.error(node, "blocks of scales are not supported; quantise per channel")
        precision = node.attributes.get("precision", TensorProto.FLOAT)
        wide = node.attributes.get("output_dtype", 0)
        real = (0, TensorProto.FLOAT)
        if precision not in real or (node.kind == DEQUANTISE and wide not in real):
            raise self.error(node, "computes in another type than float32; export it in float32")

    def _parameters(self, node: Node) -> tuple[np.ndarray, np.ndarray]:
        scale = self.initializers.get(node.input(1))
        if scale is None:
            raise self.error(node, "its scale must be a constant")
        if scale.dtype != np.float32:
            raise self.error(node, f"its scale is {scale.dtype}, expected float32")
        wanted = node.attributes.get("output_dtype", 0) if node.kind == QUANTISE else 0
        if node.input(2):
            zero = self.initializers.get(node.inputs[2])
            if zero is None:
                raise self.error(node, "its zero point must be a constant")
            if wanted and np.dtype(onnx.helper.tensor_dtype_to_np_dtype(wanted)) != zero.dtype:
                raise self.error(
                    node, f"output_dtype {wanted} contradicts its zero point of {zero.dtype}"
                )
            return scale, zero
        kind: Any = np.uint8
        if wanted:
            kind = onnx.helper.tensor_dtype_to_np_dtype(wanted)
        elif node.kind == DEQUANTISE:
            kind = self._stored_type(node.inputs[0])
        return scale, np.zeros(scale.shape, kind)

    def _stored_type(self, value: str) -> Any:
        """Type of the integers that a DequantizeLinear without a zero point reads."""
        if value in self.initializers:
            return self.initializers[value].dtype
        writer = self.writer.get(value)
        while writer is not None and writer.kind != QUANTISE and writer.inputs:
            value, writer = writer.inputs[0], self.writer.get(writer.inputs[0])
        if writer is not None:
            return self._parameters(writer)[1].dtype
        return onnx.helper.tensor_dtype_to_np_dtype(self.types.get(value, TensorProto.UINT8))
