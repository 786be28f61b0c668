"""Dense, grouped and 1x1 convolution on SMLAD: two output channels by four pixels a tile.

Pixels are widened once to int16 pairs in scratch memory, for all output channels of a chunk of
pixels; the weights of two channels once for all pixels of the chunk.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import parameters
from ..cortex_m.dsp import Scalar, Words, halves, load
from ..defaults import any_words, every, no_tiles
from ..epilogue import FLOAT, INTS
from ..frame import function, rounded
from ..isa.base import Expr, Isa
from ..packed import Packed
from ..rescale.shape import PIECE
from .shape import ConvShape, reads

PIXELS = 4
GROUP = 4
"""Input channels of a step: one word."""

HEADER = 6
"""Words before two channels' widened weights in scratch memory (csrc/kernels/dsp_tile.S)."""

SCRATCH = 16384
"""Bytes of scratch that widened pixels should not pass."""

CHUNK = 64
"""Pixels after which the share of widening weights no longer matters."""


def pack(isa: Isa, weight: np.ndarray, groups: int, shape: ConvShape) -> np.ndarray:
    """int8 weights to (pair of outputs, step, tap, 2, 4), with the taps of a flattened shape."""
    outputs, per_input, kh, kw = weight.shape
    layer = reads(isa, per_input * groups, outputs, groups)
    pairs = rounded(outputs, isa.lanes) // isa.lanes
    packed = np.zeros((pairs, kh * kw, layer.span, isa.lanes), np.int8)
    flat = weight.reshape(outputs, per_input, kh * kw).transpose(0, 2, 1)
    for output in range(outputs):
        pair, lane = divmod(output, isa.lanes)
        first = output // (outputs // groups) * per_input - layer.first(pair)
        packed[pair, :, first : first + per_input, lane] = flat[output]
    steps = packed.reshape(pairs, math.prod(shape.kernel), -1, GROUP, isa.lanes)
    return np.ascontiguousarray(steps.transpose(0, 2, 1, 4, 3))


def scratch(shape: ConvShape) -> int:
    """int32 words of scratch memory."""
    taps, words, steps = _sizes(shape)
    header = HEADER + (shape.rounding.line is not None)
    return 2 * _chunk(shape) * taps * words + 4 * taps * steps + header + 2 * PIXELS


def _sizes(shape: ConvShape) -> tuple[int, int, int]:
    """Taps, words of a tap's pixel, and those of them that one pair of outputs reads."""
    steps = shape.reads.span // GROUP
    words = rounded(shape.x.channels, GROUP) // GROUP if shape.reads.advance else steps
    return math.prod(shape.kernel), words, steps


def _chunk(shape: ConvShape) -> int:
    """Pixels of a row that are widened together: whole tiles, in chunks of nearly one size."""
    taps, words, _ = _sizes(shape)
    most = max(PIXELS, min(CHUNK, SCRATCH // (8 * taps * words)) // PIXELS * PIXELS)
    count = -(-shape.y.width // most)
    return rounded(-(-shape.y.width // count), 2 * PIXELS)


FRACTION = 32
TOGETHER = 2
fits = every
tile_bounds = no_tiles
words = any_words


def enters(kernel: tuple[int, ...], groups: int, channels: int) -> bool:
    """Whether a rescale can be done where the kernel reads, if it reads every value once."""
    return True


def packed(isa: Isa, shape: ConvShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order, and the scratch memory of a call."""
    values = pack(isa, weight, groups, shape)
    return Packed(values, rounded(len(weight), isa.lanes), scratch(shape))


def build(name: str, isa: Isa, shape: ConvShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, ..., y, [factors, enter,] scratch)``, as conv_frame.parameters."""
    shape = shape.flattened()
    x, y, other = shape.x, shape.y, shape.other
    channels = rounded(y.channels, isa.lanes)
    taps, words, steps = _sizes(shape)
    chunk = _chunk(shape)
    groups = rounded(x.channels, PIECE) // GROUP  # of a prologue's factors
    line = shape.rounding.line
    # Where the weights of two channels stand, and before them the second start of two lines.
    widened = 2 * chunk * taps * words + (line is not None)
    sums = widened + HEADER + 4 * taps * steps
    tables = [("scale", shape.rounding.scale_dtype), ("bias", "int32")]

    def body(**p: Any) -> None:
        finish = Scalar(shape, p)
        words_in = None
        if enter := shape.prologue:
            words_in = Words(p["factors"], p["enter"], enter.product.shift, enter.clamped)
        spare = p["scratch"]

        def place(first: Expr) -> Expr:
            """Where a tile's words start: those of two tiles are interleaved by twos."""
            tile = first // PIXELS
            return tile // 2 * (4 * PIXELS * taps * words) + tile % 2 * 2

        def widen_pixels(row: Expr, left: Expr, pixels: int) -> None:
            base = T.bind(row * (shape.stride[0] * x.row) + left * (shape.stride[1] * x.pixel))
            across = shape.stride[1] * x.pixel

            def group(first: Expr, wide: int) -> None:
                with T.serial(0, shape.kernel[0]) as ky, T.serial(0, shape.kernel[1]) as kx:
                    source = T.bind(base + first * across + ky * x.row + kx * x.pixel)
                    tap = ky * shape.kernel[1] + kx
                    target = T.bind(place(first) + tap * (4 * PIXELS))
                    with T.serial(0, words) as word:
                        factors = words_in.factors(word % groups) if words_in else []
                        both = []
                        for m in range(wide):
                            values = halves(load(p["x"], source + m * across + word * GROUP))
                            both.append(words_in.both(values, factors) if words_in else values)
                        for half in range(2):
                            for m in range(wide):
                                at = target + word * (4 * PIXELS * taps) + half * (2 * PIXELS)
                                at = at + m // 2 * 4 + m % 2
                                T.buffer_store(spare, both[m][half], [at])

            _groups(pixels, group)

        def widen_weights(pair: Expr) -> None:
            stride = T.int32(y.pixel)
            header = [*(p[n].vload([pair * 2 + i], kind) for n, kind in tables for i in range(2))]
            header[2:2] = [finish.zero, stride]
            if line:
                first, second = (T.bind(p["starts"].vload([pair * 2 + n], "int32")) for n in (0, 1))
                T.buffer_store(spare, second, [widened - 1])
                header[2] = T.Select(first == T.int32(FLOAT), finish.zero, first)
            for n, value in enumerate(header):
                if n < 2 and shape.rounding.scale_dtype == "float32":
                    value = T.reinterpret(value, dtype="int32")
                T.buffer_store(spare, value, [widened + n])
            with T.serial(0, taps * steps) as step:
                both = [
                    halves(p["w"].vload([(pair * (taps * steps) + step) * 2 + n], "int32"))
                    for n in range(2)
                ]
                for half in range(2):
                    for n in range(2):
                        at = widened + HEADER + (step * 2 + half) * 2 + n
                        T.buffer_store(spare, both[n][half], [at])

        def dots(pair: Expr, first: Expr, ending: str, to: Expr) -> None:
            start = shape.reads.first(pair) // GROUP * (4 * PIXELS * taps)
            name = f"pv_dsp_{ending}" + ("_long" if taps * steps % 4 == 0 else "")
            pixels = T.address_of(spare[place(first) + start])
            weights = T.address_of(spare[widened])
            T.evaluate(T.call_extern("int32", name, pixels, weights, T.int32(taps * steps), to))

        def ending(lined: bool) -> str:
            """Of a routine that does all of a tile."""
            rounding = shape.rounding
            form = f"line{line.shift}" if lined and line else "fixed" if rounding.fixed else "float"
            return f"{form}_relu" if rounding.rectified else form

        def tile(pair: Expr, lined: bool, row: Expr, left: Expr, first: Expr, wide: int) -> None:
            """``wide`` pixels from the chunk's pixel ``first`` by two channels."""
            at = row * y.row + (left + first) * y.pixel + pair * 2
            if wide == PIXELS and finish.plain(lined):
                dots(pair, first, ending(lined), T.address_of(p["y"][at]))
                return
            dots(pair, first, "sums", T.address_of(spare[sums]))
            tables = [finish.channel(pair * 2 + n, lined) for n in range(2)]
            for m in range(wide):
                for n in range(2):
                    addend = None
                    if other:
                        beside = row * other.row + (left + first + m) * other.pixel + pair * 2 + n
                        addend = T.Cast("int32", p["other"].vload([beside], "int8"))
                    acc = spare.vload([sums + m * 2 + n], "int32")
                    value = finish.stored(acc, tables[n], addend)
                    T.buffer_store(p["y"], T.Cast("int8", value), [at + m * y.pixel + n])

        def piece(row: Expr, left: Expr, pixels: int) -> None:
            widen_pixels(row, left, pixels)
            with T.serial(0, channels // 2) as pair:
                widen_weights(pair)

                def tiles(lined: bool) -> None:
                    _groups(pixels, lambda first, wide: tile(pair, lined, row, left, first, wide))

                finish.each(pair * 2, tiles)

        with T.serial(0, y.height) as row:
            with T.serial(0, y.width // chunk) as column:
                piece(row, column * chunk, chunk)
            if y.width % chunk:
                piece(row, y.width // chunk * chunk, y.width % chunk)

    weights = channels * taps * steps
    buffers = parameters(isa, shape, channels, weights, "int32", scratch(shape))
    if shape.prologue:
        buffers[-1:-1] = [("factors", "int32", 4 * groups), ("enter", "int32", len(INTS))]
    return function(name, buffers, body)


def _groups(pixels: int, group: Any) -> None:
    """Calls ``group(first, wide)`` for whole tiles of a chunk, then for what is left."""
    if pixels // PIXELS:
        with T.serial(0, pixels // PIXELS) as tile:
            group(tile * PIXELS, PIXELS)
    if pixels % PIXELS:
        group(pixels // PIXELS * PIXELS, pixels % PIXELS)
