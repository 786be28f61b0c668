"""Dense, grouped and 1x1 convolution on MVE: dot products of whole patches into scalars.

Where pixels do not already hold the patches side by side, those of a row are copied together in
scratch memory, and pixels that take a rescale on their way in. An assembly loop
(csrc/kernels/mve_dots.S) writes the sums of four outputs for a chunk of pixels; two such calls give
the eight outputs that one epilogue takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import parameters
from ..cortex_m.mve import BYTES, EVEN, ODD, Eight, ending
from ..defaults import any_words, every, no_tiles
from ..epilogue import INTS
from ..frame import function, rounded, store
from ..isa.base import Expr, Isa
from ..packed import Packed
from ..rescale.mve import Sixteen
from ..rescale.shape import PIECE
from .order import Step, twice
from .shape import ConvShape, input_channels

INPUTS = 8
"""Channels that spans are multiples of."""

OUTPUTS = 8
"""Outputs of an epilogue: those of even and of odd number."""

SCRATCH = 16384
"""Bytes of scratch that patches should not pass."""

FOUR = 4
"""Most pixels that an inner loop takes at a time; narrower maps are copied."""

CHUNK = 64
"""Pixels after which the share of a call no longer matters."""


@dataclass(frozen=True)
class Patch:
    """``runs`` of ``run`` bytes stand at (ky, kx) of ``places`` and side by side in a patch.

    ``bytes`` is the patch rounded up to vectors; what is beyond the runs meets zero weights.
    """

    run: int
    places: tuple[tuple[int, int], ...]
    bytes: int
    direct: bool
    """Whether patches can be read where they are."""


Place = tuple[Any, Any, int, int, int]
"""Of a piece: row, left, rows, columns, and pixels read before it."""


def patch_of(shape: ConvShape) -> Patch:
    """How the patches of a flattened shape are gathered."""
    kh, kw = shape.kernel
    x, span = shape.x, shape.reads.span
    places = tuple((ky, kx) for ky in range(kh) for kx in range(kw))
    if shape.reads.advance:
        run = span
    elif x.pixel % BYTES == 0:
        run = rounded(span, BYTES)
    else:  # an input of few channels: taps of a row stand side by side, unless they are one already
        places = tuple((ky, 0) for ky in range(kh))
        run = kw * x.pixel if span == rounded(x.channels, INPUTS) else span
    total = rounded(len(places) * run, BYTES)
    direct = len(places) == 1 and total == run and shape.y.width >= FOUR
    direct &= shape.prologue is None
    return Patch(run, places, total, direct)


def pack(isa: Isa, weight: np.ndarray, groups: int, shape: ConvShape) -> np.ndarray:
    """int8 weights to (block of four outputs, vector of a patch, 4, 16).

    A block holds the even or the odd ones of eight outputs; ``shape`` is flattened.
    """
    outputs, per_input, kh, kw = weight.shape
    patch = patch_of(shape)
    layer = input_channels(isa, per_input * groups, outputs, groups)
    wide = rounded(outputs, isa.lanes)
    packed = np.zeros((wide, patch.bytes), np.int8)
    flat = weight.reshape(outputs, per_input, kh * kw).transpose(0, 2, 1)
    tap_bytes = patch.run * len(patch.places) // (kh * kw)
    for output in range(outputs):
        first = output // (outputs // groups) * per_input - layer.first(output // isa.lanes)
        for tap in range(kh * kw):
            at = tap * tap_bytes + first
            packed[output, at : at + per_input] = flat[output, tap]
    pairs = packed.reshape(-1, OUTPUTS, patch.bytes)
    blocks = np.stack([pairs[:, EVEN], pairs[:, ODD]], axis=1)
    vectors = blocks.reshape(-1, 4, patch.bytes // BYTES, BYTES)
    return np.ascontiguousarray(vectors.transpose(0, 2, 1, 3))


def scratch(shape: ConvShape) -> int:
    """int32 words of scratch memory."""
    patch = patch_of(shape)
    pixels = _piece(shape, patch).computed
    words = OUTPUTS * pixels
    return words if patch.direct else words + (pixels * patch.bytes + BYTES) // 4


@dataclass(frozen=True)
class Inner:
    """An assembly loop: ``rows`` pixels at a time, ``outputs`` of a block of four by a call."""

    name: str
    rows: int
    outputs: int


def _inner(shape: ConvShape, patch: Patch) -> Inner:
    steps = patch.bytes // BYTES
    dense = not patch.direct or shape.stride[1] * shape.x.pixel == patch.bytes
    if dense and steps in (2, 3):
        return Inner(f"pv_mve_pairs_{steps}", FOUR, 2)
    if dense and steps <= 8:
        return Inner(f"pv_mve_dense_{steps}", 2, 4)
    if steps <= 4:
        return Inner(f"pv_mve_dots_{steps}", 2, 4)
    return Inner(f"pv_mve_dots_long_{(steps - 1) % 4 + 1}", 2, 4)


@dataclass(frozen=True)
class Piece:
    """``rows`` by ``columns`` of outputs that are taken together; ``computed``: pixels of sums."""

    rows: int
    columns: int
    computed: int


def _piece(shape: ConvShape, patch: Patch) -> Piece:
    """Several rows where their patches follow each other and are short, else a part of a row.

    The inner loop takes pixels by twos or fours. What a piece lacks is read beyond it, or before it
    in the last one, so that no patch beyond the last is read; a part of a row lacks nothing.
    """
    step, x, y = _inner(shape, patch).rows, shape.x, shape.y
    most = CHUNK if patch.direct else min(CHUNK, max(step, SCRATCH // patch.bytes // step * step))
    follow = shape.stride == (1, 1) and x.contiguous and x.width == y.width
    if (follow or not patch.direct) and y.height > 1 and 2 * y.width <= most:
        count = -(-y.height // (most // y.width))
        if patch.direct and y.height * y.width % step:
            count = max(2, count)
        rows = -(-y.height // count)
        return Piece(rows, y.width, rounded(rows * y.width, step))
    count = -(-y.width // most)
    while rounded(-(-y.width // count), step) > max(y.width, step):
        count += 1
    columns = rounded(-(-y.width // count), step)
    return Piece(1, columns, columns)


FRACTION = 0
RECTIFIES = True
fits = every
tile_bounds = no_tiles
words = any_words


def takes_prologue(kernel: tuple[int, ...], groups: int, channels: int) -> bool:
    """Whether a rescale can be done where the kernel reads, if it reads every value once."""
    return kernel == (1, 1) and groups == 1 and channels % PIECE == 0


def packed(isa: Isa, shape: ConvShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order, and the scratch memory of a call."""
    values = pack(isa, weight, groups, shape)
    return Packed(values, rounded(len(weight), isa.lanes), scratch(shape))


def order(isa: Isa, shape: ConvShape, grid: bool) -> list[Step]:
    """Pieces; those that are read where they are, or by groups, are read again between writes."""
    shape = shape.flattened()
    x, y, patch = shape.x, shape.y, patch_of(shape)
    inner, whole = _inner(shape, patch), _piece(shape, patch)
    (down, across), full = shape.stride, y.width // whole.columns * whole.columns
    starts = [*range(0, full, whole.columns)]
    if whole.rows == 1 and full < y.width:
        starts.append(y.width - min(rounded(y.width - full, inner.rows), y.width))
    found = []
    for row in range(0, y.height, whole.rows):
        last = min(row + whole.rows, y.height) - 1
        for left in starts:
            reads = row * down * x.row + left * across * x.pixel
            right = min(left + whole.columns, y.width)
            found.append(Step(reads, last * y.row + right * y.pixel))
    again = bool(shape.reads.advance) or (patch.direct and y.channels > OUTPUTS)
    return twice(found) if again else found


def build(name: str, isa: Isa, shape: ConvShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y, [prologue's two,] scratch)``."""
    x, y, other = shape.x, shape.y, shape.other
    channels = rounded(y.channels, isa.lanes)
    patch = patch_of(shape)
    inner, whole = _inner(shape, patch), _piece(shape, patch)
    steps = patch.bytes // BYTES
    across = shape.stride[1] * x.pixel
    patches = 4 * OUTPUTS * whole.computed  # bytes of sums stand before the patches

    def body(**p: Any) -> None:
        finish = Eight(shape, p)
        sums = p["scratch"]

        def rescaled(prologue: Sixteen, source: Expr, rows: int, pixels: int) -> None:
            """Patches of one pixel, rescaled; a rescale's factors stay in registers for a piece."""
            inside = T.decl_buffer((4 * scratch(shape),), "int8", data=sums.data)
            down = shape.stride[0] * x.row
            with T.serial(0, patch.bytes // PIECE) as number:
                factors = prologue.factors(number)
                with T.serial(0, rows) as line, T.serial(0, pixels) as pixel:
                    at = source + line * down + pixel * across + number * PIECE
                    values = prologue.stored(T.bind(p["x"].vload([at], f"int8x{PIECE}")), factors)
                    at = patches + (line * pixels + pixel) * patch.bytes + number * PIECE
                    store(inside, at, values, PIECE)

        def gather(source: Expr, rows: int, pixels: int) -> None:
            """Copies patches; a copy may pass its run's end by what the next one writes anew."""
            inside = T.decl_buffer((4 * scratch(shape),), "int8", data=sums.data)
            down = shape.stride[0] * x.row
            with T.serial(0, rows) as line, T.serial(0, pixels) as pixel:
                own = patches + (line * pixels + pixel) * patch.bytes
                for number, (ky, kx) in enumerate(patch.places):
                    at = ky * x.row + kx * x.pixel
                    start = T.bind(source + line * down + pixel * across + at)
                    target = T.bind(own + number * patch.run)

                    def copy(
                        at: Any, count: int = BYTES, start: Any = start, target: Any = target
                    ) -> None:
                        if count == 1:
                            value = p["x"].vload([start + at], "int8")
                            T.buffer_store(inside, value, [target + at])
                            return
                        value = p["x"].vload([start + at], f"int8x{count}")
                        store(inside, target + at, value, count)

                    full, rest = divmod(patch.run, BYTES)
                    if full > 4:
                        with T.serial(0, full) as vector:
                            copy(vector * BYTES)
                    else:
                        for vector in range(full):
                            copy(vector * BYTES)
                    if rest and number + 1 < len(patch.places):
                        copy(full * BYTES)
                    elif rest:  # nothing may be read beyond a patch
                        for at in range(full * BYTES, patch.run - 3, 4):
                            copy(at, 4)
                        if patch.run < 4:
                            for at in range(patch.run):
                                copy(at, 1)
                        elif patch.run % 4:
                            copy(patch.run - 4, 4)

        def outputs(eight: Expr, source: Any, place: Place) -> None:
            """Eight outputs of a piece."""
            row, left, rows, pixels, before = place
            steps_of = rounded(rows * pixels, inner.rows) // inner.rows
            for half in range(2):
                for first in range(0, 4, inner.outputs):
                    weights = (eight * 2 + half) * (4 * patch.bytes) + first * BYTES
                    T.evaluate(
                        T.call_extern(
                            "int32",
                            inner.name,
                            source,
                            T.address_of(p["w"][weights]),
                            T.address_of(sums[half * 4 * whole.computed + first]),
                            T.int32(steps_of),
                            T.int32(steps),
                            T.int32(across if patch.direct else patch.bytes),
                        )
                    )
            end = ending(shape)
            if end is not None:
                finished(end, eight * OUTPUTS, place)
                return
            tables = finish.channels(eight * OUTPUTS)
            with T.serial(0, rows) as line, T.serial(0, pixels) as pixel:
                number = line * pixels + pixel + before
                pair = tuple(
                    T.bind(sums.vload([(half * whole.computed + number) * 4], "int32x4"))
                    for half in (0, 1)
                )
                addend = None
                if other:
                    at = (row + line) * other.row + (left + pixel) * other.pixel + eight * OUTPUTS
                    addend = T.bind(T.Cast("int16x8", p["other"].vload([at], "int8x8")))
                words = finish.words(pair, tables, addend)
                at = (row + line) * y.row + (left + pixel) * y.pixel + eight * OUTPUTS
                T.buffer_store(p["y"], T.Cast("int8x8", words), [T.ramp(at, 1, OUTPUTS)])

        def finished(end: str, channel: Expr, place: Place) -> None:
            """The results of eight outputs whose sums nothing but a rescale follows."""
            row, left, rows, pixels, before = place
            if pixels * y.pixel == y.row:
                rows, pixels = 1, rows * pixels
            half = 4 * 4 * whole.computed
            T.evaluate(
                T.call_extern(
                    "int32",
                    f"pv_mve_finish_{end}",
                    T.address_of(sums[before * 4]),
                    T.address_of(p["y"][row * y.row + left * y.pixel + channel]),
                    T.address_of(p["bias"][channel]),
                    T.address_of(p["scale"][channel]),
                    *map(T.int32, (half, pixels, y.pixel, rows, y.row)),
                    finish.i["zero"],
                )
            )

        def piece(row: Any, left: Any, rows: int, pixels: int, before: int = 0) -> None:
            """A piece, all outputs of a group after another; ``before``: pixels read before it."""
            place = (row, left, rows, pixels, before)
            base = T.bind(row * (shape.stride[0] * x.row) + (left - before) * across)
            per_block = isa.lanes // OUTPUTS
            eights = rounded(y.channels, OUTPUTS) // OUTPUTS  # that there are

            def blocks(first: Expr, count: int) -> None:
                start = T.bind(base + shape.reads.first(first))
                if shape.prologue:
                    rescaled(prologue, start, rows, pixels)
                elif not patch.direct:
                    gather(start, rows, pixels)
                source = T.address_of(p["x"][start] if patch.direct else sums[patches // 4])
                with T.serial(0, min(count * per_block, eights)) as eight:
                    outputs(first * per_block + eight, source, place)

            total = channels // isa.lanes
            if shape.reads.advance:
                share = math.gcd(shape.reads.share, total)
                with T.serial(0, total // share) as group:
                    blocks(group * share, share)
            else:
                blocks(T.int32(0), total)

        def lacking(rows: int) -> int:
            pixels = rows * y.width
            return rounded(pixels, inner.rows) - pixels if patch.direct else 0

        if shape.prologue:
            prologue = Sixteen(p["factors"], p["prologue"], shape.prologue)
        if whole.rows > 1:
            count, rest = divmod(y.height, whole.rows)
            apart = not rest and lacking(whole.rows) > 0
            with T.serial(0, count - apart) as number:
                piece(number * whole.rows, 0, whole.rows, y.width)
            rows = whole.rows if apart else rest
            if rows:
                piece(T.int32(y.height - rows), 0, rows, y.width, lacking(rows))
        else:
            with T.serial(0, y.height) as row:
                with T.serial(0, y.width // whole.columns) as column:
                    piece(row, column * whole.columns, 1, whole.columns)
                rest = y.width % whole.columns
                if rest:
                    wide = min(rounded(rest, inner.rows), y.width)
                    piece(row, y.width - wide, 1, wide)

    weights = channels * patch.bytes
    buffers = parameters(isa, shape, channels, weights, scratch=scratch(shape))
    if shape.prologue:
        factors = 2 * rounded(x.channels, PIECE)
        buffers[-1:-1] = [("factors", "int16", factors), ("prologue", "int32", len(INTS))]
    return function(name, buffers, body)
