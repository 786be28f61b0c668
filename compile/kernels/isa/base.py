"""What a kernel needs to know of an instruction set: widths, storage, dot product, rounding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from tvm.script import tirx as T

Expr = Any  # a TIR expression: vector of the width its dtype says

MAGIC = 0x4B400000
"""Bits of 1.5 * 2^23: adding it leaves the nearest integer, ties to even, in the low bits."""

MAGIC_FLOAT = 12582912.0


@dataclass(frozen=True)
class Limits:
    """int32 scalars of one result: its zero point, least and largest value, as stored."""

    zero: Expr
    low: Expr
    high: Expr
    clamped: bool = True
    """False: all of int8 is allowed."""


class Isa(ABC):
    """An instruction set as kernels see it.

    ``lanes`` output channels are accumulated per vector and ``group`` input channels per dot step;
    ``registers`` bounds the accumulators of one tile; ``vector`` is the width of element-wise and
    depthwise code; activations are stored as ``q + offset`` in ``dtype``.
    """

    families: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "conv": ("conv.vectors",),
        "depthwise": ("depthwise.vectors",),
        "real conv": ("conv.vectors",),
        "real depthwise": ("depthwise.vectors",),
        "real": ("real.elementwise",),
        "real pool": ("real.pool",),
        "real curve": ("real.curves",),
        "real dense": ("real.conv",),
        "argmax": ("real.argmax",),
        "softmax": ("real.softmax",),
        "matmul": ("attention.matmul",),
        "layer norm": ("attention.layer_norm",),
        "interpolate": ("interpolate",),
        "words": ("rescale.words",),
        "elementwise": ("elementwise",),
        "table": ("lookup.plain",),
        "pool": ("pool",),
        "move": ("move",),
        "nest": ("moves.nest",),
        "select": ("moves.select",),
    }
    """Modules of compile/kernels by kind of shape, in order of preference (families.py)."""
    name: ClassVar[str]
    lanes: ClassVar[int]
    group: ClassVar[int]
    registers: ClassVar[int]
    blocks: ClassVar[int]
    vector: ClassVar[int] = 16
    chunk: ClassVar[int] = 16
    """Channels that a depthwise tile of dot products takes together."""
    far: ClassVar[int] = 0
    """Bytes of weights from which on ``fetch`` is used; 0: there is none."""
    unrolled: ClassVar[int] = 160
    """Dot steps of a convolution's tile that are written out; more go into a loop."""
    loads: ClassVar[int] = 0
    """Bytes that ``transposed`` takes of a pixel, if more than ``chunk``."""
    together: ClassVar[int] = 1
    """Dot steps whose operands one load brings."""
    packed: ClassVar[int] = 4
    """What bytes of a pixel are a multiple of, of inputs that dense convolutions alone read."""
    tiles: ClassVar[bool] = True
    """Whether templates take a tile (tile.py) here."""
    offset: ClassVar[int] = 0
    bytes: ClassVar[int] = 0
    """Bytes of a vector that ``halves`` splits into words; 0: no rounding high product here."""
    word_vectors: ClassVar[int] = 1
    """Such vectors that a tile in words takes at least, and, where that divides a pixel, at most:
    as many as registers hold the factors of. 1: a pixel, or as many as fill a vector."""
    accumulates: ClassVar[bool] = False
    """Whether there is ``high_sum``."""
    saturates: ClassVar[bool] = False
    """Whether ``rounded`` takes any value within int32 and ``narrowed`` saturates and joins."""

    truncates: ClassVar[bool] = False
    """Whether ``words`` of values that fit int16 anyway cost less."""
    permutes: ClassVar[bool] = False
    """Whether one instruction puts 16 bytes in any constant order."""
    fixed: ClassVar[bool] = False
    """Whether there are ``high_half`` and ``words`` of fractions."""

    @property
    def dtype(self) -> str:
        return "uint8" if self.offset else "int8"

    @abstractmethod
    def operand(self, buffer: Expr, index: Expr) -> Expr:
        """``group`` stored activations at ``index``, broadcast for ``dot``; bound to a name."""

    def operands(self, buffer: Expr, pixels: list[Expr], steps: int) -> list[Expr]:
        """The operands of up to ``together`` steps, of a pixel from an index on, or of a pair."""
        (index,) = pixels
        return [self.operand(buffer, index + step * self.group) for step in range(steps)]

    @abstractmethod
    def weight(self, buffer: Expr, index: Expr) -> Expr:
        """``lanes x group`` packed weights at ``index``, ready for ``dot``; bound to a name."""

    @abstractmethod
    def dot(self, acc: Expr, operand: Expr, weight: Expr) -> Expr:
        """``acc + operand . weight`` per lane, exact in int32."""

    assembly: ClassVar[tuple[str, ...]] = ()
    """Files of csrc/kernels whose routines the kernels call."""

    dual: ClassVar[bool] = False
    """Whether two instructions issue in a cycle, which the compiler's order makes use of."""

    pair: ClassVar[bool] = False
    """Whether ``dots`` takes two pixels, and leaves their sums mixed (conv/pixel_pairs.py)."""

    @property
    def dense(self) -> Isa:
        """What dense and grouped convolutions run on."""
        return self

    @property
    def sums(self) -> Isa:
        """What convolutions with a float32 result run on: sums in the order of pixels."""
        return self if self.dense.pair else self.dense

    def unknown_zero(self, limits: Limits) -> Expr | None:
        """An int32 that is 0, which the compiler cannot know; None: of no use here."""
        return None

    @property
    def interleaved(self) -> Isa:
        """What rescales the sums of depthwise/dot2.py."""
        raise NotImplementedError

    def fetch(self, buffer: Expr, index: Expr) -> None:
        """Begins to bring a cache line near; any address will do."""
        raise NotImplementedError

    def dots(self, accs: list[Expr], operand: Expr, weight: Expr) -> list[Expr]:
        """``dot`` of a pixel, or of a pair whose sums are mixed."""
        return [T.bind(self.dot(acc, operand, weight)) for acc in accs]

    def pack(self, block: np.ndarray) -> np.ndarray:
        """Order of one weight vector in memory, from int8 (..., lanes, group)."""
        return block

    def depthwise_registers(self, taps: int) -> int:
        """Accumulators of a depthwise tile of ``taps`` rows: what weights and chunks leave."""
        return 24

    def transposed(self, pixels: list[Expr]) -> list[Expr]:
        """Vectors of ``lanes`` channels by four pixels, from four pixels of ``chunk`` channels.

        ``pixels``: four vectors, or all of them in one.
        """
        orders = (
            [
                pixel * self.chunk + first + channel
                for channel in range(self.lanes)
                for pixel in range(4)
            ]
            for first in range(0, self.chunk, self.lanes)
        )
        return [shuffle(pixels, order) for order in orders]

    def halves(self, stored: Expr) -> tuple[Expr, Expr]:
        """``bytes`` stored values as two int16 vectors, in the order ``halves_order``."""
        raise NotImplementedError

    def zeros(self, zero: Expr) -> Expr:
        """What ``differences`` takes away, from an int32 vector of ``bytes / 2``; bound."""
        return T.bind(T.Cast(f"int16x{self.bytes // 2}", zero))

    def differences(self, stored: Expr, zeros: Expr) -> tuple[Expr, Expr]:
        """The halves of ``stored`` less ``zeros``; not bound."""
        low, high = self.halves(stored)
        return low - zeros, high - zeros

    def halves_order(self) -> np.ndarray:
        """int (2, bytes / 2): which stored value each word of the halves is."""
        return np.arange(self.bytes).reshape(2, -1)

    def high_product(self, a: Expr, b: Expr, count: int) -> Expr:
        """int16xcount ``(a * b + 2^14) >> 15``."""
        raise NotImplementedError

    def high_sum(self, a: Expr, b: Expr, count: int) -> Expr:
        """int16xcount ``a + ((a * b + 2^14) >> 15)``, saturated."""
        raise NotImplementedError

    def high_half(self, acc: Expr, factor: Expr, lanes: int) -> Expr:
        """int32 ``acc * factor >> 31``."""
        raise NotImplementedError

    def words(self, parts: list[Expr], lanes: int, short: bool = False, bits: int = 0) -> Expr:
        """Two int32 vectors of ``lanes`` steps as one of int16, saturated, in ``words_order``.

        ``short``: they fit int16 anyway. ``bits``: of a fraction, which is rounded half up.
        """
        raise NotImplementedError

    def words_order(self, lanes: int) -> list[int]:
        """Which value of two parts, side by side, each word of ``words`` is."""
        return list(range(2 * lanes))

    def joined(self, words: list[Expr], count: int, limits: Limits) -> Expr:
        """Stored values of two int16xcount vectors of steps from the zero point."""
        raise NotImplementedError

    def ordered(self, stored: Expr, lanes: int) -> Expr:
        """What ``joined`` made of the ``words`` of four parts, part after part."""
        return stored

    def bounded(self, real: Expr, low: Expr, high: Expr, lanes: int) -> Expr:
        """float32 ``real`` within [low, high]; none of them is NaN."""
        return T.max(T.min(real, high), low)

    def widened(self, buffer: Expr, index: Expr, parts: int, lanes: int) -> list[Expr]:
        """``parts`` vectors of ``lanes`` stored values from ``index`` on, each as int32."""
        kind = f"{self.dtype}x{lanes}"
        return [
            T.Cast(f"int32x{lanes}", buffer.vload([index + part * lanes], kind))
            for part in range(parts)
        ]

    def steps(self, stored: Expr, count: int, lanes: int) -> list[Expr]:
        """``count`` stored values as int32 vectors; asked for if ``pair``."""
        raise NotImplementedError

    def whole(self, real: Expr, lanes: int) -> Expr:
        """float32 ``real`` to the nearest integer, ties to even; asked for if ``saturates``."""
        return intrinsic("llvm.roundeven", f"float32x{lanes}", real)

    def rounded(self, real: Expr, lanes: int) -> Expr:
        """int32: float32 ``real``, within +-2^22 unless ``saturates``, to nearest, ties to even."""
        magic = real + constant(MAGIC_FLOAT, "float32", lanes)
        return T.reinterpret(magic, dtype=f"int32x{lanes}") - constant(MAGIC, "int32", lanes)

    def narrowed(
        self, parts: list[Expr], lanes: int, limits: Limits, short: bool = False, bits: int = 0
    ) -> list[Expr]:
        """Stored values of four int32 vectors of steps: as many, or one if ``saturates``.

        ``short``, ``bits``: as in ``words``.
        """
        if self.saturates:
            words = [self.words(parts[first : first + 2], lanes, short, bits) for first in (0, 2)]
            return [self.ordered(self.joined(words, 2 * lanes, limits), lanes)]
        zero = T.broadcast(limits.zero, lanes)
        return [T.Cast(f"{self.dtype}x{lanes}", part + zero) for part in parts]


def tile(isa: Isa, width: int, blocks: int) -> tuple[int, int]:
    """(pixels, channel blocks) of the register tile for rows of ``width`` outputs."""
    columns = min(isa.blocks, blocks)
    if width < 4:
        columns = min(8, blocks)
    pixels = max(1, min(width, isa.registers // columns))
    return balanced(width, pixels), columns


def balanced(whole: int, most: int) -> int:
    """A part of at most ``most`` such that as few parts as can be make ``whole``."""
    return -(-whole // -(-whole // most))


def constant(value: float | int, dtype: str, lanes: int) -> Expr:
    """A vector with every lane ``value``."""
    scalar = T.float32(value) if dtype == "float32" else T.int32(value)
    return T.broadcast(scalar, lanes)


def intrinsic(name: str, dtype: str, *arguments: Expr) -> Expr:
    """A call of an LLVM intrinsic without side effects, bound to a name."""
    number = T.llvm_lookup_intrinsic_id(name)
    return T.bind(T.call_llvm_pure_intrin(number, *arguments, dtype=dtype))


def shuffle(vectors: list[Expr], order: list[int]) -> Expr:
    """The elements ``order`` of the vectors put side by side, bound to a name."""
    return T.bind(T.Shuffle(vectors, [T.int32(place) for place in order]))


def clamped(values: Expr, limits: Limits, dtype: str, lanes: int) -> Expr:
    """Stored values within the limits."""
    if not limits.clamped:
        return values
    values = T.max(values, T.broadcast(T.Cast(dtype, limits.low), lanes))
    return T.bind(T.min(values, T.broadcast(T.Cast(dtype, limits.high), lanes)))
