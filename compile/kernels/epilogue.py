"""The rescale of accumulators to stored values, with the activation and add that follow it."""

from __future__ import annotations

from dataclasses import dataclass

from tvm.script import tirx as T

from .frame import spread, store
from .isa.base import Expr, Isa, Limits, constant, intrinsic, shuffle

# Constants of one operator beside its weights: floats and integers that differ between layers of
# one shape, read from memory so that such layers share one kernel.
FLOATS = (
    "low",
    "high",
    "positive",
    "act_low",
    "act_high",
    "add_scale",
    "add_low",
    "add_high",
    "a_real",
    "b_real",
    "c_real",
)


INTS = (
    "source_zero",
    "zero",
    "a_factor",
    "b_factor",
    "b_offset",
    "minimum",
    "maximum",
    "act_factor",
    "act_least",
    "act_most",
)


WORDS = ("act_factor", "act_least", "act_most")
"""Those that an activation in 16-bit words reads: its positive factor and its operand's range."""


def _words_constant(ints: Expr, name: str, count: int) -> Expr:
    value = T.Cast("int16", ints.vload([INTS.index(name)], "int32"))
    return T.bind(T.broadcast(value, count))


def limits(ints: Expr, clamped: bool = True) -> Limits:
    """The limits of the result in the table INTS."""
    scalars = (ints.vload([INTS.index(n)], "int32") for n in ("zero", "minimum", "maximum"))
    zero, low, high = map(T.bind, scalars)
    return Limits(zero, low, high, clamped)


@dataclass(frozen=True)
class Part:
    """A vector of int32 steps, and int16 factors of the negative ones if words activate it."""

    steps: Expr
    slope: Expr | None = None


@dataclass(frozen=True)
class Product:
    """How Words (arithmetic/words.py) are applied."""

    shift: int
    plus: bool


def prelu(isa: Isa, acc: Expr, factors: tuple[Expr, Expr], product: Product, count: int) -> Expr:
    """int16xcount ``acc`` times the factor of its sign, by rounding high products."""
    positive, negative = factors
    zeros = T.broadcast(T.int16(0), count)
    factor = None if product.plus else T.bind(T.Select(acc < zeros, negative, positive))
    if product.shift:
        acc = T.bind(acc << T.broadcast(T.int16(product.shift), count))
    if factor is not None:
        return isa.high_product(acc, factor, count)
    lower = isa.high_product(acc, negative, count)
    return T.bind(T.max(isa.high_sum(acc, positive, count), lower))


FLOAT = 2**30
"""The start of a line (arithmetic/lines.py) of a channel that has none: its scale is float32.

Other starts are far below. The least int32 will not do: TVM simplifies comparisons with it away.
"""


@dataclass(frozen=True)
class Line:
    """How lines (arithmetic/lines.py) are applied; ``mixed``: some channels have none."""

    shift: int
    mixed: bool


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """What shapes an epilogue besides its activation and add.

    ``words``: the activation's product, if it runs in 16-bit words (rescale/words.py). ``wide``:
    the accumulators times their scales may pass int32, so they are clamped first. ``clamped``: the
    result's range is less than int8's. ``fused``: the add runs as two float multiply-adds
    (arithmetic/multiply_add.py). ``short``: what becomes 16-bit words first fits them. ``capped``:
    an activation in words needs its operand's upper clamp, as its result does not saturate there.
    ``fixed``: the first rescale is a product of integers with so many bits of a fraction
    (arithmetic/fixedpoint.py); 0: one of floats, or of lines, if there is a ``line``.
    ``rectified``: the result's range is [0, 127] and its zero point 0. ``real``: the scaled sums
    are the float32 result.
    """

    words: Product | None = None
    wide: bool = False
    clamped: bool = True
    fused: bool = False
    short: bool = False
    capped: bool = True
    fixed: int = 0
    line: Line | None = None
    rectified: bool = False
    real: bool = False

    @property
    def scale_dtype(self) -> str:
        """Type of the table of scales; integers may hold the bits of float32."""
        return "int32" if self.fixed or self.line else "float32"

    @property
    def negative_dtype(self) -> str:
        """Type of the table of an activation's factors of negative values."""
        return "float32" if self.words is None else "int16"


PLAIN = Rounding()


Scales = tuple[Expr, Expr | None]
"""Scale vectors of a channel block for positive and (if they differ) negative values."""


class Epilogue:
    """arithmetic/README.md's rescale of accumulators, stored as ``isa.dtype``.

    Either one rescale with a scale for each sign (``two_scales``), or a convolution's chain of
    rescale, fused activation (``activation``) and fused add (``add``), rounded at each link.
    """

    def __init__(
        self,
        isa: Isa,
        lanes: int,
        floats: Expr,
        ints: Expr,
        *,
        two_scales: bool = False,
        activation: bool = False,
        add: bool = False,
        rounding: Rounding = PLAIN,
    ):
        self.isa, self.lanes, self.add, self.product = isa, lanes, add, rounding.words
        self.two_scales, self.activation = two_scales, activation
        self.fused, self.short, self.capped = rounding.fused, rounding.short, rounding.capped
        self.fixed = rounding.fixed
        self.clamped = rounding.wide or not isa.saturates
        self.f = {name: T.bind(spread(floats, i, lanes)) for i, name in enumerate(FLOATS)}
        self.i = {name: T.bind(spread(ints, i, lanes)) for i, name in enumerate(INTS)}
        self.limits = limits(ints, rounding.clamped)
        if rounding.words is not None:
            self.w = {name: _words_constant(ints, name, 2 * lanes) for name in WORDS}

    def scales(self, scale: Expr, index: Expr) -> Scales:
        """The positive and negative scale vectors at a channel; bound to names."""
        positive, negative = scale
        first = T.bind(positive.vload([index], f"{positive.dtype}x{self.lanes}"))
        second = self.two_scales or self.activation
        kind = "float32" if self.product is None else "int16"
        return first, (T.bind(negative.vload([index], f"{kind}x{self.lanes}")) if second else None)

    def rounded(self, acc: Expr, scales: Scales, other: Expr | None = None) -> Part:
        """Steps of ``acc`` from the zero point; ``other``: the fused add's operand b."""
        if self.fixed:
            return Part(self.isa.high_half(acc, scales[0], self.lanes), scales[1])
        if self.product is not None:
            real = T.Cast(f"float32x{self.lanes}", acc) * scales[0]
            return Part(self._rounded(real, "low", "high"), scales[1])
        return Part(self._steps(acc, scales, other))

    def _steps(self, acc: Expr, scales: Scales, other: Expr | None) -> Expr:
        isa, f, lanes = self.isa, self.f, self.lanes
        factor, negative = scales
        if self.two_scales:
            factor = T.Select(acc >= constant(0, "int32", lanes), factor, negative)
        links = [("low", "high")]
        real = T.Cast(f"float32x{lanes}", acc) * factor
        if self.activation:
            steps = self._rounded(real, *links.pop(), more=True)
            factor = T.Select(steps >= constant(0, "int32", lanes), f["positive"], negative)
            real = T.Cast(f"float32x{lanes}", steps) * factor
            links = [("act_low", "act_high")]
        if self.add:
            low, high = links.pop()
            if self.fused:
                real = isa.bounded(real, f[low], f[high], lanes)
                return self.sum(isa.whole(real, lanes), other).steps
            return self.sum(self._rounded(real, low, high, more=True), other).steps
        return self._rounded(real, *links.pop())

    def sum(self, own: Expr, other: Expr | None) -> Part:
        """Steps of the add of zero-based ``own`` (float32 if ``fused``) and stored ``other``."""
        f, i, lanes = self.f, self.i, self.lanes
        if self.fused:
            kind = f"float32x{lanes}"
            rest = intrinsic("llvm.fma", kind, T.Cast(kind, other), f["b_real"], f["c_real"])
            real = intrinsic("llvm.fma", kind, own, f["a_real"], rest)
            return Part(self._rounded(real, "add_low", "add_high"))
        total = own * i["a_factor"] + (other * i["b_factor"] + i["b_offset"])
        real = T.Cast(f"float32x{lanes}", total) * self.f["add_scale"]
        return Part(self._rounded(real, "add_low", "add_high"))

    def _rounded(self, real: Expr, low: str, high: str, more: bool = False) -> Expr:
        """``more``: another link takes the result, so the file's clamp is due here."""
        if more or self.clamped:
            real = self.isa.bounded(real, self.f[low], self.f[high], self.lanes)
        return T.bind(self.isa.rounded(real, self.lanes))

    def nearest(self, real: Expr) -> Expr:
        """Steps of a float32 quotient of any size."""
        return self._rounded(real, "low", "high", more=True)

    def narrowed(self, parts: list[Part]) -> list[Expr]:
        """Stored values of up to four vectors of steps: one vector if ``isa.saturates``."""
        isa, lanes = self.isa, self.lanes
        if isa.saturates:
            parts = [*parts, *[parts[-1]] * (4 - len(parts))]  # packs take whole registers
        steps = [part.steps for part in parts]
        if self.product is None:
            return isa.narrowed(steps, lanes, self.limits, self.short, self.fixed)
        words = []
        for first in (0, 2):
            acc = isa.words(steps[first : first + 2], lanes, self.short, self.fixed)
            if self.capped:
                acc = T.min(acc, self.w["act_most"])
            acc = T.bind(T.max(acc, self.w["act_least"]))
            slopes = shuffle([p.slope for p in parts[first : first + 2]], isa.words_order(lanes))
            words.append(prelu(isa, acc, (self.w["act_factor"], slopes), self.product, 2 * lanes))
        return [isa.ordered(isa.joined(words, 2 * lanes, self.limits), lanes)]

    def store(
        self,
        buffer: Expr,
        parts: list[Part],
        runs: list[tuple[Expr, int]],
        channel: Expr | None = None,
    ) -> None:
        """Narrows vectors of steps and writes them; a run is (index, vectors side by side).

        Whole vectors are written, whatever ``channel`` a run starts at.
        """
        places = [(run, number) for run, (_, count) in enumerate(runs) for number in range(count)]
        for first in range(0, len(parts), 4):
            values = self.narrowed(parts[first : first + 4])
            at = places[first : first + 4]
            per_value = 4 if self.isa.saturates else 1
            start = 0
            while start < len(at):
                run, number = at[start]
                end = start + 1
                while end < len(at) and at[end][0] == run and end - start < per_value:
                    end += 1
                value, count = values[start // per_value], (end - start) * self.lanes
                if count < per_value * self.lanes:
                    value = shuffle([value], list(range(start * self.lanes, end * self.lanes)))
                store(buffer, runs[run][0] + number * self.lanes, value, count)
                start = end
