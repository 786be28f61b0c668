"""The end of a convolution whose sums stand mixed: two channels of two pixels in each vector.

So SMMLA leaves them. Their rescale goes on in that order, with tables by channel laid out alike,
and only the bytes are put in order: two instructions where the sums would take eight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tvm.script import tirx as T

from ..epilogue import Epilogue
from ..frame import store
from ..isa.base import Expr, shuffle

if TYPE_CHECKING:
    from .shape import ConvShape

TOGETHER = 2
"""Pixels, and channels of each, that a vector of sums holds."""


def entries(channels: int) -> int:
    """Length of a table by channel."""
    return TOGETHER * channels


def table(values: np.ndarray) -> np.ndarray:
    """Values by channel, every two of them once for each pixel: 0 1 0 1 2 3 2 3."""
    return np.repeat(values.reshape(-1, 1, TOGETHER), TOGETHER, axis=1).ravel()


def store_tile(
    finish: Epilogue,
    p: dict[str, Any],
    shape: ConvShape,
    at: tuple[Any, Any],
    acc: Any,
    size: tuple[int, int],
    block: Any,
    opaque_zero: Any,
) -> None:
    """Rescales and stores a tile's sums.

    Args:
        at: (row, column) of the tile's first output.
        acc: int32 sums by pair of pixels, pixel's half and block, a vector each.
        size: (pixels, blocks) of the tile; an odd last pixel is its own partner.
        block: the first block.
        opaque_zero: is 0, see conv.py.
    """
    (wide, high), (row, left), lanes = size, at, finish.isa.lanes
    first = T.bind(block * lanes)
    order = [(n, half) for n in range(high) for half in range(TOGETHER)]
    tables = p["scale"], p["negative"]
    scales = [
        finish.scales(tables, (block + n) * entries(lanes) + half * lanes + opaque_zero)
        for n, half in order
    ]

    def starts(view: Any, m: int) -> list[Any]:
        """Where each pixel of a pair starts; an odd last pixel twice."""
        pixels = [min(m + i, wide - 1) for i in range(TOGETHER)]
        return [row * view.row + (left + pixel) * view.pixel + first for pixel in pixels]

    for m in range(0, wide, TOGETHER):
        addends: list[Any] = [None] * len(order)
        if shape.other:
            addends = _mixed(finish, p["other"], starts(shape.other, m), high)
        parts = [
            finish.rounded(
                acc.vload([((m + half) * high + n) * lanes], f"int32x{lanes}"), scale, addend
            )
            for (n, half), scale, addend in zip(order, scales, addends, strict=True)
        ]
        values = [
            value for k in range(0, len(parts), 4) for value in finish.narrowed(parts[k : k + 4])
        ]
        words = [T.bind(T.reinterpret(value, dtype="int16x8")) for value in values]
        count = high * lanes // TOGETHER
        for pixel, start in enumerate(starts(shape.y, m)[: wide - m]):
            own = shuffle(words, [TOGETHER * k + pixel for k in range(count)])
            stored = T.reinterpret(own, dtype=f"int8x{high * lanes}")
            store(p["y"], start, stored, high * lanes)


def _mixed(finish: Epilogue, buffer: Any, starts: list[Any], high: int) -> list[Expr]:
    """``high`` blocks of stored values of two pixels as int32, mixed like sums."""
    isa, lanes = finish.isa, finish.isa.lanes
    count = high * lanes // TOGETHER
    pixels = [
        T.bind(T.reinterpret(buffer.vload([at], f"int8x{high * lanes}"), dtype=f"int16x{count}"))
        for at in starts
    ]
    steps = []
    for k in range(0, count, lanes):
        some = range(k, min(k + lanes, count))
        words = shuffle(
            pixels, [pixel * count + word for word in some for pixel in range(TOGETHER)]
        )
        size = 2 * TOGETHER * len(some)
        steps += isa.steps(T.bind(T.reinterpret(words, dtype=f"int8x{size}")), size, lanes)
    return steps
