"""Builds graphs of operators beyond convolutions: moves of values, float32, tables by channel."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.arithmetic.scales import Norm
from pocketvision.compile.graph import (
    ArgMax,
    Concat,
    Constant,
    Conv,
    Dequantise,
    Graph,
    Interpolate,
    LayerNorm,
    MatMul,
    Move,
    Op,
    Pool,
    Quantise,
    RealBinary,
    RealConv,
    RealUnary,
    Select,
    Softmax,
    Table,
    Tensor,
)

from .graphs import NO_PADS, Builder, Pads, Pair, windows


class WideBuilder(Builder):
    """``Builder`` with the operators that ordinary networks need besides."""

    def _append(self, op: Op) -> str:
        self.ops.append(op)
        graph = Graph("built", self.tensors, (op,), self.input, op.output)
        operands = [self.values[name] for name in op.inputs]
        count = len(self.values[self.input])
        self.values[op.output] = reference.execute(graph, op, operands, count)
        return op.output

    def _like(self, x: str, shape: tuple[int, ...]) -> str:
        """A tensor of another shape with the type and quantisation of ``x``."""
        name = f"t{len(self.tensors)}"
        sizes = dict(zip(("height", "width", "channels"), shape, strict=True))
        self.tensors[name] = replace(self.tensors[x], name=name, whole=None, **sizes)
        return name

    def move(self, x: str, shape: tuple[int, ...], order: tuple[int, ...], to: tuple) -> str:
        """Reshape to ``shape``, transpose by ``order``, reshape to the three sizes ``to``."""
        y = self._like(x, to)
        return self._append(Move(name=f"move_{y}", inputs=(x,), output=y, shape=shape, order=order))

    def select(self, x: str, rows: object, columns: object, channels: object) -> str:
        """Indices of each axis, -1 for the zero point; None: the whole axis."""
        source = self.tensors[x]
        index = [
            np.arange(size) if given is None else np.asarray(given)
            for given, size in zip((rows, columns, channels), source.shape, strict=True)
        ]
        y = self._like(x, tuple(map(len, index)))
        own = [values.astype(np.int32) for values in index]
        fill = -1.5 if source.real else source.zero_point
        return self._append(
            Select(
                name=f"select_{y}", inputs=(x,), output=y, rows=own[0], columns=own[1],
                channels=own[2], fill=fill,
            )
        )  # fmt: skip

    def concat_along(self, axis: int, *parts: str) -> str:
        """``concat`` along any axis."""
        shape = list(self.tensors[parts[0]].shape)
        shape[axis] = sum(self.tensors[part].shape[axis] for part in parts)
        y = self._like(parts[0], tuple(shape))
        return self._append(Concat(name=f"concat_{y}", inputs=parts, output=y, axis=axis))

    def constant(self, shape: tuple[int, int, int], like: str) -> str:
        """Random values of the type and quantisation of ``like``."""
        y = self._like(like, shape)
        if self.tensors[y].real:
            values = self.random.normal(0, 2, shape).astype(np.float32)
        else:
            values = self.random.integers(-128, 128, shape).astype(np.int8)
        return self._append(Constant(name=f"constant_{y}", inputs=(), output=y, values=values))

    def tables(self, x: str) -> str:
        """A random function for each channel."""
        source = self.tensors[x]
        y = self.tensor(source.shape)
        values = self.random.integers(-128, 128, (source.channels, 256)).astype(np.int8)
        return self._append(Table(name=f"tables_{y}", inputs=(x,), output=y, table=values))

    def real_tensor(self, shape: tuple[int, ...]) -> str:
        """A new activation of float32."""
        name = f"t{len(self.tensors)}"
        self.tensors[name] = Tensor(name, *shape, 1.0, 0, dtype="float32")
        return name

    def real_input(self, shape: tuple[int, int, int]) -> str:
        """Another input of the network, of float32."""
        name = self.real_tensor(shape)
        self.values[name] = real_inputs(self.random, len(self.values[self.input]), shape)
        self.inputs.append(name)
        return name

    def real_conv(
        self,
        x: str,
        outputs: int,
        kernel: Pair = (1, 1),
        *,
        stride: Pair = (1, 1),
        pads: Pads = NO_PADS,
        groups: int = 1,
    ) -> str:
        """Convolution whose sums leave as float32."""
        source = self.tensors[x]
        size = (outputs, source.channels // groups, *kernel)
        weight = self.random.integers(-128, 128, size).astype(np.int8)
        bias = self.random.integers(-3000, 3000, outputs).astype(np.int32)
        scale = (1e-3 * np.exp2(self.random.uniform(-3, 3, outputs))).astype(np.float32)
        y = self.real_tensor((*windows(source, kernel, stride, pads), outputs))
        return self._append(
            Conv(
                name=f"conv_{y}", inputs=(x,), output=y, weight=weight, bias=bias, scale=scale,
                stride=stride, pads=pads, groups=groups,
            )
        )  # fmt: skip

    def dequantise(self, x: str) -> str:
        """The real values of int8."""
        y = self.real_tensor(self.tensors[x].shape)
        return self._append(Dequantise(name=f"dequantise_{y}", inputs=(x,), output=y))

    def quantise(self, x: str, *, clamp: Pair = (-128, 127), scale: float = 0.0) -> str:
        """int8 of real values; most of them fit, unless a scale is given."""
        largest = float(np.nanmax(np.abs(self.values[x]), initial=1e-3, where=True))
        y = self.tensor(self.tensors[x].shape, scale=scale or min(largest, 1e30) / 90)
        low, high = clamp
        return self._append(
            Quantise(name=f"quantise_{y}", inputs=(x,), output=y, low=low, high=high)
        )

    def unary(self, x: str, kind: str, *, slopes: int = 0) -> str:
        """A function; ``slopes`` of a PReLU, 1 or the channels; a clip has random ends."""
        y = self.real_tensor(self.tensors[x].shape)
        options: dict[str, object] = {}
        if kind == "prelu":
            options["slope"] = self.random.uniform(-1, 1, slopes).astype(np.float32)
        if kind == "clip":
            least, most = sorted(np.float32(self.random.normal(0, 1, 2)))
            options = {"least": float(least), "most": float(most)}
        op = RealUnary(name=f"{kind}_{y}", inputs=(x,), output=y, kind=kind, **options)  # type: ignore[arg-type]
        return self._append(op)

    def float_conv(
        self, x: str, outputs: int, kernel: Pair, *, stride: Pair = (1, 1), pads: Pads = NO_PADS,
        groups: int = 1,
    ) -> str:  # fmt: skip
        """A convolution of float32."""
        source = self.tensors[x]
        size = (outputs, source.channels // groups, *kernel)
        y = self.real_tensor((*windows(source, kernel, stride, pads), outputs))
        return self._append(
            RealConv(
                name=f"float_conv_{y}", inputs=(x,), output=y, stride=stride, pads=pads,
                weight=self.random.normal(0, 1, size).astype(np.float32),
                bias=self.random.normal(0, 1, outputs).astype(np.float32), groups=groups,
            )
        )  # fmt: skip

    def argmax(self, x: str, *, last: bool = False) -> str:
        """Which channel is the largest."""
        y = self.real_tensor((*self.tensors[x].shape[:2], 1))
        return self._append(ArgMax(name=f"argmax_{y}", inputs=(x,), output=y, last=last))

    def binary(self, a: str, b: str, kind: str) -> str:
        """An operation; an axis of 1 is repeated."""
        shapes = self.tensors[a].shape, self.tensors[b].shape
        y = self.real_tensor(np.broadcast_shapes(*shapes))
        return self._append(RealBinary(name=f"{kind}_{y}", inputs=(a, b), output=y, kind=kind))

    def real_pool(
        self, x: str, kind: str, kernel: Pair, *, stride: Pair = (1, 1), pads: Pads = NO_PADS
    ) -> str:
        """Pooling of float32; averages leave out their padding."""
        source = self.tensors[x]
        shape = windows(source, kernel, stride, pads)
        ones = np.ones((1, source.height, source.width, 1), np.int32)
        seen = reference.windows(ones, kernel, stride, pads, 0, shape).sum(axis=(4, 5))
        scale = (1 / seen[0, :, :, 0]).astype(np.float32) if kind == "average" else None
        y = self.real_tensor((*shape, source.channels))
        return self._append(
            Pool(
                name=f"pool_{y}", inputs=(x,), output=y, kind=kind, kernel=kernel, stride=stride,
                pads=pads, scale=scale,
            )
        )  # fmt: skip

    def softmax(self, x: str, *, real: bool = False, clamp: Pair = (-128, 127)) -> str:
        """Softmax along the channels, to int8 or to float32."""
        source = self.tensors[x]
        shape = source.shape
        y = (
            self.real_tensor(shape)
            if real
            else self.tensor(shape, scale=2.0 / 256 / shape[2] ** 0.5)
        )
        exponentials = np.exp(-np.arange(256) * min(source.scale, 0.1))
        table = np.rint((2**31 - 1) // shape[2] * exponentials).astype(np.int32)
        low, high = clamp
        return self._append(
            Softmax(name=f"softmax_{y}", inputs=(x,), output=y, low=low, high=high, table=table)
        )

    def matmul(
        self, a: str, b: str, heads: int, beside: tuple[bool, bool, bool] = (False,) * 3,
        *, clamp: Pair = (-128, 127),
    ) -> str:  # fmt: skip
        """A product of two tensors, head by head."""
        first, second = self.tensors[a], self.tensors[b]
        sizes = heads, first.width, second.width
        shape = (1, sizes[1], heads * sizes[2]) if beside[2] else sizes
        y = self.tensor(shape)
        inner = first.channels // (heads if beside[0] else 1)
        scale = np.linspace(0.5, 1.5, heads) / (40 * 70 * math.sqrt(inner))
        low, high = clamp
        return self._append(
            MatMul(
                name=f"matmul_{y}", inputs=(a, b), output=y, low=low, high=high, heads=heads,
                scale=scale.astype(np.float32), beside=beside,
            )
        )  # fmt: skip

    def layer_norm(self, x: str, norm: Norm, *, clamp: Pair = (-128, 127)) -> str:
        """A norm of each pixel."""
        source = self.tensors[x]
        y = self.tensor(source.shape, scale=0.03)
        numbers = norm.numbers(source.channels, source.scale, 0.03)
        low, high = clamp
        return self._append(
            LayerNorm(name=f"norm_{y}", inputs=(x,), output=y, low=low, high=high, **numbers)
        )

    def interpolate(self, x: str, height: int, width: int, *, factor: float = 1.0) -> str:
        """Random neighbours and weights of each row and column."""
        source = self.tensors[x]
        y = self.tensor((height, width, source.channels))
        drawn = [
            (self.random.integers(0, size, count), self.random.integers(0, 2**11 + 1, count))
            for size, count in ((source.height, height), (source.width, width))
        ]
        (rows, down), (columns, across) = [tuple(a.astype(np.int32) for a in d) for d in drawn]
        return self._append(
            Interpolate(
                name=f"interpolate_{y}", inputs=(x,), output=y, rows=rows, columns=columns,
                row_weights=down, column_weights=across, scale=np.float32(factor / 2**22),
            )
        )  # fmt: skip


EVERY, NORMAL = (-140, 120), (-60, 60)
"""Powers of two: all that there are, and those whose products and quotients are normal numbers."""


def real_inputs(
    random: np.random.Generator, count: int, shape: tuple[int, ...], powers: Pair = EVERY
) -> np.ndarray:
    """float32 (count, H, W, C): noise, zeros of both signs, and values of many magnitudes."""
    drawn = random.normal(0, 2, (count, *shape))
    drawn[1::3] = np.exp2(random.uniform(*powers, drawn[1::3].shape)) * np.sign(drawn[1::3])
    zeros = random.random(drawn.shape) < 0.05
    return np.where(zeros, np.copysign(0.0, drawn), drawn).astype(np.float32)
