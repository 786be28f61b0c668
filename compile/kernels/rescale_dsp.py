"""Rescale in 16-bit words on Cortex-M's DSP extension: four values a step, two in a register."""

from __future__ import annotations

from typing import Any

from tvm import tirx
from tvm.script import tirx as T

from .build import INTS, flattened, function, rounded
from .isa import Expr, Isa
from .rescale_words import PIECE, WordsShape
from .thumb import WORD_SHIFT, between, dsp, halves, joined, load

GROUP = 4


def build(name: str, isa: Isa, shape: WordsShape) -> tirx.PrimFunc:
    """``name(x, factors, ints, y)``; ``factors`` as rescale_words.pack makes them."""
    x, y = flattened(shape.x, shape.y)
    groups = rounded(y.channels, PIECE) // GROUP
    down = WORD_SHIFT - shape.shift
    parameters = [
        ("x", isa.dtype, x.extent),
        ("factors", "int32", groups * 4),
        ("ints", "int32", len(INTS)),
        ("y", isa.dtype, y.extent),
    ]

    def body(**p: Any) -> None:
        ints = {name: T.bind(p["ints"].vload([i], "int32")) for i, name in enumerate(INTS)}
        source_zero = T.bind((ints["source_zero"] & 0xFFFF) | (ints["source_zero"] << T.int32(16)))
        # What a product is added to: the zero point and half a step.
        start = T.bind((ints["zero"] << T.int32(down)) + T.int32(1 << (down - 1)))

        def pair(values: Expr, positive: Expr, negative: Expr) -> Expr:
            """Two results as int16, from two stored values as int16."""
            acc = dsp("ssub16", values, source_zero, flags=True)
            factor = dsp("sel", positive, negative, flags=True)
            low = dsp("smlabb", acc, factor, start)
            high = dsp("smlatt", acc, factor, start)
            if shape.clamped:
                ends = ints["minimum"], ints["maximum"]
                low = between(low >> T.int32(down), *ends)
                high = between(high >> T.int32(down), *ends) << T.int32(16)
                return T.bind((low & T.int32(0xFFFF)) | high)
            bottom = (low >> T.int32(down)) & T.int32(0xFFFF)
            top = (high << T.int32(16 - down)) & T.int32(-65536)
            return dsp("ssat16", bottom | top, T.int32(8))

        with T.serial(0, groups) as group:
            factors = [T.bind(p["factors"].vload([group * 4 + n], "int32")) for n in range(4)]

            def step(row: Expr, column: Expr) -> None:
                even, odd = halves(load(p["x"], row * x.row + column * x.pixel + group * GROUP))
                result = joined(
                    pair(even, factors[0], factors[2]), pair(odd, factors[1], factors[3])
                )
                at = row * y.row + column * y.pixel + group * GROUP
                stored = T.reinterpret(result, dtype="int8x4")
                T.buffer_store(p["y"], stored, [T.ramp(at, 1, GROUP)])

            with T.serial(0, y.height) as row, T.serial(0, y.width) as column:
                step(row, column)

    return function(name, parameters, body)
