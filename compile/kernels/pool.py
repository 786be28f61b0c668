"""Max and average pooling: one vector of channels at a time over the padded window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tvm import tirx
from tvm.script import tirx as T

from .defaults import every, no_tiles
from .epilogue import FLOATS, INTS, Epilogue, Rounding
from .frame import View, function, rounded, store, widen
from .isa.base import Isa

fits = every
tile_bounds = no_tiles


@dataclass(frozen=True)
class PoolShape:
    """``x`` starts at the first (padding) pixel; padding holds the least value, or zero."""

    family: ClassVar[str] = "pool"
    label: ClassVar[str] = "pool"
    x: View
    y: View
    kind: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    wide: bool = False


def build(name: str, isa: Isa, shape: PoolShape) -> tirx.PrimFunc:
    """``name(x, scale, floats, ints, y)``; ``scale`` (height x width) is read for averages only."""
    x, y, lanes = shape.x, shape.y, isa.vector
    channels = rounded(y.channels, lanes)
    average = shape.kind == "average"
    taps = [(ky, kx) for ky in range(shape.kernel[0]) for kx in range(shape.kernel[1])]
    parameters = [
        ("x", isa.dtype, x.extent),
        ("scale", "float32", y.height * y.width if average else 1),
        ("floats", "float32", len(FLOATS)),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def largest(p: Any, base: Any) -> Any:
        kind = f"{isa.dtype}x{lanes}"
        load = [p["x"].vload([base + ky * x.row + kx * x.pixel], kind) for ky, kx in taps]
        best = load[0]
        for value in load[1:]:
            best = T.bind(T.max(best, value))
        return best

    def body(**p: Any) -> None:
        epilogue = Epilogue(isa, lanes, p["floats"], p["ints"], rounding=Rounding(wide=shape.wide))
        with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
            if average:
                scale = T.bind(
                    T.broadcast(p["scale"].vload([row * y.width + column], "float32"), lanes)
                )
            with T.serial(0, channels // lanes) as block:
                channel = block * lanes
                at = row * (shape.stride[0] * x.row) + column * (shape.stride[1] * x.pixel)
                if average:
                    total = T.alloc_buffer((lanes,), "int32", scope="local")
                    store(total, 0, T.broadcast(T.int32(0), lanes), lanes)
                    with T.serial(0, shape.kernel[0]) as ky, T.serial(0, shape.kernel[1]) as kx:
                        value = widen(p["x"], at + channel + ky * x.row + kx * x.pixel, lanes)
                        centred = value - epilogue.i["source_zero"]
                        store(total, 0, total.vload([0], f"int32x{lanes}") + centred, lanes)
                    steps = epilogue.rounded(total.vload([0], f"int32x{lanes}"), (scale, None))
                    first = row * y.row + column * y.pixel + channel
                    epilogue.store(p["y"], [steps], [(first, 1)])
                else:
                    # The clamp of a ReLU behind the pool, in stored values.
                    limits = epilogue.limits
                    least, most = (
                        T.broadcast(T.Cast(isa.dtype, end), lanes)
                        for end in (limits.low, limits.high)
                    )
                    result = T.min(T.max(largest(p, at + channel), least), most)
                    store(p["y"], row * y.row + column * y.pixel + channel, result, lanes)

    return function(name, parameters, body)
