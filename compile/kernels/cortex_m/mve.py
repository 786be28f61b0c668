"""What the Cortex-M55 kernels share: MVE instructions and the epilogue of eight results."""

from __future__ import annotations

from typing import Any

from tvm.script import tirx as T

from ..conv_frame import Convolution
from ..epilogue import FLOATS, INTS, Rounding
from ..isa.base import Expr, constant, intrinsic, shuffle

BYTES = 16
"""Channels of a vector of stored values."""

FAR = 2**16
"""Where the offsets of eight gathered values end."""

EVEN, ODD = [0, 2, 4, 6], [1, 3, 5, 7]

Pair = tuple[Expr, Expr]
"""Vectors of the even and of the odd of eight values, as VQMOVNB and VQMOVNT join them."""


def mve(name: str, dtype: str, *arguments: Expr) -> Expr:
    """An instruction ``llvm.arm.mve.name``, bound to a name."""
    return intrinsic(f"llvm.arm.mve.{name}", dtype, *arguments)


def rounded(real: Expr) -> Expr:
    """int32x4 of float32x4: to nearest, ties to even, saturating."""
    return mve("vcvtn", "int32x4", T.int32(0), T.bind(real))


def joined(even: Expr, odd: Expr, dtype: str = "int16x8") -> Expr:
    """int16x8 of two int32x4, or int8x16 of two int16x8: saturated, by turns."""
    low = narrowed(even, dtype)
    return mve("vqmovn", dtype, low, odd, T.int32(0), T.int32(0), T.int32(1))


def narrowed(even: Expr, dtype: str) -> Expr:
    """The saturated values of a vector in the even places of one of half as wide values."""
    same = T.bind(T.reinterpret(even, dtype=dtype))
    return mve("vqmovn", dtype, same, even, T.int32(0), T.int32(0), T.int32(0))


def parted(words: Expr) -> Pair:
    """int16x8 as int32x4 pairs."""
    even, odd = (T.bind(T.Cast("int32x4", shuffle([words], part))) for part in (EVEN, ODD))
    return even, odd


def offsets(places: list[int]) -> Expr:
    """uint16x8 (in int16) of byte offsets below ``FAR``."""
    signed = [T.int16(place - 2**16 if place >= 2**15 else place) for place in places]
    return shuffle(signed, list(range(8)))


def gathered(buffer: Expr, start: Expr, places: list[int]) -> Expr:
    """int16x8 of the stored values at byte offsets ``places`` from ``start``."""
    flags = T.int32(8), T.int32(0), T.int32(0)
    return mve(
        "vldr.gather.offset", "int16x8", T.address_of(buffer[start]), offsets(places), *flags
    )


def scattered(buffer: Expr, start: Expr, places: list[int], words: Expr) -> None:
    """Stores int16x8 ``words``, as int8, at byte offsets ``places`` from ``start``."""
    number = T.llvm_lookup_intrinsic_id("llvm.arm.mve.vstr.scatter.offset")
    where = T.address_of(buffer[start]), offsets(places)
    done = T.call_llvm_intrin(number, *where, words, T.int32(8), T.int32(0), dtype="void")
    T.evaluate(done)


def prelu_words(acc: Expr, positive: Expr, negative: Expr, zero: Expr) -> Expr:
    """int16x8 ``zero`` plus ``acc`` times the factor of its sign, a rounding high product.

    ``acc`` is shifted already; ``zero`` is an int32 scalar.
    """
    factor = T.bind(T.Select(acc < T.broadcast(T.int16(0), 8), negative, positive))
    return mve("vqrdmlash", "int16x8", acc, factor, zero)


def between(words: Expr, low: Expr, high: Expr) -> Expr:
    """int16x8 within the int32 scalars [low, high]."""
    least, most = (T.broadcast(T.Cast("int16", end), 8) for end in (low, high))
    return T.bind(T.max(T.min(words, most), least))


def shifted(words: Expr, by: int) -> Expr:
    return T.bind(words << T.broadcast(T.int16(by), 8)) if by else words


def ending(shape: Convolution) -> str | None:
    """Of the routines of csrc/kernels/mve_finish.S; None: they do not end such a layer."""
    rounding = shape.rounding
    if shape.activation or shape.other or (rounding.clamped and not rounding.rectified):
        return None
    return "relu" if rounding.rectified else "plain"


class Eight:
    """The epilogue of build.Epilogue for eight accumulators at a time, as a ``Pair``."""

    def __init__(self, shape: Convolution, p: dict[str, Any]):
        self.rounding: Rounding = shape.rounding
        self.activation, self.add = shape.activation, shape.other is not None
        self.p = p
        self.i = {name: T.bind(p["ints"].vload([i], "int32")) for i, name in enumerate(INTS)}

    def channels(self, first: Expr) -> dict[str, Any]:
        """Tables of eight channels, one for each result."""

        def pair(table: str, kind: str) -> Pair:
            parts = [T.bind(self.p[table].vload([first + n], f"{kind}x4")) for n in (0, 4)]
            return shuffle(parts, EVEN), shuffle(parts, ODD)

        tables: dict[str, Any] = {"bias": pair("bias", "int32"), "scale": pair("scale", "float32")}
        if self.activation and self.rounding.words is None:
            tables["negative"] = pair("negative", "float32")
        elif self.activation:
            tables["negative"] = T.bind(self.p["negative"].vload([first], "int16x8"))
        return tables

    def channel(self, channel: Expr) -> dict[str, Any]:
        """Tables of one channel that has all eight results."""

        rounding = self.rounding
        kinds = {"bias": "int32", "scale": "float32", "negative": rounding.negative_dtype}

        def spread(table: str, lanes: int) -> Expr:
            value = T.bind(self.p[table].vload([channel], kinds[table]))
            return T.bind(T.broadcast(value, lanes))

        tables: dict[str, Any] = {name: (spread(name, 4),) * 2 for name in ("bias", "scale")}
        if self.activation and self.rounding.words is None:
            tables["negative"] = (spread("negative", 4),) * 2
        elif self.activation:
            tables["negative"] = spread("negative", 8)
        return tables

    def words(self, sums: Pair, tables: dict[str, Any], other: Expr | None = None) -> Expr:
        """int16x8 results, as stored; ``other``: operand b of a fused add as stored, int16x8."""
        reals = [
            T.bind(T.Cast("float32x4", T.bind(acc + bias)) * scale)
            for acc, bias, scale in zip(sums, tables["bias"], tables["scale"], strict=True)
        ]
        zero = self.i["zero"]
        if self.activation and self.rounding.words is not None:
            own = joined(rounded(reals[0]), rounded(reals[1]))
            own = between(own, self.i["act_least"], self.i["act_most"])
            own = shifted(own, self.rounding.words.shift)
            positive = T.broadcast(T.Cast("int16", self.i["act_factor"]), 8)
            return self._stored(prelu_words(own, positive, tables["negative"], zero))
        steps: list[Expr] = []
        if self.activation:
            for real, negative in zip(reals, tables["negative"], strict=True):
                whole = mve("vrintn", "float32x4", self._bounded(real, "low", "high"))
                positive = self._float("positive")
                factor = T.Select(whole >= constant(0.0, "float32", 4), positive, negative)
                steps.append(T.bind(whole * factor))
            reals = steps
        if self.add:
            ends = ("act_low", "act_high") if self.activation else ("low", "high")
            totals = []
            for real, b in zip(reals, parted(other), strict=True):
                own = rounded(self._bounded(real, *ends))
                rest = b * T.broadcast(self.i["b_factor"], 4) + T.broadcast(self.i["b_offset"], 4)
                total = own * T.broadcast(self.i["a_factor"], 4) + rest
                totals.append(T.bind(T.Cast("float32x4", total) * self._float("add_scale")))
            reals = totals
        words = joined(rounded(reals[0]), rounded(reals[1]))
        zeros = T.bind(T.broadcast(T.Cast("int16", zero), 8))
        return self._stored(intrinsic("llvm.sadd.sat", "int16x8", words, zeros))

    def _stored(self, words: Expr) -> Expr:
        if self.rounding.clamped:
            return between(words, self.i["minimum"], self.i["maximum"])
        return T.bind(T.reinterpret(narrowed(words, "int8x16"), dtype="int16x8"))

    def _float(self, name: str) -> Expr:
        return T.bind(T.broadcast(self.p["floats"].vload([FLOATS.index(name)], "float32"), 4))

    def _bounded(self, real: Expr, low: str, high: str) -> Expr:
        least = intrinsic("llvm.minnum", "float32x4", real, self._float(high))
        return intrinsic("llvm.maxnum", "float32x4", least, self._float(low))
