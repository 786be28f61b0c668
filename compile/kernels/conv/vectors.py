"""Dense, grouped and 1x1 convolution: register tiles of pixels by blocks of output channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import epilogue, parameters
from ..defaults import every, vector_words
from ..epilogue import Epilogue, Scales
from ..frame import function, rounded, runs, store
from ..isa.base import Isa
from ..packed import Packed
from ..real.epilogue import RealEpilogue
from . import pixel_pairs
from .shape import ConvShape, input_channels, tile_of
from .tiles import grid, misfit, tile_bounds


def pack(isa: Isa, weight: np.ndarray, groups: int, columns: int) -> np.ndarray:
    """int8 weights as tiles of ``columns`` blocks read them: tile, tap, step, block, one vector."""
    outputs, per_input, kh, kw = weight.shape
    inputs = per_input * groups
    layer = input_channels(isa, inputs, outputs, groups)
    span = layer.span
    blocks = rounded(outputs, isa.lanes) // isa.lanes
    packed = np.zeros((blocks, isa.lanes, kh * kw, span), np.int8)
    flat = weight.reshape(outputs, per_input, kh * kw).transpose(0, 2, 1)
    for output in range(outputs):
        block, lane = divmod(output, isa.lanes)
        first = output // (outputs // groups) * per_input - layer.first(block)
        packed[block, lane, :, first : first + per_input] = flat[output]
    steps = packed.reshape(blocks, isa.lanes, kh * kw, span // isa.group, isa.group)
    vectors = isa.pack(steps.transpose(0, 2, 3, 1, 4))
    tiles = [vectors[first : first + columns] for first in range(0, blocks, columns)]
    return np.concatenate([t.swapaxes(0, 1).swapaxes(1, 2).ravel() for t in tiles])


__all__ = ["build", "fits", "grid", "misfit", "packed", "takes_prologue", "tile_bounds", "words"]

FEWEST = 4
"""Tiles of the same weights below which they are not fetched ahead: nothing hides it."""
FRACTION = 0
RECTIFIES = False
fits = every
words = vector_words


def takes_prologue(kernel: tuple[int, ...], groups: int, channels: int) -> bool:
    """Whether a rescale can be done where the kernel reads: it reads every value many times."""
    return False


def packed(isa: Isa, shape: ConvShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights, in the order of the shape's tile."""
    width = rounded(len(weight), isa.lanes)
    vectors = pack(isa, weight, groups, tile_of(isa, shape)[1])
    return (
        Packed(vectors, width, arranged=pixel_pairs.table) if isa.pair else Packed(vectors, width)
    )


def build(name: str, isa: Isa, shape: ConvShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y)``."""
    shape = shape.flattened()
    x, y = shape.x, shape.y
    channels = rounded(y.channels, isa.lanes)
    taps = shape.kernel[0] * shape.kernel[1]
    all_steps = shape.reads.span // isa.group
    vector = isa.lanes * isa.group

    def body(**p: Any) -> None:
        finish = epilogue(isa, isa.lanes, shape, p)
        blocks = channels // isa.lanes
        unknown = isa.unknown_zero(finish.limits)
        # A tile's blocks share their operands, unless each block has groups of its own.
        private = shape.reads.advance > 0 and shape.reads.share == 1
        pixels, columns = tile_of(isa, shape)

        # Weights that the caches near the core cannot keep from one run to the next come from
        # far: a tile asks for its share of those of the next blocks.
        tiles = y.height * (y.width // pixels)
        large = channels * taps * shape.reads.span >= isa.far
        far = isa.far and large and tiles >= FEWEST

        def lines(high: int, steps: int) -> int:
            """Vectors of weights that one of a tile's loops fetches for the next blocks."""
            return -(-steps * high // tiles)

        def fetch(block: Any, first: Any, count: int) -> None:
            for line in range(count):
                at = block * (taps * all_steps) + first + line
                isa.fetch(p["w"], at * vector)

        def one_tile(block: Any, row: Any, left: Any, wide: int, high: int) -> None:
            """Outputs of ``wide`` pixels from column ``left`` by ``high`` channel blocks."""
            per_step = wide * high
            flat = taps * all_steps * per_step <= (shape.tile.unrolled or isa.unrolled)
            # LLVM would keep on the stack what it knows to be the same for all tiles; where steps
            # are in loops it does not try.
            opaque_zero = unknown * left if flat and unknown is not None else 0
            pairs = 2 if isa.pair else 1
            slots = rounded(wide, pairs)  # an odd last pixel is its own partner
            acc = T.alloc_buffer((slots * high * isa.lanes,), "int32", scope="local")
            kind = f"int32x{isa.lanes}"

            def places(m: int, n: int) -> list[int]:
                return [((m + i) * high + n) * isa.lanes for i in range(pairs)]

            def put(m: int, n: int, values: list[Any]) -> None:
                for place, value in zip(places(m, n), values, strict=True):
                    store(acc, place, value, isa.lanes)

            def sums(m: int, n: int) -> list[Any]:
                return [acc.vload([place], kind) for place in places(m, n)]

            for n in range(high):
                first = (block + n) * isa.lanes * pairs + opaque_zero
                starts = [
                    T.bind(p["bias"].vload([first + i * isa.lanes], kind)) for i in range(pairs)
                ]
                for m in range(0, slots, pairs):
                    put(m, n, starts)
            base = T.bind(row * (shape.stride[0] * x.row) + left * (shape.stride[1] * x.pixel))

            def dots(tap: Any, offset: Any, first: Any, steps: int) -> None:
                """``steps`` steps from ``first`` on whose operands come by one load."""
                shared: dict[tuple[int, int], list[Any]] = {}
                for m in range(0, wide, pairs):
                    for n in range(high if private else 1):
                        channel = first * isa.group + shape.reads.first(block + n)
                        pixels = [
                            min(m + i, wide - 1) * shape.stride[1] * x.pixel for i in range(pairs)
                        ]
                        at = [base + offset + pixel + channel for pixel in pixels]
                        shared[m, n] = isa.operands(p["x"], at, steps)
                for step in range(steps):
                    at = block * (taps * all_steps) + (tap * all_steps + first + step) * high
                    at = opaque_zero + at
                    weights = [isa.weight(p["w"], (at + n) * vector) for n in range(high)]
                    for m in range(0, slots, pairs):
                        for n in range(high):
                            operand = shared[m, n if private else 0][step]
                            put(m, n, isa.dots(sums(m, n), operand, weights[n]))

            def several(tap: Any, offset: Any, first: Any, steps: int) -> None:
                for start in range(0, steps, isa.together):
                    dots(tap, offset, first + start, min(isa.together, steps - start))

            if flat:
                for tap in range(taps):
                    ky, kx = divmod(tap, shape.kernel[1])
                    several(tap, ky * x.row + kx * x.pixel, 0, all_steps)
            else:
                with T.serial(0, shape.kernel[0]) as ky, T.serial(0, shape.kernel[1]) as kx:
                    tap = ky * shape.kernel[1] + kx
                    offset = ky * x.row + kx * x.pixel
                    unroll = max(
                        u
                        for u in (1, 2, 4, 8)
                        if all_steps % u == 0 and (u == 1 or u * per_step <= 128)
                    )
                    chunks = all_steps // unroll
                    with T.serial(0, chunks) as chunk:
                        if far:
                            place = row * (y.width // pixels) + left // pixels
                            done = (place * taps + tap) * chunks + chunk
                            fetch(block + high, done * lines(high, unroll), lines(high, unroll))
                        several(tap, offset, chunk * unroll, unroll)
            at, size = (row, left), (wide, high)
            if isinstance(finish, Epilogue) and isa.pair:
                pixel_pairs.store_tile(finish, p, shape, at, acc, size, block, opaque_zero)
            else:
                scales = tile_scales(finish, p, isa.lanes, block, high, opaque_zero)
                store_tile(finish, p, shape, at, acc, size, scales)

        def rows(block: Any, high: int) -> None:
            with T.serial(0, y.height) as row:
                if y.width >= pixels:
                    with T.serial(0, y.width // pixels) as column:
                        one_tile(block, row, column * pixels, pixels, high)
                if y.width % pixels:
                    one_tile(block, row, y.width // pixels * pixels, y.width % pixels, high)

        if blocks // columns:
            with T.serial(0, blocks // columns) as group:
                rows(group * columns, columns)
        if blocks % columns:
            rows(blocks // columns * columns, blocks % columns)

    entries = pixel_pairs.entries(channels) if isa.pair else channels
    weights = channels * taps * shape.reads.span
    return function(name, parameters(isa, shape, entries, weights), body)


def tile_scales(
    finish: Epilogue | RealEpilogue,
    p: dict[str, Any],
    lanes: int,
    block: Any,
    high: int,
    opaque_zero: Any = 0,
) -> list[tuple[Any, Scales]]:
    """The channel at which each of ``high`` blocks starts, and its scales."""
    channels = [T.bind((block + n) * lanes) for n in range(high)]
    return [(c, finish.scales((p["scale"], p["negative"]), c + opaque_zero)) for c in channels]


def store_tile(
    finish: Epilogue | RealEpilogue,
    p: dict[str, Any],
    shape: ConvShape,
    at: tuple[Any, Any],
    acc: Any,
    size: tuple[int, int],
    scales: list[tuple[Any, Scales]],
) -> None:
    """Rescales and stores a tile's sums.

    Args:
        at: (row, column) of the tile's first output.
        acc: int32 sums by pixel and block, a vector each.
        size: (pixels, blocks) of the tile.
        scales: as ``tile_scales`` gives them.
    """
    isa, y, other = finish.isa, shape.y, shape.other
    (wide, high), (row, left), first = size, at, scales[0][0]
    kind = f"int32x{isa.lanes}"
    parts = []
    for m in range(wide):
        addends: list[Any] = [None] * high
        if other:
            place = row * other.row + (left + m) * other.pixel + first
            addends = isa.widened(p["other"], place, high, isa.lanes)
        for n in range(high):
            value = acc.vload([(m * high + n) * isa.lanes], kind)
            parts.append(finish.rounded(value, scales[n][1], addends[n]))
    start = row * y.row + left * y.pixel + first
    finish.store(p["y"], parts, runs(start, wide, high, y.pixel, isa.lanes), first)
