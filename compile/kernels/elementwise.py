"""Rescale (requantise, PReLU, ReLU, copy), add and multiply by vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from .defaults import every, no_tiles
from .epilogue import FLOATS, INTS, Epilogue, Rounding, Scales
from .frame import View, flattened, function, rounded, runs, tiles, widen
from .isa.base import Expr, Isa

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class RescaleShape:
    """Views of source and result; ``two_scales`` when negative values have their own scale."""

    family: ClassVar[str] = "elementwise"
    label: ClassVar[str] = "rescale"
    x: View
    y: View
    two_scales: bool
    wide: bool = False


@dataclass(frozen=True)
class AddShape:
    """Views of the operands and the result; ``fused`` and ``short`` as in build.Rounding."""

    family: ClassVar[str] = "elementwise"
    label: ClassVar[str] = "add"
    a: View
    b: View
    y: View
    fused: bool = False
    short: bool = False


@dataclass(frozen=True)
class MultiplyShape:
    """Views of the operands and the result; ``gate`` when ``b`` is one pixel for all of ``a``."""

    family: ClassVar[str] = "elementwise"
    label: ClassVar[str] = "multiply"
    a: View
    b: View
    y: View
    gate: bool
    wide: bool = False
    short: bool = False


def build_rescale(name: str, isa: Isa, shape: RescaleShape) -> tirx.PrimFunc:
    """``name(x, scale, negative, floats, ints, y)``."""
    x, y = flattened(shape.x, shape.y)
    lanes = isa.vector
    channels = rounded(y.channels, lanes)
    parameters = [
        ("x", isa.dtype, x.extent),
        ("scale", "float32", channels),
        ("negative", "float32", channels if shape.two_scales else 1),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        epilogue = Epilogue(
            isa,
            lanes,
            p["floats"],
            p["ints"],
            two_scales=shape.two_scales,
            rounding=Rounding(wide=shape.wide),
        )

        def prepare(channels: list[Expr]) -> list[Scales]:
            return [epilogue.scales((p["scale"], p["negative"]), c) for c in channels]

        def tile(channels: list[Expr], row: Expr, left: Expr, wide: int, scales: Any) -> None:
            parts = []
            for m in range(wide):
                for channel, factors in zip(channels, scales, strict=True):
                    acc = widen(p["x"], row * x.row + (left + m) * x.pixel + channel, lanes)
                    parts.append(epilogue.rounded(acc - epilogue.i["source_zero"], factors))
            first = row * y.row + left * y.pixel + channels[0]
            epilogue.store(p["y"], parts, runs(first, wide, len(channels), y.pixel, lanes))

        tiles(y, lanes, tile, prepare)

    return function(name, parameters, body)


def build_add(name: str, isa: Isa, shape: AddShape) -> tirx.PrimFunc:
    """``name(a, b, floats, ints, y)``."""
    a, b, y = flattened(shape.a, shape.b, shape.y)
    lanes = isa.vector

    def body(**p: Any) -> None:
        rounding = Rounding(fused=shape.fused, short=shape.short)
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], add=True, rounding=rounding)

        def tile(channels: list[Expr], row: Expr, left: Expr, wide: int, _: Any) -> None:
            parts = []
            for m in range(wide):
                for channel in channels:
                    at = [row * v.row + (left + m) * v.pixel + channel for v in (a, b)]
                    first, second = (widen(p[n], i, lanes) for n, i in zip("ab", at, strict=True))
                    own = first - epilogue.i["source_zero"]
                    if shape.fused:
                        own = T.Cast(f"float32x{lanes}", own)
                    parts.append(epilogue.sum(own, second))
            start = row * y.row + left * y.pixel + channels[0]
            epilogue.store(p["y"], parts, runs(start, wide, len(channels), y.pixel, lanes))

        tiles(y, lanes, tile)

    return function(name, _of_two(isa, shape), body)


def build_multiply(name: str, isa: Isa, shape: MultiplyShape) -> tirx.PrimFunc:
    """``name(a, b, floats, ints, y)``."""
    a, b, y, lanes = shape.a, shape.b, shape.y, isa.vector

    def body(**p: Any) -> None:
        rounding = Rounding(wide=shape.wide, short=shape.short)
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], rounding=rounding)
        offset = epilogue.i["b_offset"]

        def prepare(channels: list[Expr]) -> list[Expr] | None:
            if not shape.gate:
                return None
            return [T.bind(widen(p["b"], channel, lanes) + offset) for channel in channels]

        def tile(channels: list[Expr], row: Expr, left: Expr, wide: int, gates: Any) -> None:
            parts = []
            for m in range(wide):
                for n, channel in enumerate(channels):
                    first = widen(p["a"], row * a.row + (left + m) * a.pixel + channel, lanes)
                    if shape.gate:
                        second = gates[n]
                    else:
                        at = row * b.row + (left + m) * b.pixel + channel
                        second = widen(p["b"], at, lanes) + offset
                    acc = (first - epilogue.i["source_zero"]) * second
                    parts.append(epilogue.rounded(acc, (epilogue.f["positive"], None)))
            start = row * y.row + left * y.pixel + channels[0]
            epilogue.store(p["y"], parts, runs(start, wide, len(channels), y.pixel, lanes))

        tiles(y, lanes, tile, prepare)

    return function(name, _of_two(isa, shape), body)


def _of_two(isa: Isa, shape: AddShape | MultiplyShape) -> list[tuple[str, str, int]]:
    """The parameters of an operator of two tensors."""
    return [
        ("a", isa.dtype, shape.a.extent),
        ("b", isa.dtype, shape.b.extent),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, shape.y.extent),
    ]


def build(name: str, isa: Isa, shape: Any) -> tirx.PrimFunc:
    """The function of any shape of this file."""
    function_of: dict[type, Any] = {
        RescaleShape: build_rescale,
        AddShape: build_add,
        MultiplyShape: build_multiply,
    }
    made: tirx.PrimFunc = function_of[type(shape)](name, isa, shape)
    return made
