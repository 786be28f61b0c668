"""Depthwise convolution on MVE where windows are not gathered: eight channels side by side.

Products of int16 lanes of even and of odd number (VMULLB, VMULLT) are the pair of an epilogue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tvm import tirx
from tvm.script import tirx as T

from ..conv_frame import parameters
from ..cortex_m.mve import EVEN, ODD, Eight
from ..defaults import any_words, every, no_tiles
from ..frame import function, rounded, store
from ..isa.base import Expr, Isa, shuffle
from ..packed import Packed
from .shape import DepthwiseShape
from .vectors import pack, width

EIGHT = 8
UNROLLED = 9
"""Taps that are written out; more go into a loop."""


FRACTION = 0
RECTIFIES = False
fits = every
tile_bounds = no_tiles
words = any_words


def packed(isa: Isa, shape: DepthwiseShape, weight: np.ndarray, groups: int) -> Packed:
    """The weights in the kernel's order."""
    return Packed(pack(isa, weight, shape.stride), width(isa, len(weight)))


def build(name: str, isa: Isa, shape: DepthwiseShape) -> tirx.PrimFunc:
    """``name(x, w, bias, scale, negative, floats, ints, other, y)``."""
    x, y, other = shape.x, shape.y, shape.other
    channels = rounded(y.channels, EIGHT)
    kh, kw = shape.kernel

    def body(**p: Any) -> None:
        finish = Eight(shape, p)

        def widened(buffer: Expr, at: Expr) -> Expr:
            return T.bind(T.Cast("int16x8", buffer.vload([at], "int8x8")))

        def products(channel: Expr, base: Expr, ky: Any, kx: Any) -> list[Expr]:
            values = widened(p["x"], base + ky * x.row + kx * x.pixel)
            weights = widened(p["w"], (ky * kw + kx) * channels + channel)
            return [
                T.Cast("int32x4", shuffle([values], half))
                * T.Cast("int32x4", shuffle([weights], half))
                for half in (EVEN, ODD)
            ]

        def pixel(channel: Expr, row: Expr, column: Expr, tables: Any) -> None:
            base = T.bind(
                row * (shape.stride[0] * x.row) + column * (shape.stride[1] * x.pixel) + channel
            )
            if kh * kw <= UNROLLED:
                taps = [(ky, kx) for ky in range(kh) for kx in range(kw)]
                sums = [T.bind(product) for product in products(channel, base, *taps[0])]
                for tap in taps[1:]:
                    more = products(channel, base, *tap)
                    sums = [T.bind(s + m) for s, m in zip(sums, more, strict=True)]
            else:
                acc = T.alloc_buffer((EIGHT,), "int32", scope="local")
                store(acc, 0, T.broadcast(T.int32(0), EIGHT), EIGHT)
                with T.serial(0, kh) as ky, T.serial(0, kw) as kx:
                    for half, product in enumerate(products(channel, base, ky, kx)):
                        store(acc, half * 4, acc.vload([half * 4], "int32x4") + product, 4)
                sums = [T.bind(acc.vload([half * 4], "int32x4")) for half in (0, 1)]
            addend = None
            if other:
                addend = widened(p["other"], row * other.row + column * other.pixel + channel)
            words = finish.words((sums[0], sums[1]), tables, addend)
            at = row * y.row + column * y.pixel + channel
            store(p["y"], at, T.Cast("int8x8", words), EIGHT)

        with T.serial(0, channels // EIGHT) as block:
            channel = T.bind(block * EIGHT)
            tables = finish.channels(channel)
            with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
                pixel(channel, row, column, tables)

    return function(name, parameters(isa, shape, channels, channels * kh * kw), body)
