"""Writes a float ONNX network node by node, with seeded weights, as exporters write theirs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .statistics import fold, settle


class Net:
    """A network being written; methods add nodes and return the names of values.

    ``shapes`` has each value's shape without the batch: (C, H, W), (C, L) or (C,).
    ``parameters`` counts weights, biases, scales and shifts of batch norms, as PyTorch does;
    ``running`` counts the running statistics, which Keras adds.

    Args:
        shape: of the first input, without the batch.
        batch: of all inputs: a number, or a name for a dynamic one.
        fold: whether batch norms behind convolutions are folded, as PyTorch's exporter does.
        named: whether nodes have names.
        dialect: "torch" writes every attribute of a convolution, "tensorflow" pads at the ends.
    """

    def __init__(
        self,
        name: str,
        *shape: int,
        opset: int = 17,
        seed: int = 0,
        batch: int | str = 1,
        fold: bool = True,
        named: bool = True,
        dialect: str = "torch",
    ) -> None:
        self.name, self.opset, self.batch, self.dialect = name, opset, batch, dialect
        self.random = np.random.default_rng(seed)
        self.seed, self.folds, self.named = seed, fold, named
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.parameters = self.running = 0
        self.x = self.input("x", *shape)

    # ------------------------------------------------------------------------------------ ends

    def input(self, name: str, *shape: int) -> str:
        """A further input of float32."""
        self.inputs.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [self.batch, *shape])
        )
        self.shapes[name] = shape
        return name

    def output(self, value: str, dtype: int = TensorProto.FLOAT) -> None:
        """Makes ``value`` a result of the network."""
        self.outputs.append(
            helper.make_tensor_value_info(value, dtype, [self.batch, *self.shapes[value]])
        )

    def model(self) -> onnx.ModelProto:
        """The finished file: batch norms hold measured statistics, and are folded if so said."""
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], producer_name="writer"
        )
        model.ir_version = 4 if self.opset < 11 else 8 if self.opset < 21 else 10
        settle(model, self.seed)
        if self.folds:
            fold(model)
        return model

    # ----------------------------------------------------------------------------------- nodes

    def fresh(self, hint: str) -> str:
        return f"{hint}_{len(self.nodes)}_{len(self.constants)}"

    def constant(self, values: object, hint: str = "constant") -> str:
        """A stored constant."""
        name = self.fresh(hint)
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def integers(self, *values: int) -> str:
        """A stored int64 vector."""
        return self.constant(np.array(values, np.int64), "shape")

    def weight(self, values: np.ndarray, hint: str = "weight") -> str:
        """A stored float32 constant that counts as parameters."""
        self.parameters += values.size
        return self.constant(np.ascontiguousarray(values, np.float32), hint)

    def node(self, kind: str, *inputs: str, shape: Sequence[int] | None = None, **has: Any) -> str:
        """An operator of one output, of the shape of its first input unless told."""
        found = self.shapes[inputs[0]] if shape is None else shape
        return self.split(kind, *inputs, shapes=[found], **has)[0]

    def split(
        self, kind: str, *inputs: str, shapes: Sequence[Sequence[int]], **has: Any
    ) -> list[str]:
        """An operator of as many outputs as there are ``shapes``."""
        name = self.fresh(kind)
        outputs = [name, *(f"{name}_{i}" for i in range(1, len(shapes)))]
        self.shapes.update(zip(outputs, map(tuple, shapes), strict=True))
        written = f"/{name}" if self.named else ""
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, name=written, **has))
        return outputs

    # ------------------------------------------------------------------------- layers of weights

    def he(self, *shape: int, fan: int) -> np.ndarray:
        """Normal weights that keep the scale of what a ReLU leaves of ``fan`` inputs."""
        return self.random.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / fan))

    def bias(self, count: int, spread: float = 0.1) -> str:
        return self.weight(self.random.normal(0, spread, count), "bias")

    def conv(
        self,
        x: str,
        outputs: int,
        kernel: int | tuple[int, ...] = 3,
        stride: int = 1,
        *,
        group: int = 1,
        dilation: int = 1,
        pads: Sequence[int] | None = None,
        bias: bool = False,
    ) -> str:
        """A convolution over one or two axes, padded so that stride 1 keeps the size."""
        channels, *size = self.shapes[x]
        taps = (kernel,) * len(size) if isinstance(kernel, int) else kernel
        reach = [dilation * (k - 1) + 1 for k in taps]
        if pads is None and self.dialect == "tensorflow":
            missing = [
                max((-(-s // stride) - 1) * stride + r - s, 0)
                for s, r in zip(size, reach, strict=True)
            ]
            pads = [*(m // 2 for m in missing), *(m - m // 2 for m in missing)]
        elif pads is None:
            pads = [r // 2 for r in reach] * 2
        axes = len(size)
        result = [
            (s + pads[i] + pads[i + axes] - reach[i]) // stride + 1 for i, s in enumerate(size)
        ]
        shape = (outputs, channels // group, *taps)
        inputs = [x, self.weight(self.he(*shape, fan=math.prod(shape[1:])))]
        if bias:
            inputs.append(self.bias(outputs))
        has: dict[str, object] = {"kernel_shape": taps, "strides": [stride] * axes, "pads": pads}
        if self.dialect == "torch":
            has |= {"dilations": [dilation] * axes}
        if self.dialect == "torch" or group > 1:
            has |= {"group": group}
        return self.node("Conv", *inputs, shape=(outputs, *result), **has)

    def norm(self, x: str) -> str:
        """A batch norm; ``model`` measures its statistics."""
        count = self.shapes[x][0]
        self.running += 2 * count
        scale = self.weight(self.random.uniform(0.6, 1.4, count), "scale")
        shift = self.weight(self.random.normal(0, 0.3, count), "shift")
        mean = self.constant(np.zeros(count, np.float32), "mean")
        variance = self.constant(np.ones(count, np.float32), "variance")
        return self.node("BatchNormalization", x, scale, shift, mean, variance, epsilon=1e-5)

    def gemm(self, x: str, outputs: int, **has: Any) -> str:
        """A Linear layer of PyTorch."""
        (inputs,) = self.shapes[x]
        weight = self.weight(self.he(outputs, inputs, fan=inputs))
        return self.node("Gemm", x, weight, self.bias(outputs), shape=(outputs,), transB=1, **has)

    # ------------------------------------------------------------------------------ activations

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def relu6(self, x: str) -> str:
        ends = (self.constant(np.float32(v), "limit") for v in (0, 6))
        return self.node("Clip", x, *ends)

    def hard_sigmoid(self, x: str) -> str:
        return self.node("HardSigmoid", x, alpha=1 / 6)

    def hard_swish(self, x: str) -> str:
        return self.node("HardSwish", x)

    def silu(self, x: str) -> str:
        return self.node("Mul", x, self.node("Sigmoid", x))

    def plain(self, x: str) -> str:
        return x

    # ------------------------------------------------------------------------------- operators

    def add(self, a: str, b: str) -> str:
        return self.node("Add", a, b)

    def pool(self, x: str, kind: str, kernel: int, stride: int, pad: int = 0, **has: Any) -> str:
        """MaxPool or AveragePool; ``ceil_mode`` in ``has`` is honoured."""
        channels, *size = self.shapes[x]
        extra = stride - 1 if has.get("ceil_mode") else 0
        result = [(s + 2 * pad - kernel + extra) // stride + 1 for s in size]
        axes = len(size)
        return self.node(kind, x, shape=(channels, *result), kernel_shape=[kernel] * axes,
                         strides=[stride] * axes, pads=[pad] * 2 * axes, **has)  # fmt: skip

    def global_pool(self, x: str) -> str:
        channels, *size = self.shapes[x]
        return self.node("GlobalAveragePool", x, shape=(channels, *[1] * len(size)))

    def mean(self, x: str, keep: bool = False) -> str:
        """The mean over rows and columns as ReduceMean, its axes where the opset has them."""
        channels = self.shapes[x][0]
        shape = (channels, 1, 1) if keep else (channels,)
        if self.opset < 18:
            return self.node("ReduceMean", x, shape=shape, axes=[2, 3], keepdims=int(keep))
        return self.node("ReduceMean", x, self.integers(2, 3), shape=shape, keepdims=int(keep))

    def flatten(self, x: str) -> str:
        return self.node("Flatten", x, shape=(math.prod(self.shapes[x]),), axis=1)

    def concat(self, *values: str, axis: int = 1) -> str:
        shape = list(self.shapes[values[0]])
        shape[axis - 1] = sum(self.shapes[value][axis - 1] for value in values)
        return self.node("Concat", *values, shape=shape, axis=axis)

    def reshape(self, x: str, *shape: int) -> str:
        """With a batch of 1 written into the shape, as tracing exporters do."""
        return self.node("Reshape", x, self.integers(1, *shape), shape=shape)

    def transpose(self, x: str, *order: int) -> str:
        """``order`` includes the batch, which stays first."""
        shape = [self.shapes[x][axis - 1] for axis in order[1:]]
        return self.node("Transpose", x, shape=shape, perm=order)

    def slice(self, x: str, start: int, end: int, axis: int = 1) -> str:
        shape = list(self.shapes[x])
        shape[axis - 1] = min(end, shape[axis - 1]) - start
        bounds = (self.integers(v) for v in (start, end, axis, 1))
        return self.node("Slice", x, *bounds, shape=shape)


def divisible(value: float, by: int = 8) -> int:
    """The nearest multiple of ``by`` that is not below nine tenths of ``value``."""
    near = max(by, int(value + by / 2) // by * by)
    return near + by if near < 0.9 * value else near
