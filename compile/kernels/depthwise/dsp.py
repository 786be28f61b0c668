"""Depthwise convolution on SMLAD: pairs of rows of one channel, shared by two rows of outputs.

The input rows of a row tile are regrouped in scratch memory, four channels at a time, to words
that hold one channel of two rows. A row of outputs begins at the first or at the second row of a
pair: ``w[j], w[j + 1]`` in one word serve both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv.order import Step, twice
from ..conv_frame import parameters
from ..cortex_m.dsp import Scalar, bottoms, dsp, halves, load, tops
from ..defaults import any_words, no_tiles
from ..frame import function, rounded
from ..isa.base import Expr, Isa
from ..packed import Packed
from . import dsp_rows
from .shape import DepthwiseShape

GROUP = 4


@dataclass(frozen=True)
class RowTile:
    """``rows`` of outputs: their ``pairs`` of input rows, and the dots of one column of taps.

    A dot is (output row, pair, instruction, index of its word of weights).
    """

    rows: int
    pairs: int
    lines: int
    dots: tuple[tuple[int, int, str, int], ...]


def row_tile_of(kernel: int, stride: int, rows: int) -> RowTile:
    """The dots of ``rows`` rows of outputs."""
    lines = stride * (rows - 1) + kernel
    pairs = -(-lines // 2)
    dots = []
    for row in range(rows):
        for pair in range(pairs):
            first = 2 * pair - stride * row
            if first >= 0 and first + 1 < kernel:
                dots.append((row, pair, "smlad", first))
            elif first == -1:
                dots.append((row, pair, "smlatb", 0))
            elif first == kernel - 1:
                dots.append((row, pair, "smlabt", kernel - 2))
    return RowTile(rows, pairs, lines, tuple(dots))


FRACTION = 32
RECTIFIES = True
TOGETHER = 1
tile_bounds = no_tiles
words = any_words


def fits(isa: Isa, shape: DepthwiseShape) -> bool:
    """Whether there are two rows of taps to pair."""
    return shape.kernel[0] > 1


def packed(isa: Isa, shape: DepthwiseShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order, and the scratch memory of a call."""
    return Packed(pack(isa, weight), rounded(len(weight), isa.vector), scratch(isa, shape))


def pack(isa: Isa, weight: np.ndarray) -> np.ndarray:
    """int8 (C, 1, kh, kw) to int16 (C rounded up, kw, kh - 1, 2): neighbours of a column."""
    channels = weight.shape[0]
    columns = np.zeros((rounded(channels, isa.vector), *weight.shape[:1:-1]), np.int16)
    columns[:channels] = weight[:, 0].transpose(0, 2, 1)
    return np.ascontiguousarray(np.stack([columns[:, :, :-1], columns[:, :, 1:]], axis=3))


def scratch(isa: Isa, shape: DepthwiseShape) -> int:
    """int32 words of scratch memory."""
    if dsp_rows.takes(isa, shape):
        return dsp_rows.scratch(shape)
    return (
        GROUP * _columns(shape) * row_tile_of(shape.kernel[0], shape.stride[0], _high(shape)).pairs
    )


def _columns(shape: DepthwiseShape) -> int:
    return shape.stride[1] * (shape.y.width - 1) + shape.kernel[1]


def _high(shape: DepthwiseShape) -> int:
    return min(shape.y.height, 2 if shape.stride[0] == 1 else 1)


def order(isa: Isa, shape: DepthwiseShape, grid: bool) -> list[Step] | None:
    """Row tiles of a group of channels, which on a grid share no byte with those of others.

    Between the rows of one tile nothing but TIR decides what comes first.
    """
    if not grid:
        return None
    if dsp_rows.takes(isa, shape):
        return dsp_rows.order(shape)
    x, y, high = shape.x, shape.y, _high(shape)
    ends = [min(row + high, y.height) for row in range(0, y.height, high)]
    rows = range(0, y.height, high)
    return twice(
        [
            Step(row * shape.stride[0] * x.row, (end - 1) * y.row + y.width * y.pixel)
            for row, end in zip(rows, ends, strict=True)
        ]
    )


def build(name: str, isa: Isa, shape: DepthwiseShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, ..., y, scratch)``, as conv_frame.parameters has them."""
    if dsp_rows.takes(isa, shape):
        return dsp_rows.build(name, isa, shape)
    x, y, other = shape.x, shape.y, shape.other
    channels = rounded(y.channels, isa.vector)
    kh, kw = shape.kernel
    down, across = shape.stride
    columns = _columns(shape)
    per_channel = kw * (kh - 1)

    def body(**p: Any) -> None:
        finish = Scalar(shape, p)
        spare = p["scratch"]

        def regroup(rows: RowTile, group: Expr, row: Expr) -> None:
            with T.serial(0, columns) as column:
                at = row * (down * x.row) + column * x.pixel + group * GROUP
                for pair in range(rows.pairs):
                    upper = halves(load(p["x"], at + 2 * pair * x.row))
                    lower = upper
                    if 2 * pair + 1 < rows.lines:
                        lower = halves(load(p["x"], at + (2 * pair + 1) * x.row))
                    for half in range(2):
                        for which, joined in ((half, bottoms), (half + 2, tops)):
                            words = joined(upper[half], lower[half])
                            place = (which * columns + column) * rows.pairs + pair
                            T.buffer_store(spare, words, [place])

        def tile(
            rows: RowTile, row: Expr, left: Expr, wide: int, which: Expr, channel: Expr, table: Any
        ) -> None:
            acc = T.alloc_buffer((rows.rows * wide,), "int32", scope="local")
            for n in range(rows.rows * wide):
                T.buffer_store(acc, table[0], [n])
            first = which * columns + left * across
            weights: dict[tuple[int, int], Expr] = {}
            for column in range(across * (wide - 1) + kw):
                words = [
                    T.bind(spare.vload([(first + column) * rows.pairs + pair], "int32"))
                    for pair in range(rows.pairs)
                ]
                for m in range(wide):
                    kx = column - m * across
                    if not 0 <= kx < kw:
                        continue
                    for r, pair, instruction, word in rows.dots:
                        if (kx, word) not in weights:
                            at = channel * per_channel + kx * (kh - 1) + word
                            weights[kx, word] = T.bind(p["w"].vload([at], "int32"))
                        total = acc.vload([r * wide + m], "int32")
                        total = dsp(instruction, words[pair], weights[kx, word], total)
                        T.buffer_store(acc, total, [r * wide + m])
            for r in range(rows.rows):
                for m in range(wide):
                    addend = None
                    if other:
                        at = (row + r) * other.row + (left + m) * other.pixel + channel
                        addend = T.Cast("int32", p["other"].vload([at], "int8"))
                    value = finish.stored(acc.vload([r * wide + m], "int32"), table[1], addend)
                    at = (row + r) * y.row + (left + m) * y.pixel + channel
                    T.buffer_store(p["y"], T.Cast("int8", value), [at])

        def row_tile(rows: RowTile, group: Expr, row: Expr) -> None:
            regroup(rows, group, row)
            wide = min(2, y.width)
            with T.serial(0, GROUP) as which:
                channel = T.bind(group * GROUP + which)

                def columns(lined: bool) -> None:
                    bias = T.bind(p["bias"].vload([channel], "int32"))
                    table = bias, finish.channel(channel, lined)
                    full, rest = divmod(y.width, wide)
                    with T.serial(0, full) as column:
                        tile(rows, row, column * wide, wide, which, channel, table)
                    if rest:
                        tile(rows, row, full * wide, rest, which, channel, table)

                finish.each(channel, columns)

        high = _high(shape)
        with T.serial(0, channels // GROUP) as group:
            with T.serial(0, y.height // high) as row:
                row_tile(row_tile_of(kh, down, high), group, row * high)
            if y.height % high:
                row_tile(row_tile_of(kh, down, y.height % high), group, y.height // high * high)

    weights = channels * per_channel
    buffers = parameters(isa, shape, channels, weights, "int32", scratch(isa, shape))
    return function(name, buffers, body)
