"""Copies at the ends of a network, and the borders of padded tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from .defaults import every, no_tiles
from .frame import View, function, store
from .isa.base import Isa, shuffle

WIDE = 16
FOUR = 4
"""Bytes of an input's pixel that dense convolutions read, and pixels of a vector of them."""

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class PadShape:
    """A map of ``height x width`` pixels of ``pixel`` bytes with a border on each side."""

    family: ClassVar[str] = "move"
    label: ClassVar[str] = "pad"
    height: int
    width: int
    pixel: int
    border: tuple[int, int, int, int]
    value: int


@dataclass(frozen=True)
class CopyShape:
    """``flip`` exchanges int8 and ``q + 128`` storage (one exclusive-or of the top bit).

    The caller's side may stand at any address, so no access may assume alignment.
    """

    family: ClassVar[str] = "move"
    label: ClassVar[str] = "copy"
    x: View
    y: View
    flip: bool


def build_pad(name: str, isa: Isa, shape: PadShape) -> tirx.PrimFunc:
    """``name(y)``: writes the border, ``y`` pointing at its first byte."""
    top, left, bottom, right = shape.border
    row = (shape.width + left + right) * shape.pixel
    lanes = WIDE if shape.pixel % WIDE == 0 else 1
    total = (shape.height + top + bottom) * row

    def body(y: Any) -> None:
        value = T.Cast("uint8", T.int32(shape.value))
        value = T.broadcast(value, lanes) if lanes > 1 else value

        def fill(start: Any, size: int) -> None:
            if size:
                with T.serial(0, size // lanes) as step:
                    at = start + step * lanes
                    T.buffer_store(y, value, [T.ramp(at, 1, lanes) if lanes > 1 else at])

        fill(0, top * row)
        with T.serial(0, shape.height) as line:
            start = (top + line) * row
            fill(start, left * shape.pixel)
            fill(start + (left + shape.width) * shape.pixel, right * shape.pixel)
        fill((top + shape.height) * row, bottom * row)

    return function(name, [("y", "uint8", total)], body)


def build_copy(name: str, isa: Isa, shape: CopyShape) -> tirx.PrimFunc:
    """``name(x, y)``: no byte beyond ``channels`` of the last pixel is touched in either storage.

    What is between a pixel's channels and the next pixel of ``y`` may get any value.
    """
    x, y = shape.x, shape.y
    if x.pixel == y.pixel == x.channels:  # pixels side by side on both sides
        x, y = (View(v.height, 1, v.width * v.pixel, v.row, v.row) for v in (x, y))
    if x.height > 1 and x.row == y.row == x.channels:  # and rows: one loop, which is not unrolled
        x, y = (View(1, 1, v.height * v.row, v.height * v.row, v.height * v.row) for v in (x, y))
    fours = isa.permutes and y.pixel == FOUR and x.pixel == x.channels <= FOUR
    # Pixels of a row whose 16 bytes from their start on are within the row.
    wide = max(0, (x.width * x.pixel - WIDE) // (FOUR * x.pixel) + 1) if fours else 0

    def flipped(value: Any, lanes: int) -> Any:
        if not shape.flip:
            return value
        top = T.Cast("uint8", T.int32(128))
        return value ^ (T.broadcast(top, lanes) if lanes > 1 else top)

    def body(**p: Any) -> None:
        def pixel(row: Any, column: Any) -> None:
            source = row * x.row + column * x.pixel
            target = row * y.row + column * y.pixel
            whole = x.channels // WIDE * WIDE
            together = max(n for n in (1, 2, 3, 4) if whole // WIDE % n == 0)
            if whole:
                with T.serial(0, whole // (WIDE * together)) as step:
                    for number in range(together):
                        at = step * (WIDE * together) + number * WIDE
                        value = T.bind(p["x"].vload([source + at], f"uint8x{WIDE}"))
                        store(p["y"], target + at, flipped(value, WIDE), WIDE)
            with T.serial(whole, x.channels) as channel:
                value = p["x"].vload([source + channel], "uint8")
                T.buffer_store(p["y"], flipped(value, 1), [target + channel])

        with T.serial(0, y.height) as row:
            if wide:
                with T.serial(0, wide) as step:
                    source = row * x.row + step * (FOUR * x.pixel)
                    loaded = T.bind(p["x"].vload([source], f"uint8x{WIDE}"))
                    places = [
                        pixel * x.pixel + min(channel, x.channels - 1)
                        for pixel in range(FOUR)
                        for channel in range(FOUR)
                    ]
                    value = flipped(shuffle([loaded], places), WIDE)
                    store(p["y"], row * y.row + step * WIDE, value, WIDE)
            with T.serial(FOUR * wide, y.width) as column:
                pixel(row, column)

    return function(name, [("x", "uint8", x.extent), ("y", "uint8", y.extent)], body)


def build(name: str, isa: Isa, shape: Any) -> tirx.PrimFunc:
    """The function of any shape of this file."""
    function_of: dict[type, Any] = {PadShape: build_pad, CopyShape: build_copy}
    made: tirx.PrimFunc = function_of[type(shape)](name, isa, shape)
    return made
