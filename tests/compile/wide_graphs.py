"""Builds graphs of operators beyond convolutions: moves of values, float32, tables by channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import (
    Concat,
    Constant,
    Graph,
    Move,
    Op,
    Select,
    Table,
)

from .graphs import Builder


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
