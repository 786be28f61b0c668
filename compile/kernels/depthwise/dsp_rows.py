"""Depthwise 3x3 on SMLAD: routines in assembly that go along rows of pairs of one channel.

Two rows of input are regrouped at a time, four channels together, and serve the rows of outputs
above and below them: those of a small map all at once, of others the pairs of rows by turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from ..conv.order import Step
from ..conv_frame import parameters
from ..cortex_m.dsp import Scalar, ending, forms
from ..frame import function, rounded
from ..isa.base import Expr, Isa
from .shape import DepthwiseShape

GROUP = 4
BLOCK = 8
"""int32 words of two columns of four channels."""

NUMBERS = 12
"""Words of what a routine is told (csrc/kernels/dsp_depthwise.S)."""

WASTE = 1.15
"""Outputs that may be computed for one that there is: else other code costs less."""

LEAST = 2048
"""Bytes of scratch that pairs of rows may take all at once."""


@dataclass(frozen=True)
class Rows:
    """``pairs`` of rows of input, of ``kept`` at a time; ``tiles``: rows of tiles of outputs."""

    columns: int
    tiles: int
    pairs: int
    kept: int

    @property
    def pitch(self) -> int:
        """Words of a pair of rows: also of what a last tile reads beyond the last column."""
        return BLOCK * (-(-self.columns // 2) + 2)


def takes(isa: Isa, shape: DepthwiseShape) -> bool:
    """Whether there are routines for a shape whose rounding is known, and what they do is wanted.

    Tiles are two columns, at stride 1 of two rows.
    """
    if isa.dual or shape.kernel != (3, 3) or shape.stride not in ((1, 1), (2, 2)):
        return False
    if "sums" in {ending(shape, lined) for lined in forms(shape)}:
        return False
    y = shape.y
    done = rounded(y.width, 2) * rounded(y.height, 2 if shape.stride[0] == 1 else 1)
    return y.width > 1 and done <= WASTE * y.width * y.height


def rows_of(shape: DepthwiseShape) -> Rows:
    """How the rows of a shape that ``takes`` are taken."""
    stride, y = shape.stride[0], shape.y
    columns = stride * (y.width - 1) + 3
    tiles = -(-y.height // 2) if stride == 1 else y.height
    rows = Rows(columns, tiles, tiles + 1, 2)
    whole = Rows(columns, tiles, tiles + 1, tiles + 1)
    return whole if 4 * whole.kept * whole.pitch <= LEAST else rows


def scratch(shape: DepthwiseShape) -> int:
    """int32 words of scratch memory."""
    rows = rows_of(shape)
    return rows.kept * rows.pitch + NUMBERS


def order(shape: DepthwiseShape) -> list[Step]:
    """Rows of tiles, before each of which the second of its pairs of rows is regrouped."""
    x, y, rows = shape.x, shape.y, rows_of(shape)
    high = 2 if shape.stride[0] == 1 else 1
    found = []
    for tile in range(rows.tiles):
        reads = 2 * (tile + 1) * x.row if tile else 0
        last = min(high * (tile + 1), y.height) - 1
        found.append(Step(reads, last * y.row + y.width * y.pixel))
    return found if rows.kept < rows.pairs else [Step(0, found[-1].writes)]


def build(name: str, isa: Isa, shape: DepthwiseShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, ..., y, scratch)``, as conv_frame.parameters has them."""
    x, y, stride = shape.x, shape.y, shape.stride[0]
    channels = rounded(y.channels, isa.vector)
    rows = rows_of(shape)
    numbers = rows.kept * rows.pitch
    per_channel = 6
    high = 2 if stride == 1 else 1
    lines = stride * (y.height - 1) + 3
    whole = rows.kept == rows.pairs

    def body(**p: Any) -> None:
        finish = Scalar(shape, p)
        spare = p["scratch"]
        fixed = [
            y.pixel,
            y.row + y.pixel,
            4 * rows.pitch,
            4 * BLOCK * stride * (y.width // 2),
            rows.tiles if whole else 1,
            y.width % 2,
            y.height % high,
            high * y.row,
        ]
        for n, value in enumerate(fixed):
            T.buffer_store(spare, T.int32(value), [numbers + 4 + n])

        def pairs(group: Expr, number: Expr, slot: Expr) -> None:
            """Regroups a pair of rows; the last one's second row may be beyond the input."""
            down: Any = T.int32(x.row)
            if lines % 2:
                down = T.Select(number == rows.pairs - 1, T.int32(0), down)
            T.evaluate(
                T.call_extern(
                    "int32",
                    "pv_dsp_pairs",
                    T.address_of(p["x"][number * (2 * x.row) + group * GROUP]),
                    T.address_of(spare[slot * rows.pitch]),
                    down,
                    T.int32(x.pixel),
                    T.int32(rows.columns),
                )
            )

        def channel(number: Expr, which: Expr, first: Expr, row: Expr) -> None:
            def along(lined: bool) -> None:
                table = finish.channel(number, lined)
                scale, start = table.scale, finish.zero if table.start is None else table.start
                if scale.ty.dtype == "float32":
                    scale = T.reinterpret(scale, dtype="int32")
                bias = T.bind(p["bias"].vload([number], "int32"))
                for n, value in enumerate((scale, start, bias, bias)):
                    T.buffer_store(spare, value, [numbers + n])
                end = ending(shape, lined) + ("_relu" if shape.rounding.rectified else "")
                T.evaluate(
                    T.call_extern(
                        "int32",
                        f"pv_dsp_depthwise{stride}_{end}",
                        T.address_of(spare[first * rows.pitch + which * 2]),
                        T.address_of(p["w"][number * per_channel]),
                        T.address_of(p["y"][row * (high * y.row) + number]),
                        T.address_of(spare[numbers]),
                    )
                )

            finish.each(number, along)

        with T.serial(0, channels // GROUP) as group:
            if whole:
                with T.serial(0, rows.pairs) as number:
                    pairs(group, number, number)
                with T.serial(0, GROUP) as which:
                    channel(T.bind(group * GROUP + which), which, T.int32(0), T.int32(0))
            else:
                pairs(group, T.int32(0), T.int32(0))
                with T.serial(0, rows.tiles) as row:
                    first = T.bind(row % 2)
                    pairs(group, row + 1, 1 - first)
                    pitch = T.Select(first == 0, T.int32(4 * rows.pitch), T.int32(-4 * rows.pitch))
                    T.buffer_store(spare, pitch, [numbers + 6])
                    if y.height % high:
                        left = T.Cast("int32", row == rows.tiles - 1)
                        T.buffer_store(spare, left, [numbers + 10])
                    with T.serial(0, GROUP) as which:
                        channel(T.bind(group * GROUP + which), which, first, row)

    weights = channels * per_channel
    return function(name, parameters(isa, shape, channels, weights, "int32", scratch(shape)), body)
