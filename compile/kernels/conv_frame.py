"""The frame of every convolution kernel, dense or depthwise: its parameters and its epilogue."""

from __future__ import annotations

from typing import Any, Protocol

from .epilogue import FLOATS, INTS, Epilogue, Rounding
from .frame import View
from .isa.base import Isa
from .real.epilogue import RealEpilogue


class Convolution(Protocol):
    """What the frame asks of a shape."""

    @property
    def x(self) -> View: ...
    @property
    def y(self) -> View: ...
    @property
    def other(self) -> View | None: ...
    @property
    def activation(self) -> bool: ...
    @property
    def rounding(self) -> Rounding: ...


def parameters(
    isa: Isa, shape: Convolution, channels: int, weights: int, kind: str = "int8", scratch: int = 0
) -> list[tuple[str, str, int]]:
    """``(x, w, bias, scale[, starts], negative, floats, ints, other, y[, scratch])``.

    ``starts`` come with scales that are lines (arithmetic/lines.py).

    Args:
        channels: length of the tables by channel.
        weights: how many of the type ``kind``.
        scratch: int32 words of scratch memory.
    """
    return [
        ("x", isa.dtype, shape.x.extent),
        ("w", kind, weights),
        ("bias", "int32", channels),
        ("scale", shape.rounding.scale_dtype, channels),
        *([("starts", "int32", channels)] if shape.rounding.line else []),
        ("negative", shape.rounding.negative_dtype, channels if shape.activation else 1),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("other", isa.dtype, shape.other.extent if shape.other else 1),
        ("y", "float32" if shape.rounding.real else isa.dtype, shape.y.extent),
        *([("scratch", "int32", scratch)] if scratch else []),
    ]


def epilogue(
    isa: Isa, lanes: int, shape: Convolution, p: dict[str, Any]
) -> Epilogue | RealEpilogue:
    """The epilogue of ``shape`` on the parameters ``p``."""
    if shape.rounding.real:
        return RealEpilogue(isa, lanes, p["ints"], shape.y)
    return Epilogue(
        isa,
        lanes,
        p["floats"],
        p["ints"],
        activation=shape.activation,
        add=shape.other is not None,
        rounding=shape.rounding,
    )
