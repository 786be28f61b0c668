"""Which inputs of a pixel's window stand together as int16 pairs, for products of two by SMLAD."""

from __future__ import annotations

from .shape import ConvShape

GROUP = 4
"""Input channels of a word."""

Half = tuple[int, int | None]
"""Inputs of a pair, as bytes from the beginning of a window's row; None: a pair of one."""


def row_halves(shape: ConvShape) -> list[Half] | None:
    """The pairs of a row of a flattened shape's window whose pixels are words of less than four.

    What such words lack is left out: pixels of one channel are paired with each other, and so is
    the second channel of three. None: pixels are whole words, (0, 2) and (1, 3) of each.
    """
    x = shape.x
    thin = x.channels < GROUP and x.pixel == GROUP and not shape.reads.advance
    if not thin or shape.prologue or shape.kernel[1] > 1:
        return None
    places = list(range(0, shape.reads.span, GROUP))
    if x.channels == 2:
        return [(place, place + 1) for place in places]
    whole: list[Half] = [(place, place + 2) for place in places] if x.channels == 3 else []
    single = [place + x.channels // 2 for place in places]
    following: list[int | None] = [*single[1::2], None]
    return whole + list(zip(single[::2], following, strict=False))
