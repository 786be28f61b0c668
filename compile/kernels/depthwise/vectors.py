"""Depthwise convolution on NHWC rows: one vector of channels, a run of pixels per tile."""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import epilogue, parameters
from ..defaults import even_tiles, every, vector_words
from ..frame import function, rounded, runs, store, widen
from ..isa.base import Isa
from ..packed import Packed
from .shape import DepthwiseShape


def width(isa: Isa, channels: int) -> int:
    """Entries of a table per channel."""
    return rounded(channels, isa.vector)


def pack(isa: Isa, weight: np.ndarray, stride: tuple[int, ...]) -> np.ndarray:
    """int8 (C, 1, kh, kw) to (taps, C rounded up to vectors)."""
    channels = weight.shape[0]
    packed = np.zeros((weight.shape[2] * weight.shape[3], rounded(channels, isa.vector)), np.int8)
    packed[:, :channels] = weight.reshape(channels, -1).T
    return packed


FRACTION = 0
RECTIFIES = False
fits = every
words = vector_words
tile_bounds, grid = even_tiles("pixels", lambda shape: int(shape.y.width))


def packed(isa: Isa, shape: DepthwiseShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order."""
    return Packed(pack(isa, weight, shape.stride), width(isa, len(weight)))


def build(name: str, isa: Isa, shape: DepthwiseShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y)``."""
    x, y, other, lanes = shape.x, shape.y, shape.other, isa.vector
    channels = rounded(y.channels, lanes)
    kh, kw = shape.kernel

    def body(**p: Any) -> None:
        finish = epilogue(isa, lanes, shape, p)
        kind = f"int32x{lanes}"
        pixels = shape.tile.pixels or -(-y.width // -(-y.width // 8))

        def one_tile(channel: Any, row: Any, left: Any, wide: int) -> None:
            acc = T.alloc_buffer((wide * lanes,), "int32", scope="local")
            start = T.bind(p["bias"].vload([channel], kind))
            for m in range(wide):
                store(acc, m * lanes, start, lanes)
            step = shape.stride[1]
            base = T.bind(row * (shape.stride[0] * x.row) + left * (step * x.pixel) + channel)
            with T.serial(0, kh) as ky:
                columns: dict[int, Any] = {}
                for kx in range(kw):
                    w = T.bind(widen(p["w"], (ky * kw + kx) * channels + channel, lanes))
                    for m in range(wide):
                        column = m * step + kx
                        if column not in columns:
                            at = base + ky * x.row + column * x.pixel
                            columns[column] = T.bind(widen(p["x"], at, lanes))
                        total = acc.vload([m * lanes], kind) + columns[column] * w
                        store(acc, m * lanes, total, lanes)
            scales = finish.scales((p["scale"], p["negative"]), channel)
            parts = []
            for m in range(wide):
                addend = None
                if other:
                    at = row * other.row + (left + m) * other.pixel + channel
                    addend = widen(p["other"], at, lanes)
                parts.append(finish.rounded(acc.vload([m * lanes], kind), scales, addend))
            first = row * y.row + left * y.pixel + channel
            finish.store(p["y"], parts, runs(first, wide, 1, y.pixel, lanes), channel)

        with T.serial(0, channels // lanes) as block, T.serial(0, y.height) as row:
            with T.serial(0, y.width // pixels) as column:
                one_tile(block * lanes, row, column * pixels, pixels)
            if y.width % pixels:
                one_tile(block * lanes, row, y.width // pixels * pixels, y.width % pixels)

    return function(name, parameters(isa, shape, channels, channels * kh * kw), body)
