"""Copies at the ends of a network, and the borders of padded tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from .defaults import every, no_tiles
from .frame import View, function
from .isa.base import Isa

WIDE = 16

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
    """``name(x, y)``: exactly ``channels`` bytes per pixel, in either storage."""
    x, y = shape.x, shape.y

    def body(**p: Any) -> None:
        with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
            source = row * x.row + column * x.pixel
            target = row * y.row + column * y.pixel
            with T.serial(0, x.channels) as channel:
                value = p["x"].vload([source + channel], "uint8")
                if shape.flip:
                    value = value ^ T.Cast("uint8", T.int32(128))
                T.buffer_store(p["y"], value, [target + channel])

    return function(name, [("x", "uint8", x.extent), ("y", "uint8", y.extent)], body)


def build(name: str, isa: Isa, shape: Any) -> tirx.PrimFunc:
    """The function of any shape of this file."""
    function_of: dict[type, Any] = {PadShape: build_pad, CopyShape: build_copy}
    made: tirx.PrimFunc = function_of[type(shape)](name, isa, shape)
    return made
