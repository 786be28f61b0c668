"""Rescale (requantise, PReLU, ReLU, copy), add and multiply by vectors; tables value by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from .build import (
    FLOATS,
    INTS,
    Epilogue,
    View,
    bits,
    function,
    round_clamped,
    rounded,
    store,
    widen,
)
from .isa import Isa


@dataclass(frozen=True)
class RescaleShape:
    """Views of source and result; ``two_scales`` when negative values have their own scale."""

    x: View
    y: View
    two_scales: bool


@dataclass(frozen=True)
class AddShape:
    """Views of the operands and the result."""

    a: View
    b: View
    y: View


@dataclass(frozen=True)
class MultiplyShape:
    """Views of the operands and the result; ``gate`` when ``b`` is one pixel for all of ``a``."""

    a: View
    b: View
    y: View
    gate: bool


@dataclass(frozen=True)
class TableShape:
    """Views of source and result."""

    x: View
    y: View


def build_rescale(name: str, isa: Isa, shape: RescaleShape) -> tirx.PrimFunc:
    """``name(x, scale, negative, floats, ints, y)``."""
    x, y, lanes = shape.x, shape.y, isa.vector
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
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], two_scales=shape.two_scales)
        # A few vectors per pixel at a time: their scales stay in registers, whole lines are used.
        blocks = channels // lanes
        together = max(n for n in (1, 2, 3, 4) if blocks % n == 0)
        with T.serial(0, blocks // together) as group:
            first = [T.bind((group * together + n) * lanes) for n in range(together)]
            scales = [epilogue.scales((p["scale"], p["negative"]), channel) for channel in first]
            with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
                for channel, factors in zip(first, scales, strict=True):
                    at = row * x.row + column * x.pixel + channel
                    acc = widen(p["x"], at, lanes) - epilogue.i["source_zero"]
                    result = epilogue.apply(acc, factors, None)
                    store(p["y"], row * y.row + column * y.pixel + channel, result, lanes)

    return function(name, parameters, body)


def build_add(name: str, isa: Isa, shape: AddShape) -> tirx.PrimFunc:
    """``name(a, b, floats, ints, y)``."""
    a, b, y, lanes = shape.a, shape.b, shape.y, isa.vector
    channels = rounded(y.channels, lanes)

    def body(**p: Any) -> None:
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], add=True)
        f, i = epilogue.f, epilogue.i
        with (
            T.serial(0, y.height) as row,
            T.serial(0, y.width) as column,
            T.serial(0, channels // lanes) as block,
        ):
            channel = block * lanes
            first = widen(p["a"], row * a.row + column * a.pixel + channel, lanes)
            second = widen(p["b"], row * b.row + column * b.pixel + channel, lanes)
            total = first * i["a_factor"] + i["a_offset"]
            total = total + (second * i["b_factor"] + i["b_offset"])
            value = round_clamped(total, f["add_scale"], f["add_low"], f["add_high"], lanes)
            result = T.Cast(f"{isa.dtype}x{lanes}", bits(value, lanes) + i["magic_zero"])
            store(p["y"], row * y.row + column * y.pixel + channel, result, lanes)

    return function(name, _of_two(isa, shape), body)


def build_multiply(name: str, isa: Isa, shape: MultiplyShape) -> tirx.PrimFunc:
    """``name(a, b, floats, ints, y)``."""
    a, b, y, lanes = shape.a, shape.b, shape.y, isa.vector
    channels = rounded(y.channels, lanes)

    def body(**p: Any) -> None:
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"])
        f, i = epilogue.f, epilogue.i
        with T.serial(0, channels // lanes) as block:
            channel = block * lanes
            if shape.gate:
                gate = T.bind(widen(p["b"], channel, lanes) + i["b_offset"])
            with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
                first = widen(p["a"], row * a.row + column * a.pixel + channel, lanes)
                if shape.gate:
                    second = gate
                else:
                    at = row * b.row + column * b.pixel + channel
                    second = widen(p["b"], at, lanes) + i["b_offset"]
                acc = (first - i["source_zero"]) * second
                result = epilogue.apply(acc, (f["positive"], None), None)
                store(p["y"], row * y.row + column * y.pixel + channel, result, lanes)

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


def build_table(name: str, isa: Isa, shape: TableShape) -> tirx.PrimFunc:
    """``name(x, table, y)``; the table is ordered by the stored value, least first."""
    x, y = shape.x, shape.y
    parameters = [("x", isa.dtype, x.extent), ("table", isa.dtype, 256), ("y", isa.dtype, y.extent)]

    def body(**p: Any) -> None:
        with (
            T.serial(0, y.height) as row,
            T.serial(0, y.width) as column,
            T.serial(0, y.channels) as channel,
        ):
            stored = p["x"].vload([row * x.row + column * x.pixel + channel], isa.dtype)
            index = T.Cast("int32", stored) + (128 - isa.offset)
            value = p["table"].vload([index], isa.dtype)
            T.buffer_store(p["y"], value, [row * y.row + column * y.pixel + channel])

    return function(name, parameters, body)
