"""Builds int8 graphs by hand; scales are chosen on sample inputs, so that results stay lively."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.arithmetic.file_rule import product_factor, sum_factors
from pocketvision.compile.graph import (
    Add,
    Concat,
    Conv,
    FusedActivation,
    FusedAdd,
    Graph,
    Multiply,
    Op,
    Pool,
    Rescale,
    Table,
    Tensor,
)

Pair = tuple[int, int]
Pads = tuple[int, int, int, int]
NO_PADS = (0, 0, 0, 0)


class Builder:
    """Appends operators; each method returns the name of the tensor that it writes.

    Every operator is executed at once on sample inputs. ``spread`` is the standard deviation that
    a result shall have in int8 steps; numbers that no caller gives are drawn from ``random``. With
    ``tame`` no scale is absurd.
    """

    def __init__(
        self,
        seed: int,
        shape: tuple[int, int, int],
        *,
        zero: int | None = None,
        samples: int = 2,
        tame: bool = False,
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.coin = np.random.default_rng([seed, 1])
        self.tame = tame
        self.tensors: dict[str, Tensor] = {}
        self.ops: list[Op] = []
        self.values: dict[str, np.ndarray] = {}
        self.input = self.tensor(shape, zero, 0.05, "input")
        self.values[self.input] = inputs(self.random, samples, self.tensors[self.input])
        self.inputs = [self.input]

    def more_input(self, shape: tuple[int, int, int], zero: int | None = None) -> str:
        """Another input of the network."""
        name = self.tensor(shape, zero, 0.05, f"input {len(self.inputs)}")
        self.values[name] = inputs(self.random, len(self.values[self.input]), self.tensors[name])
        self.inputs.append(name)
        return name

    def graph(self, *outputs: str) -> Graph:
        """The graph so far, with ``outputs`` as its results."""
        ends = tuple(self.inputs), outputs
        return Graph("built", dict(self.tensors), tuple(self.ops), *ends).validate()

    def tensor(
        self,
        shape: tuple[int, int, int],
        zero: int | None = None,
        scale: float | None = None,
        name: str = "",
    ) -> str:
        """A new activation; a zero point that is not given is often at an end of int8."""
        if zero is None:
            ends = (-128, 127, 0)
            drawn = self.random.integers(-128, 128)
            zero = int(drawn if self.random.random() < 0.7 else self.random.choice(ends))
        if scale is None:
            scale = float(np.exp2(self.random.uniform(-6, 2)))
        name = name or f"t{len(self.tensors)}"
        self.tensors[name] = Tensor(name, *shape, scale, zero)
        return name

    def conv(
        self,
        x: str,
        outputs: int = 0,
        kernel: Pair = (1, 1),
        *,
        stride: Pair = (1, 1),
        pads: Pads = NO_PADS,
        groups: int = 1,
        zero: int | None = None,
        like: str = "",
        add: str = "",
        two_scales: bool = False,
        clamp: Pair = (-128, 127),
        spread: float = 40.0,
        weight: np.ndarray | None = None,
        bias: np.ndarray | None = None,
    ) -> str:
        """Convolution; ``like``: a tensor whose quantisation the result takes; ``add``: a tensor
        that is added where the result leaves; ``two_scales``: a PReLU before that."""
        source = self.tensors[x]
        outputs = outputs or source.channels
        if weight is None:
            size = (outputs, source.channels // groups, *kernel)
            weight = self.random.integers(-128, 128, size).astype(np.int8)
        if bias is None:
            bias = self.random.integers(-3000, 3000, outputs).astype(np.int32)
        shape = (*windows(source, weight.shape[2:], stride, pads), outputs)
        if like:
            y = self.tensor(shape, self.tensors[like].zero_point, self.tensors[like].scale)
        else:
            y = self.tensor(shape, zero)
        op = Conv(
            name=f"conv_{y}", inputs=(x,), output=y, low=clamp[0], high=clamp[1], weight=weight,
            bias=bias, scale=np.ones(outputs, np.float32), stride=stride, pads=pads, groups=groups,
        )  # fmt: skip
        acc = reference.accumulate(op, self.values[x], source.zero_point, shape[:2])
        scale = self._scales(spread / max(float(acc.std()), 1.0), outputs)
        op = replace(op, scale=scale)
        if two_scales:
            op = self._activated(op)
        if add:
            op = self._fused(op, add)
        return self._append(op)

    def depthwise(self, x: str, kernel: Pair = (3, 3), **options: object) -> str:
        """Depthwise convolution; ``options`` as for ``conv``."""
        channels = self.tensors[x].channels
        return self.conv(x, channels, kernel, groups=channels, **options)  # type: ignore[arg-type]

    def rescale(
        self,
        x: str,
        *,
        two_scales: bool = False,
        clamp: Pair = (-128, 127),
        zero: int | None = None,
        like: str = "",
        factor: float | None = None,
    ) -> str:
        """Requantisation, or a PReLU (``two_scales``); ``factor`` is one for all channels."""
        source = self.tensors[x]
        if like:
            y = self.tensor(source.shape, self.tensors[like].zero_point, self.tensors[like].scale)
        else:
            y = self.tensor(source.shape, zero)
        if factor is None:
            scale = self._scales(1.0, source.channels)
        else:
            scale = np.full(source.channels, factor, np.float32)
        negative = scale * self._slopes(source.channels) if two_scales else scale
        if factor is None:
            scale, negative = self._snapped(scale, negative)
        return self._append(
            Rescale(
                name=f"rescale_{y}",
                inputs=(x,),
                output=y,
                low=clamp[0],
                high=clamp[1],
                scale=scale,
                negative_scale=negative,
            )  # fmt: skip
        )

    def add(self, a: str, b: str, *, clamp: Pair = (-128, 127), zero: int | None = None) -> str:
        """Sum of two tensors of one shape."""
        y = self._sum_tensor(a, b, zero)
        total, _ = sum_factors(self.tensors[a], self.tensors[b], self.tensors[y])
        return self._append(
            Add(name=f"add_{y}", inputs=(a, b), output=y, low=clamp[0], high=clamp[1], sum=total)
        )

    def multiply(
        self, a: str, b: str, *, clamp: Pair = (-128, 127), zero: int | None = None
    ) -> str:
        """Product of two tensors of one shape, or of a tensor and one pixel."""
        first, second = self.tensors[a], self.tensors[b]
        y = self.tensor(first.shape, zero, first.scale * second.scale * 50)
        scale, _ = product_factor(first, second, self.tensors[y])
        return self._append(
            Multiply(
                name=f"multiply_{y}",
                inputs=(a, b),
                output=y,
                low=clamp[0],
                high=clamp[1],
                scale=scale,
            )  # fmt: skip
        )

    def table(self, x: str, *, clamp: Pair = (-128, 127)) -> str:
        """Any function of a value: a random one."""
        y = self.tensor(self.tensors[x].shape)
        values = self.random.integers(-128, 128, 256).astype(np.int8)
        return self._append(
            Table(
                name=f"table_{y}", inputs=(x,), output=y, low=clamp[0], high=clamp[1], table=values
            )
        )

    def pool(
        self,
        x: str,
        kind: str,
        kernel: Pair,
        *,
        stride: Pair = (1, 1),
        pads: Pads = NO_PADS,
        counted: bool = False,
        clamp: Pair = (-128, 127),
        zero: int | None = None,
    ) -> str:
        """Pooling; ``counted``: an average counts its padding."""
        source = self.tensors[x]
        shape = (*windows(source, kernel, stride, pads), source.channels)
        if kind == "max":
            y = self.tensor(shape, source.zero_point, source.scale)
            scale = None
        else:
            y = self.tensor(shape, zero)
            ones = np.ones((1, source.height, source.width, 1), np.int32)
            if counted:
                count = np.full(shape[:2], kernel[0] * kernel[1])
            else:
                seen = reference.windows(ones, kernel, stride, pads, 0, shape[:2])
                count = seen.sum(axis=(4, 5))[0, :, :, 0]
            factor = float(np.exp2(self.random.uniform(-1, 2)))
            scale = (factor / count).astype(np.float32)
        return self._append(
            Pool(
                name=f"pool_{y}",
                inputs=(x,),
                output=y,
                low=clamp[0],
                high=clamp[1],
                kind=kind,
                kernel=kernel,
                stride=stride,
                pads=pads,
                scale=scale,
            )  # fmt: skip
        )

    def concat(self, *parts: str) -> str:
        """Channels side by side; all parts must share the first one's quantisation."""
        first = self.tensors[parts[0]]
        assert {self.tensors[p].quantisation for p in parts} == {first.quantisation}
        channels = sum(self.tensors[part].channels for part in parts)
        shape = (first.height, first.width, channels)
        y = self.tensor(shape, first.zero_point, first.scale)
        return self._append(Concat(name=f"concat_{y}", inputs=parts, output=y))

    def _append(self, op: Op) -> str:
        self.ops.append(op)
        graph = Graph("built", self.tensors, (op,), self.input, op.output)
        self.values[op.output] = reference.execute(graph, op, [self.values[n] for n in op.inputs])
        return op.output

    def _activated(self, op: Conv) -> Conv:
        outputs = len(op.bias)
        scale = np.float32(self.random.choice([1.0, 0.5, self.random.uniform(0.4, 2.5)]))
        low, high = sorted(self.random.integers(-128, 128, 2))
        wide = self.random.random() < 0.7
        positive, negative = self._snapped(np.array([scale]), scale * self._slopes(outputs))
        middle = FusedActivation(
            positive[0], negative, int(self.random.integers(-128, 128)),
            -128 if wide else int(low), 127 if wide else int(high),
        )  # fmt: skip
        return replace(op, activation=middle)

    def _fused(self, op: Conv, other: str) -> Conv:
        own = self.tensors[op.output]
        y = self._sum_tensor(op.output, other, None)
        total, _ = sum_factors(own, self.tensors[other], self.tensors[y])
        added = FusedAdd(total, own.zero_point, op.low, op.high)
        return replace(op, inputs=(op.inputs[0], other), output=y, low=-128, high=127, add=added)

    def _sum_tensor(self, a: str, b: str, zero: int | None) -> str:
        ratio = float(np.exp2(self.random.uniform(-1, 2)))
        larger = max(self.tensors[a].scale, self.tensors[b].scale)
        return self.tensor(self.tensors[a].shape, zero, larger * ratio)

    def _scales(self, typical: float, channels: int) -> np.ndarray:
        """Around ``typical``; sometimes powers of two (ties), sometimes absurdly small or large."""
        scale = typical * np.exp2(self.random.uniform(-1.5, 1.5, channels))
        draw = 1.0 if self.tame else self.random.random()
        if draw < 0.2:
            scale = np.exp2(np.rint(np.log2(scale)))
        elif draw < 0.35:
            odd = self.random.random(channels) < 0.1
            scale = np.where(odd, scale * self.random.choice([0, 1e-6, 1e4, 1e20], channels), scale)
        return scale.astype(np.float32)

    def _snapped(self, scale: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half of the time odd multiples of a power of two: exact in 16-bit words."""
        if self.coin.random() < 0.5:
            return scale, negative
        largest = max(float(np.abs(scale).max()), float(np.abs(negative).max()), 1e-6)
        unit = 2.0 ** (max(0, math.ceil(math.log2(largest * 2**15 / (2**15 - 2)))) - 15)
        odd = [2 * np.floor(np.float64(v) / unit / 2) + 1 for v in (scale, negative)]
        return np.float32(odd[0] * unit), np.float32(odd[1] * unit)

    def _slopes(self, channels: int) -> np.ndarray:
        return self.random.uniform(-0.5, 1.2, channels).astype(np.float32)


def windows(x: Tensor, kernel: Pair, stride: Pair, pads: Pads) -> Pair:
    """Height and width of what windows over ``x`` give."""
    height = (x.height + pads[0] + pads[2] - kernel[0]) // stride[0] + 1
    width = (x.width + pads[1] + pads[3] - kernel[1]) // stride[1] + 1
    return height, width


def inputs(random: np.random.Generator, count: int, tensor: Tensor) -> np.ndarray:
    """int8 (count, H, W, C): noise first, then only extremes, then noise around the zero point."""
    shape = (count, *tensor.shape)
    drawn = random.integers(-128, 128, shape)
    drawn[1::3] = random.choice([-128, 127], drawn[1::3].shape)
    near = random.normal(tensor.zero_point, 6, drawn[2::3].shape)
    drawn[2::3] = np.clip(np.rint(near), -128, 127)
    return drawn.astype(np.int8)


def smooth_inputs(graph: Graph, count: int) -> np.ndarray:
    """Noise of every coarseness, from one shade to single pixels, as bytes of a picture."""
    height, width, channels = graph.tensors[graph.inputs[0]].shape
    random = np.random.default_rng(9)
    found = np.empty((count, height, width, channels), np.int8)
    for index in range(count):
        step = int(random.choice([1, 2, 4, 8, 16, 56]))
        cells = (-(-height // step), -(-width // step), channels)
        coarse = random.integers(-128, 128, cells)
        fine = coarse.repeat(step, 0).repeat(step, 1)[:height, :width]
        found[index] = np.clip(fine + random.normal(0, 4, fine.shape), -128, 127)
    return found


def in_batches(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The reference's results, ten inputs at a time: it keeps every tensor."""
    return np.concatenate([reference.run(graph, x[i : i + 10]) for i in range(0, len(x), 10)])
