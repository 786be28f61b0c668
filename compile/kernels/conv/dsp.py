"""Dense, grouped and 1x1 convolution on SMLAD: two output channels by three pixels a tile.

Pixels of a piece, a few rows or a part of one, are widened once to int16 pairs in scratch memory,
for all output channels; the weights of two channels once for all pixels of the piece.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import parameters
from ..cortex_m.dsp import Scalar, Words, bottoms, ending, forms, halves, load
from ..defaults import any_words, every, no_tiles
from ..epilogue import FLOAT, INTS
from ..frame import View, function, rounded
from ..isa.base import Expr, Isa
from ..packed import Packed
from ..rescale.shape import PIECE
from .halves import GROUP, row_halves
from .order import Step
from .shape import ConvShape, input_channels

PIXELS = 3

HEADER = 10
"""Words before two channels' widened weights in scratch memory (csrc/kernels/dsp_frame.inc)."""

SCRATCH = 16384
"""Bytes of scratch that pixels should not pass."""

LEAST = 2048
"""Bytes of scratch that pixels of few channels may take."""

CHUNK = 64
"""Pixels after which the share of widening weights no longer matters."""

NEARLY = 1.04
"""Of the least cycles: what less scratch may cost."""

ONCE = (2, 4, 5, 6, 8, 9, 10, 12, 14, 15, 16)
"""Pairs of inputs for which there is a routine without a loop."""


@dataclass(frozen=True)
class Sizes:
    """Pairs of inputs: of a whole pixel, and those of them that one pair of outputs reads."""

    pixel: int
    read: int


@dataclass(frozen=True)
class Piece:
    """Outputs that are taken together: whole rows, or ``columns`` of a single one."""

    rows: int
    columns: int

    @property
    def tiles(self) -> int:
        return -(-self.rows * self.columns // PIXELS)


@dataclass(frozen=True)
class Memory:
    """Where the parts of scratch begin behind the pixels, in int32; ``end`` is its length."""

    weights: int
    places: int
    sums: int
    end: int


def pack(isa: Isa, weight: np.ndarray, groups: int, shape: ConvShape) -> np.ndarray:
    """int8 weights to (pair of outputs, word, 2, 4): a word is two pairs of inputs.

    ``shape`` is flattened.
    """
    outputs, per_input, kh, kw = weight.shape
    layer = input_channels(isa, per_input * groups, outputs, groups)
    pairs = rounded(outputs, isa.lanes) // isa.lanes
    packed = np.zeros((pairs, kh * kw, layer.span, isa.lanes), np.int8)
    flat = weight.reshape(outputs, per_input, kh * kw).transpose(0, 2, 1)
    for output in range(outputs):
        pair, lane = divmod(output, isa.lanes)
        first = output // (outputs // groups) * per_input - layer.first(pair)
        packed[pair, :, first : first + per_input, lane] = flat[output]
    thin = row_halves(shape)
    if thin is None:
        steps = packed.reshape(pairs, math.prod(shape.kernel), -1, GROUP, isa.lanes)
        return np.ascontiguousarray(steps.transpose(0, 2, 1, 4, 3))
    rows = packed.reshape(pairs, kh, -1, isa.lanes)
    rows = np.concatenate([rows, np.zeros_like(rows[:, :, :1])], axis=2)  # what a pair of one lacks
    places = [[-1 if place is None else place for place in half] for half in thin]
    halves = rows[:, :, places].reshape(pairs, -1, 2, isa.lanes)
    if halves.shape[1] % 2:
        halves = np.concatenate([halves, np.zeros_like(halves[:, :1])], axis=1)
    words = halves.reshape(pairs, -1, 2, 2, isa.lanes).transpose(0, 1, 4, 3, 2)
    return np.ascontiguousarray(words.reshape(pairs, -1, isa.lanes, GROUP))


def _sizes(shape: ConvShape) -> Sizes:
    taps, span = math.prod(shape.kernel), shape.reads.span
    thin = row_halves(shape)
    if thin is not None:
        count = taps * len(thin)
        return Sizes(count, count)
    channels = rounded(shape.x.channels, GROUP) if shape.reads.advance else span
    return Sizes(taps * channels // 2, taps * span // 2)


def _sums(shape: ConvShape) -> bool:
    """Whether there are channels whose results the routines do not end."""
    return "sums" in {ending(shape, lined) for lined in forms(shape)}


def _piece(shape: ConvShape) -> Piece:
    """The smallest piece that scratch holds and that costs hardly more than the cheapest one."""
    y, sizes = shape.y, _sizes(shape)
    room = max(LEAST, min(SCRATCH, CHUNK * 4 * sizes.pixel))
    most = max(PIXELS, room // (4 * (sizes.pixel + 1 + 2 * _sums(shape))))
    pieces = [Piece(rows, y.width) for rows in range(1, min(y.height, most // y.width) + 1)]
    pieces += [Piece(1, part) for part in range(PIXELS, min(most, y.width - 1) + 1, PIXELS)]
    pieces = pieces or [Piece(1, PIXELS)]
    costs = {piece: _cost(shape, sizes, piece) for piece in pieces}
    enough = NEARLY * min(costs.values())
    return min((piece for piece in pieces if costs[piece] <= enough), key=lambda piece: piece.tiles)


def _cost(shape: ConvShape, sizes: Sizes, piece: Piece) -> int:
    """Cycles of one pair of outputs, about: for each piece its weights, and for each tile."""
    y = shape.y
    if y.width == piece.columns:
        whole, rest = divmod(y.height, piece.rows)
        last, repeated = Piece(rest, y.width), 1
    else:
        whole, rest = divmod(y.width, piece.columns)
        last, repeated = Piece(1, rest), y.height
    tiles = whole * piece.tiles + last.tiles
    return repeated * (tiles * (32 + 9 * sizes.read) + (whole + (rest > 0)) * (40 + 5 * sizes.read))


def _memory(shape: ConvShape) -> Memory:
    sizes, tiles = _sizes(shape), _piece(shape).tiles
    weights = PIXELS * tiles * sizes.pixel
    # Loads go on for a pair of words behind the last weights.
    places = weights + HEADER + 2 * rounded(sizes.read, 2) + 2
    sums = places + PIXELS * tiles
    end = sums + max(2 * PIXELS * tiles * _sums(shape), PIXELS - 1)
    # Until pixels are widened, where they come from stands in place of weights and places.
    return Memory(weights, places, sums, max(end, weights + PIXELS * tiles + PIXELS - 1))


def scratch(shape: ConvShape) -> int:
    """int32 words of scratch memory."""
    return _memory(shape).end


FRACTION = 32
RECTIFIES = True
TOGETHER = 2
fits = every
tile_bounds = no_tiles
words = any_words


def takes_prologue(kernel: tuple[int, ...], groups: int, channels: int) -> bool:
    """Whether a rescale can be done where the kernel reads, if it reads every value once."""
    return True


def packed(isa: Isa, shape: ConvShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order, and the scratch memory of a call."""
    values = pack(isa, weight, groups, shape)
    return Packed(values, rounded(len(weight), isa.lanes), scratch(shape))


def order(isa: Isa, shape: ConvShape, grid: bool) -> list[Step]:
    """Pieces: all outputs come from scratch, where assembly finds the whole piece's pixels."""
    shape = shape.flattened()
    x, y, whole = shape.x, shape.y, _piece(shape)
    down, across = shape.stride
    found = []
    for row in range(0, y.height, whole.rows):
        last = min(row + whole.rows, y.height) - 1
        for left in range(0, y.width, whole.columns):
            right = min(left + whole.columns, y.width)
            reads = row * down * x.row + left * across * x.pixel
            found.append(Step(reads, last * y.row + right * y.pixel))
    return found


def build(name: str, isa: Isa, shape: ConvShape) -> tirx.PrimFunc:
    """``name(x, w, bias, ..., y, [factors, prologue,] scratch)``, as conv_frame.parameters."""
    shape = shape.flattened()
    x, y, other = shape.x, shape.y, shape.other
    channels = rounded(y.channels, isa.lanes)
    sizes, whole, memory = _sizes(shape), _piece(shape), _memory(shape)
    taps, thin = math.prod(shape.kernel), row_halves(shape)
    steps = rounded(sizes.read, 2) // 2
    groups = rounded(x.channels, PIECE) // GROUP  # of a prologue's factors
    line = shape.rounding.line
    per_tile = PIXELS * sizes.pixel
    tables = [("scale", shape.rounding.scale_dtype), ("bias", "int32")]

    def body(**p: Any) -> None:
        finish = Scalar(shape, p)
        words_in = None
        if prologue := shape.prologue:
            words_in = Words(p["factors"], p["prologue"], prologue.product.shift, prologue.clamped)
        spare = p["scratch"]

        def list_pixels(rows: Expr, columns: Expr, to: int, view: View, step: tuple) -> None:
            """Bytes from a piece's first pixel to each; a tile's rest repeats the last one."""

            def put(number: Expr, row: Expr, column: Expr) -> None:
                place = row * (step[0] * view.row) + column * (step[1] * view.pixel)
                T.buffer_store(spare, T.Cast("int32", place), [to + number])

            with T.serial(0, rows) as row, T.serial(0, columns) as column:
                put(row * columns + column, row, column)
            for beyond in range(PIXELS - 1):
                put(rows * columns + beyond, rows - 1, columns - 1)

        def widen_pixels(base: Expr, tiles: Expr) -> None:
            with T.serial(0, tiles) as tile:
                starts = [
                    T.bind(base + spare.vload([memory.weights + tile * PIXELS + m], "int32"))
                    for m in range(PIXELS)
                ]
                target = T.bind(tile * per_tile)
                with T.serial(0, shape.kernel[0]) as ky:
                    if thin is not None:
                        row = [T.bind(start + ky * x.row) for start in starts]
                        widen_row(row, target + ky * (len(thin) * PIXELS))
                        return
                    with T.serial(0, shape.kernel[1]) as kx:
                        tap = T.bind(ky * shape.kernel[1] + kx)
                        pixels = [T.bind(start + ky * x.row + kx * x.pixel) for start in starts]
                        widen_words(pixels, target + tap * (2 * PIXELS))

        def widen_words(pixels: list[Expr], target: Expr) -> None:
            with T.serial(0, sizes.pixel // (2 * taps)) as word:
                factors = words_in.factors(word % groups) if words_in else []
                for m, pixel in enumerate(pixels):
                    values = halves(load(p["x"], pixel + word * GROUP))
                    both = words_in.both(values, factors) if words_in else values
                    for half in range(2):
                        at = target + word * (2 * PIXELS * taps) + half * PIXELS + m
                        T.buffer_store(spare, both[half], [at])

        def widen_row(pixels: list[Expr], target: Expr) -> None:
            for m, pixel in enumerate(pixels):
                for number, half in enumerate(thin or ()):
                    T.buffer_store(spare, pair_of(pixel, half), [target + number * PIXELS + m])

        def pair_of(pixel: Expr, half: Any) -> Expr:
            first, second = half
            if x.channels == 3 and first % GROUP == 0:
                return halves(load(p["x"], pixel + first))[0]
            low = T.Cast("int32", p["x"].vload([pixel + first], "int8"))
            if second is None:
                return low
            return bottoms(low, T.Cast("int32", p["x"].vload([pixel + second], "int8")))

        def widen_weights(pair: Expr) -> None:
            numbers = [
                *(p[name].vload([pair * 2 + n], kind) for name, kind in tables for n in range(2))
            ]
            if shape.rounding.scale_dtype == "float32":
                numbers[:2] = [T.reinterpret(value, dtype="int32") for value in numbers[:2]]
            added = [finish.zero, finish.zero]
            if line:
                starts = [T.bind(p["starts"].vload([pair * 2 + n], "int32")) for n in (0, 1)]
                added = [T.Select(s == T.int32(FLOAT), finish.zero, s) for s in starts]
            for n, value in enumerate([*numbers[:2], *added, *(numbers[2:] * PIXELS)]):
                T.buffer_store(spare, value, [memory.weights + n])
            packed = T.address_of(p["w"][pair * (2 * steps)])
            to = T.address_of(spare[memory.weights + HEADER])
            T.evaluate(T.call_extern("int32", "pv_dsp_weights", packed, to, T.int32(steps)))

        def multiply_add(pair: Expr, end: str, to: Expr, tiles: Expr) -> None:
            variant = _variant(sizes)
            if end != "sums" and shape.rounding.rectified:
                end += "_relu"
            start = shape.reads.first(pair) // GROUP * (2 * PIXELS * taps)
            T.evaluate(
                T.call_extern(
                    "int32",
                    f"pv_dsp_{end}_{variant}",
                    T.address_of(spare[start]),
                    T.address_of(spare[memory.weights]),
                    to,
                    T.address_of(spare[memory.places]),
                    T.int32(sizes.read),
                    tiles,
                    T.int32(4 * PIXELS * (sizes.pixel - sizes.read)),
                )
            )

        def results(pair: Expr, lined: bool, place: tuple[Expr, ...]) -> None:
            """Two channels of a piece whose sums stand in scratch."""
            row, left, rows, across = place
            tables = [finish.channel(pair * 2 + n, lined) for n in range(2)]
            with T.serial(0, rows) as line, T.serial(0, across) as column:
                number = line * across + column
                at = (row + line) * y.row + (left + column) * y.pixel + pair * 2
                for n in range(2):
                    addend = None
                    if other:
                        beside = (row + line) * other.row + (left + column) * other.pixel
                        beside = beside + pair * 2 + n
                        addend = T.Cast("int32", p["other"].vload([beside], "int8"))
                    acc = spare.vload([memory.sums + number * 2 + n], "int32")
                    value = finish.stored(acc, tables[n], addend)
                    T.buffer_store(p["y"], T.Cast("int8", value), [at + n])

        def piece(row: Expr, left: Expr, rows: Expr, columns: Expr) -> None:
            tiles = T.bind((rows * columns + (PIXELS - 1)) // PIXELS)
            list_pixels(rows, columns, memory.weights, x, shape.stride)
            base = T.bind(row * (shape.stride[0] * x.row) + left * (shape.stride[1] * x.pixel))
            widen_pixels(base, tiles)
            list_pixels(rows, columns, memory.places, y, (1, 1))
            with T.serial(0, channels // 2) as pair:
                widen_weights(pair)

                def do(lined: bool) -> None:
                    end = ending(shape, lined)
                    if end == "sums":
                        multiply_add(pair, end, T.address_of(spare[memory.sums]), tiles)
                        results(pair, lined, (row, left, rows, columns))
                    else:
                        to = T.address_of(p["y"][row * y.row + left * y.pixel + pair * 2])
                        multiply_add(pair, end, to, tiles)

                finish.each(pair * 2, do)

        if whole.columns == y.width:
            with T.serial(0, -(-y.height // whole.rows)) as number:
                row = T.bind(number * whole.rows)
                piece(row, T.int32(0), _part(whole.rows, y.height, row), T.int32(y.width))
        else:
            parts = -(-y.width // whole.columns)
            with T.serial(0, y.height) as row, T.serial(0, parts) as number:
                left = T.bind(number * whole.columns)
                piece(row, left, T.int32(1), _part(whole.columns, y.width, left))

    weights = channels * steps
    buffers = parameters(isa, shape, channels, weights, "int32", scratch(shape))
    if shape.prologue:
        buffers[-1:-1] = [("factors", "int32", 4 * groups), ("prologue", "int32", len(INTS))]
    return function(name, buffers, body)


def _part(most: int, end: int, first: Expr) -> Expr:
    """``most``, or what is left from ``first`` to ``end``."""
    return T.int32(most) if end % most == 0 else T.bind(T.min(T.int32(most), end - first))


def _variant(sizes: Sizes) -> str:
    """Of a routine: without a loop for a few pairs of inputs, if nothing is between two tiles."""
    if sizes.read in ONCE and sizes.read == sizes.pixel:
        return f"once_{sizes.read}"
    return str(next(turn for turn in (8, 4, 2, 1) if sizes.read % turn == 0))
