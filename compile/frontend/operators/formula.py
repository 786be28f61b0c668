"""Functions of float32 tensors out of a few operations, each of which rounds once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...graph import RealBinary, RealUnary
from ..network import Node
from ..places import Place

if TYPE_CHECKING:
    from ..importer import Importer

Value = str | float
"""A tensor, or one number."""


@dataclass(frozen=True)
class Formula:
    """Appends operations under the name of a node."""

    importer: Importer
    node: Node

    def tensor(self, sizes: tuple[int, int, int]) -> str:
        """A new tensor of float32 for a result."""
        return self.importer.tensor(self.importer.name(self.node.output), sizes, real=True)

    def number(self, value: Value) -> str:
        """A tensor of one number."""
        if isinstance(value, str):
            return value
        array = np.full((1, 1, 1), value, np.float32)
        return self.importer.constant(f"{self.node.output}.number", array).tensor

    def one(self, kind: str, x: str, **options: float) -> str:
        """A RealUnary."""
        y = self.tensor(self.importer.tensors[x].shape)
        name = self.importer.own_name(self.node)
        self.importer.emit(RealUnary(name=name, inputs=(x,), output=y, kind=kind, **options))  # type: ignore[arg-type]
        return y

    def two(self, kind: str, a: Value, b: Value) -> str:
        """A RealBinary; an axis of 1 is repeated."""
        names = self.number(a), self.number(b)
        sizes = [self.importer.tensors[name].shape for name in names]
        height, width, channels = (max(pair) for pair in zip(*sizes, strict=True))
        y = self.tensor((height, width, channels))
        name = self.importer.own_name(self.node)
        self.importer.emit(RealBinary(name=name, inputs=names, output=y, kind=kind))
        return y

    def plus(self, a: Value, b: Value) -> str:
        return self.two("add", a, b)

    def minus(self, a: Value, b: Value) -> str:
        return self.two("subtract", a, b)

    def times(self, a: Value, b: Value) -> str:
        return self.two("multiply", a, b)

    def over(self, a: Value, b: Value) -> str:
        return self.two("divide", a, b)

    def exp(self, x: str) -> str:
        return self.one("exp", x)

    def log(self, x: str) -> str:
        return self.one("log", x)

    def magnitude(self, x: str) -> str:
        return self.one("abs", x)

    def clip(self, x: str, least: float, most: float) -> str:
        return self.one("clip", x, least=least, most=most)


def sigmoid(f: Formula, x: str, by: float = 1.0) -> str:
    """Of ``by * x``."""
    return f.over(1.0, f.plus(f.exp(f.times(x, -by)), 1.0))


def near_zero(
    f: Formula, x: str, far: Callable[[str], str], reach: float, factors: tuple[float, ...]
) -> str:
    """A function that is 0 at 0, exact to its last bits there too.

    ``far`` is within some 2^-22 of 1, which is much beside small results; within ``reach`` the
    result is ``x`` times a polynomial of ``factors``, the highest power first. There both calls of
    ``far`` have the same operand, and what they give is taken off.
    """
    inside = f.clip(x, -reach, reach)
    total: Value = factors[0]
    for factor in factors[1:]:
        total = f.plus(f.times(inside, total), factor)
    return f.plus(f.times(inside, total), f.minus(far(x), far(inside)))


def odd(*factors: float) -> tuple[float, ...]:
    """Factors of a polynomial of even powers alone."""
    return tuple(one for factor in factors for one in (factor, 0.0))[:-1]


def tanh(f: Formula, x: str) -> str:
    def far(value: str) -> str:
        return f.minus(f.over(2.0, f.plus(f.exp(f.times(value, -2.0)), 1.0)), 1.0)

    return near_zero(f, x, far, 0.25, odd(-17 / 315, 2 / 15, -1 / 3, 1.0))


def exp_less_one(f: Formula, x: str) -> str:
    factors = (1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0)
    return near_zero(f, x, lambda value: f.minus(f.exp(value), 1.0), 0.25, factors)


def log_of_one_more(f: Formula, x: str) -> str:
    factors = (-1 / 6, 1 / 5, -1 / 4, 1 / 3, -0.5, 1.0)
    return near_zero(f, x, lambda value: f.log(f.plus(value, 1.0)), 1 / 16, factors)


def softplus(f: Formula, x: str) -> str:
    """Without an exponential that could become infinite."""
    small = log_of_one_more(f, f.exp(f.times(f.magnitude(x), -1.0)))
    return f.plus(f.clip(x, 0.0, math.inf), small)


ERFC = (
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418,
    0.37409196, 1.00002368, -1.26551223,
)  # fmt: skip
"""Press and others, Numerical Recipes, erfc by Chebyshev: 1.2e-7 of the result off at most."""


def erfc(f: Formula, magnitude: str) -> str:
    """One less erf, of what is not negative: exact in its tail too."""
    t = f.over(1.0, f.plus(f.times(magnitude, 0.5), 1.0))
    total: Value = ERFC[0]
    for factor in ERFC[1:]:
        total = f.plus(f.times(t, total), factor)
    return f.times(t, f.exp(f.minus(total, f.times(magnitude, magnitude))))


def erf(f: Formula, x: str) -> str:
    def far(value: str) -> str:
        sign = f.clip(f.times(value, 1e30), -1.0, 1.0)
        return f.times(f.minus(1.0, erfc(f, f.magnitude(value))), sign)

    series = odd(*(2 / math.sqrt(math.pi) * part for part in (-1 / 42, 1 / 10, -1 / 3, 1.0)))
    return near_zero(f, x, far, 0.25, series)


def exponential(f: Formula, x: str, alpha: float, steep: float = 1.0) -> str:
    """``x`` where positive, else ``alpha * (exp(steep * x) - 1)``: Elu, Celu and Selu."""
    below = f.clip(x, -math.inf, 0.0)
    curve = exp_less_one(f, below if steep == 1.0 else f.times(below, steep))
    return f.plus(f.clip(x, 0.0, math.inf), curve if alpha == 1.0 else f.times(curve, alpha))


def gelu(f: Formula, x: str, approximate: bool) -> str:
    if not approximate:
        magnitude = f.magnitude(x)
        tail = erfc(f, f.times(magnitude, math.sqrt(0.5)))
        return f.minus(f.clip(x, 0.0, math.inf), f.times(f.times(magnitude, 0.5), tail))
    half = f.times(x, 0.5)
    cube = f.times(f.times(f.times(x, x), x), 0.044715)
    inner = f.times(f.plus(x, cube), math.sqrt(2 / math.pi))
    return f.times(half, f.plus(tanh(f, inner), 1.0))


def floor(f: Formula, x: str) -> str:
    """The nearest whole number, or the one below it where that is above ``x``."""
    whole = f.one("round", x)
    return f.minus(whole, f.clip(f.one("sign", f.minus(whole, x)), 0.0, 1.0))


def thresholded(f: Formula, x: str, alpha: float) -> str:
    """``x`` where it is above ``alpha``, else 0; of what is not finite too."""
    above = f.clip(f.one("sign", f.minus(x, alpha)), 0.0, 1.0)
    return f.times(f.clip(x, float(np.finfo(np.float32).min), math.inf), above)


def hard_sigmoid(f: Formula, x: str, alpha: float, beta: float) -> str:
    return f.clip(f.plus(f.times(x, alpha), beta), 0.0, 1.0)


def selu(f: Formula, x: str, alpha: float, gamma: float) -> str:
    return f.times(exponential(f, x, alpha), gamma)


FORMULAS: dict[str, Callable[[Formula, dict[str, Any], str], str]] = {
    "Exp": lambda f, a, x: f.exp(x),
    "Log": lambda f, a, x: f.log(x),
    "Neg": lambda f, a, x: f.times(x, -1.0),
    "Reciprocal": lambda f, a, x: f.over(1.0, x),
    "Sigmoid": lambda f, a, x: sigmoid(f, x),
    "Tanh": lambda f, a, x: tanh(f, x),
    "Softplus": lambda f, a, x: softplus(f, x),
    "Softsign": lambda f, a, x: f.over(x, f.plus(f.magnitude(x), 1.0)),
    "Mish": lambda f, a, x: f.times(x, tanh(f, softplus(f, x))),
    "Swish": lambda f, a, x: f.times(x, sigmoid(f, x, a.get("alpha", 1.0))),
    "HardSigmoid": lambda f, a, x: hard_sigmoid(f, x, a.get("alpha", 0.2), a.get("beta", 0.5)),
    "HardSwish": lambda f, a, x: f.times(x, hard_sigmoid(f, x, 1 / 6, 0.5)),
    "Elu": lambda f, a, x: exponential(f, x, a.get("alpha", 1.0)),
    "Celu": lambda f, a, x: exponential(f, x, a.get("alpha", 1.0), 1 / a.get("alpha", 1.0)),
    "Selu": lambda f, a, x: selu(
        f, x, a.get("alpha", 1.6732632423543772), a.get("gamma", 1.0507009873554805)
    ),
    "Erf": lambda f, a, x: erf(f, x),
    "Round": lambda f, a, x: f.one("round", x),
    "Sign": lambda f, a, x: f.one("sign", x),
    "Floor": lambda f, a, x: floor(f, x),
    "Ceil": lambda f, a, x: f.times(floor(f, f.times(x, -1.0)), -1.0),
    "ThresholdedRelu": lambda f, a, x: thresholded(f, x, a.get("alpha", 1.0)),
    "Gelu": lambda f, a, x: gelu(f, x, a.get("approximate", b"none") == b"tanh"),
}
"""Attributes and an operand to the result."""


def applied(importer: Importer, node: Node) -> Place:
    """A function of one float32 tensor."""
    x = importer.real(node.inputs[0], node)
    numbers = [v for v in node.attributes.values() if isinstance(v, float)]
    if not np.isfinite(numbers).all() or (node.kind == "Celu" and 0.0 in numbers):
        raise importer.network.error(
            node, f"its attributes {node.attributes} must be finite, and no divisor 0"
        )
    return x.on(FORMULAS[node.kind](Formula(importer, node), node.attributes, x.tensor))


POWERS = (0.5, 1.0, 2.0, 3.0, -1.0)


def power(importer: Importer, node: Node) -> Place:
    """A float32 tensor to the power of one of a few constants."""
    network = importer.network
    constant = network.constant(node.inputs[1])
    exponent = float(constant.real.item()) if constant and constant.values.size == 1 else math.nan
    same = network.shape(node.inputs[0], node) == network.shape(node.output, node)
    if exponent not in POWERS or not same:
        raise network.error(
            node, f"in float32 its exponent must be one of {POWERS}; quantise what it reads"
        )
    x = importer.real(node.inputs[0], node)
    f = Formula(importer, node)
    if exponent == 0.5:
        return x.on(f.one("sqrt", x.tensor))
    if exponent == -1:
        return x.on(f.over(1.0, x.tensor))
    y = x.tensor
    for _ in range(int(exponent) - 1):
        y = f.times(y, x.tensor)
    return x.on(y)
