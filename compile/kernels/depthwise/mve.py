"""Depthwise convolution on MVE: one channel's window is a few vectors of words of four columns.

VST4 turns four pixels of sixteen channels into sixteen words, a word for every second column of
input. Gathered words are windows (csrc/kernels/mve_windows.S): at stride 1 one holds four outputs,
two by two, whose weights are shifted against each other; at stride 2 one. Where a window is one
vector and nothing but a rescale follows, results leave the registers that hold the sums
(csrc/kernels/mve_units.S).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv.order import Step, twice
from ..conv_frame import parameters
from ..cortex_m.mve import BYTES, FAR, Eight, ending, gathered, scattered
from ..defaults import any_words, no_tiles
from ..frame import View, function, rounded
from ..isa.base import Expr, Isa
from ..packed import Packed
from .shape import DepthwiseShape

CHANNELS = 16
UNIT = 4
"""Columns of outputs, in two rows, that make a unit of eight results."""

SCRATCH = 16384
"""Bytes of scratch that words and sums should not pass."""

WORDS = 64
"""Bytes of a column of words: sixteen channels of four input columns."""

REACH = 7
"""Largest kernel: a patch of eight rows by eight columns is four vectors."""


@dataclass(frozen=True)
class RowPair:
    """Two rows of outputs: what of the input they need, and where their units find it.

    ``starts``: first input column of each column of words; those from ``tail`` on serve a last unit
    that begins inside the one before, and is one more of the others if it ``follows`` them in the
    words. ``window``: (line, column of words) of each word of a window.
    """

    lines: int
    follows: bool
    starts: tuple[int, ...]
    tail: int
    units: int
    window: tuple[tuple[int, int], ...]

    @property
    def vectors(self) -> int:
        return -(-len(self.window) // 4)


FRACTION = 0
RECTIFIES = True
tile_bounds = no_tiles
words = any_words


def fits(isa: Isa, shape: DepthwiseShape) -> bool:
    """Whether windows are small enough to gather, and outputs enough for a unit."""
    (kh, kw), (down, across) = shape.kernel, shape.stride
    small = 1 < kw <= REACH and kh <= REACH and down == across <= 2
    near = all(view.row + UNIT * view.pixel < FAR for view in (shape.y, shape.other) if view)
    return small and near and shape.y.width >= UNIT and shape.y.height >= 2


def packed(isa: Isa, shape: DepthwiseShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order, and the scratch memory of a call."""
    return Packed(pack(weight, shape), rounded(len(weight), CHANNELS), scratch(shape))


def row_pair_of(shape: DepthwiseShape) -> RowPair:
    """The row pair of a shape that ``fits``."""
    (kh, kw), stride = shape.kernel, shape.stride[0]
    more = 2 - stride  # rows and columns of a patch beyond those of one output
    across = -(-(kw + more) // 4)
    units, rest = divmod(shape.y.width, UNIT)
    windows = UNIT // 2 * stride  # of a unit, side by side
    starts = [2 * n for n in range(units * windows + 2 * (across - 1))]
    tail = len(starts)
    if rest:
        first = stride * (shape.y.width - UNIT)
        starts += [first + 2 * n for n in range(windows + 2 * (across - 1))]
    window = tuple((line, 2 * n) for line in range(kh + more) for n in range(across))
    return RowPair(stride + kh, across == 1 and rest > 0, tuple(starts), tail, units, window)


def pack(weight: np.ndarray, shape: DepthwiseShape) -> np.ndarray:
    """int8 (C, 1, kh, kw) to (C rounded up, vector of a window, output of it, 16)."""
    channels, _, kh, kw = weight.shape
    rows = row_pair_of(shape)
    places = [(0, 0), (0, 1), (1, 0), (1, 1)] if shape.stride[0] == 1 else [(0, 0)]
    packed = np.zeros((rounded(channels, CHANNELS), rows.vectors * 4, len(places), 4), np.int8)
    for word, (line, column) in enumerate(rows.window):
        for place, (down, right) in enumerate(places):
            for byte in range(4):
                ky, kx = line - down, 2 * column + byte - right
                if 0 <= ky < kh and 0 <= kx < kw:
                    packed[:channels, word, place, byte] = weight[:, 0, ky, kx]
    vectors = packed.reshape(len(packed), rows.vectors, 4, len(places), 4)
    return np.ascontiguousarray(vectors.transpose(0, 1, 3, 2, 4))


AHEAD = 64
"""int32 words beyond the columns of words that the loop over units reads for nothing."""


def at_once(shape: DepthwiseShape) -> str | None:
    """The ending of units whose sums are never stored; None: they are.

    A window has one word a line then, so that a last unit follows the others in the words.
    """
    rows = row_pair_of(shape)
    narrow = all(column == 0 for _, column in rows.window)
    return ending(shape) if rows.vectors == 1 and narrow else None


@dataclass(frozen=True)
class Memory:
    """The parts of scratch for ``pairs`` row pairs: where they begin behind the words, in int32."""

    pairs: int
    offsets: int
    sums: int
    last: int
    end: int


def scratch(shape: DepthwiseShape) -> int:
    """int32 words of scratch memory."""
    return _memory(shape).end


def _memory(shape: DepthwiseShape) -> Memory:
    """As many row pairs together, of nearly one number, as scratch should hold."""
    rows, height = row_pair_of(shape), shape.y.height
    total = -(-height // 2)

    def memory(pairs: int, stored: bool) -> Memory:
        lines = rows.lines + 2 * shape.stride[0] * (pairs - 1)
        offsets = WORDS // 4 * lines * len(rows.starts)
        sums = offsets + 4 * rows.vectors
        if not stored:
            return Memory(pairs, offsets, sums, sums, sums + AHEAD)
        last = sums + pairs * CHANNELS * 8 * (rows.units + rows.follows)
        return Memory(pairs, offsets, sums, last, last + pairs * CHANNELS * 8)

    def largest(limit: int, stored: bool) -> Memory:
        fits = (n for n in range(1, total + 1) if n == 1 or memory(n, stored).end <= limit)
        # The last piece of an odd height begins inside the one before it.
        count = max(-(-total // max(fits)), 1 + (height % 2 and total > 1))
        return memory(-(-total // count), stored)

    found = largest(SCRATCH // 4, stored=True)
    # Without sums more row pairs fit in no more memory.
    return found if at_once(shape) is None else largest(found.end, stored=False)


def order(isa: Isa, shape: DepthwiseShape, grid: bool) -> list[Step]:
    """Pieces; the channels of a piece come by groups, which on a grid share no byte."""
    x, y = shape.x, shape.y
    found = []
    for row, pairs in _pieces(shape):
        last = row + 2 * pairs - 1
        reads = row * shape.stride[0] * x.row
        found.append(Step(reads, last * y.row + y.width * y.pixel))
    return found if grid or y.channels <= CHANNELS else twice(found)


def _pieces(shape: DepthwiseShape) -> list[tuple[int, int]]:
    """First row and row pairs of each; the last one of an odd height begins inside another."""
    height, pairs = shape.y.height, _memory(shape).pairs
    total = -(-height // 2)
    rest = total - pairs * (-(-total // pairs) - 1)
    found = [(2 * first, pairs) for first in range(0, total - rest, pairs)]
    return [*found, (height - 2 * rest, rest)]


def build(name: str, isa: Isa, shape: DepthwiseShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y, scratch)``."""
    x, y, other = shape.x, shape.y, shape.other
    channels = rounded(y.channels, CHANNELS)
    stride = shape.stride[0]
    rows = row_pair_of(shape)
    columns = len(rows.starts)
    memory = _memory(shape)
    units = rows.units + rows.follows
    apart = y.width % UNIT > 0 and not rows.follows
    per_channel = BYTES * rows.vectors * (4 if stride == 1 else 1)
    inner = f"pv_mve_{'patches' if stride == 1 else 'windows'}_{rows.vectors}"
    beyond = stride * (y.width - 1) + shape.kernel[1]

    def body(**p: Any) -> None:
        finish = Eight(shape, p)
        end = at_once(shape)
        spare = p["scratch"]
        bytes_ = T.decl_buffer((4 * memory.end,), "int8", data=spare.data)
        for number in range(4 * rows.vectors):
            line, column = (*rows.window, *[(0, 0)] * 3)[number]
            at = T.int32((line * columns + column) * WORDS)
            T.buffer_store(spare, at, [memory.offsets + number])

        def interleave(first: Expr, pixels: list[int], target: Expr) -> None:
            values = [T.bind(p["x"].vload([first + n * x.pixel], f"int8x{BYTES}")) for n in pixels]
            number = T.llvm_lookup_intrinsic_id("llvm.arm.mve.vst4q")
            for stage in range(4):
                place = T.address_of(bytes_[target])
                T.evaluate(T.call_llvm_intrin(number, place, *values, T.int32(stage), dtype="void"))

        def regroup(group: Expr, row: Expr, lines: int) -> None:
            """Columns of words; pixels beyond the last, which meet zero weights, are not read."""
            first = T.bind(row * (stride * x.row) + group * CHANNELS)
            for begin, stop in ((0, rows.tail), (rows.tail, columns)):
                starts = rows.starts[begin:stop]
                inside = sum(start + 4 <= beyond for start in starts)
                if inside:
                    T.evaluate(
                        T.call_extern(
                            "int32",
                            "pv_mve_words",
                            T.address_of(p["x"][first + starts[0] * x.pixel]),
                            T.address_of(bytes_[begin * WORDS]),
                            *map(T.int32, (inside, lines, x.pixel, x.row, columns * WORDS)),
                        )
                    )
                if inside < len(starts):
                    with T.serial(0, lines) as line:
                        for number in range(inside, len(starts)):
                            pixels = [min(starts[number] + n, beyond - 1) for n in range(4)]
                            target = (line * columns + begin + number) * WORDS
                            interleave(first + line * x.row, pixels, target)

        def present(group: Expr) -> Expr:
            """Channels of a group that there are."""
            if y.channels % CHANNELS == 0:
                return T.int32(CHANNELS)
            return T.bind(T.min(T.int32(CHANNELS), y.channels - group * CHANNELS))

        def dots(group: Expr, start: Expr, units: int, to: Expr) -> None:
            pitch = stride * columns * WORDS
            T.evaluate(
                T.call_extern(
                    "int32",
                    inner,
                    T.address_of(bytes_[start]),
                    T.address_of(p["w"][group * (CHANNELS * per_channel)]),
                    T.address_of(spare[to]),
                    T.int32(units),
                    T.address_of(spare[memory.offsets]),
                    T.int32(pitch),
                    present(group),
                )
            )

        def places(view: View) -> list[int]:
            """Bytes from a unit's first output to each of its eight results, by turns."""
            found = []
            for n in range(8):
                if stride == 1:  # of two windows by turns: left and right, above and below
                    window, place = n % 2, n // 2
                    found.append(place // 2 * view.row + (2 * window + place % 2) * view.pixel)
                else:  # of the row above and the one below by turns
                    found.append(n % 2 * view.row + n // 2 * view.pixel)
            return found

        def finish_unit(channel: Expr, at: Expr, row: Expr, left: Any, tables: Any) -> None:
            pair = tuple(T.bind(spare.vload([at + 4 * n], "int32x4")) for n in (0, 1))
            addend = None
            if other:
                start = row * other.row + left * other.pixel + channel
                addend = gathered(p["other"], start, places(other))
            words = finish.words(pair, tables, addend)
            scattered(p["y"], row * y.row + left * y.pixel + channel, places(y), words)

        def units_at_once(group: Expr, row: Expr, pairs: int, end: str) -> None:
            """All results of a group, from words to bytes."""
            offsets = places(y)
            halves = [offsets[n] | offsets[n + 1] << 16 for n in range(0, 8, 2)]
            rest = y.width % UNIT
            pitch, step = stride * columns * WORDS, UNIT * y.pixel
            tail = (rest - UNIT) * y.pixel if rest else 0
            lines = 2 * pitch - units * (2 * stride * WORDS)
            down = 2 * y.row - units * step - tail
            T.evaluate(
                T.call_extern(
                    "int32",
                    f"pv_mve_{'patch' if stride == 1 else 'window'}_units_{end}",
                    T.address_of(bytes_[0]),
                    T.address_of(p["w"][group * (CHANNELS * per_channel)]),
                    T.address_of(p["y"][row * y.row + group * CHANNELS]),
                    T.address_of(p["bias"][group * CHANNELS]),
                    T.address_of(p["scale"][group * CHANNELS]),
                    T.address_of(spare[memory.offsets]),
                    *(T.int32(word - (word >> 31 << 32)) for word in halves),
                    present(group),
                    *map(T.int32, (pairs, lines, down, rows.units, tail, pitch, step)),
                    finish.i["zero"],
                )
            )

        def piece(row: Expr, pairs: int) -> None:
            """The rows of some row pairs, sixteen channels at a time."""
            with T.serial(0, channels // CHANNELS) as group:
                regroup(group, row, rows.lines + 2 * stride * (pairs - 1))
                if end is not None:
                    units_at_once(group, row, pairs, end)
                else:
                    units_in_steps(group, row, pairs)

        def units_in_steps(group: Expr, row: Expr, pairs: int) -> None:
            """The same by way of sums in scratch memory."""
            with T.serial(0, pairs) as number:
                start = T.bind(number * (2 * stride * columns * WORDS))
                dots(group, start, units, memory.sums + number * (CHANNELS * 8 * units))
                if apart:
                    to = memory.last + number * (CHANNELS * 8)
                    dots(group, start + rows.tail * WORDS, 1, to)
            with T.serial(0, present(group)) as which:
                channel = T.bind(group * CHANNELS + which)
                tables = finish.channel(channel)
                with T.serial(0, pairs) as number:
                    own = T.bind(number * CHANNELS + which)
                    sums = T.bind(memory.sums + own * (8 * units))
                    line = T.bind(row + number * 2)
                    with T.serial(0, rows.units) as unit:
                        finish_unit(channel, sums + unit * 8, line, unit * UNIT, tables)
                    if y.width % UNIT:
                        last = memory.last + own * 8 if apart else sums + rows.units * 8
                        finish_unit(channel, last, line, y.width - UNIT, tables)

        total = -(-y.height // 2)
        count = -(-total // memory.pairs)
        rest = total - memory.pairs * (count - 1)
        whole = count if rest == memory.pairs and y.height % 2 == 0 else count - 1
        with T.serial(0, whole) as number:
            piece(number * (2 * memory.pairs), memory.pairs)
        if whole < count:
            piece(T.int32(y.height - 2 * rest), rest)

    weights = channels * per_channel
    return function(name, parameters(isa, shape, channels, weights, scratch=scratch(shape)), body)
