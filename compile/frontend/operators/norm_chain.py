"""Layer norm in the many nodes that exporters write, found from its last value backwards.

The quantiser asks the same of float networks, so this knows nodes by four questions only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from ...arithmetic.scales import Norm

KINDS = ("Add", "Sub", "Mul", "Div", "LayerNormalization")
"""What a norm ends with."""


class Nodes(Protocol):
    """A network as a chain is read in it."""

    def writer(self, value: str) -> tuple[str, Sequence[str], dict[str, Any]] | None:
        """Kind, inputs and attributes of the node that writes a value."""

    def constant(self, value: str) -> np.ndarray | None:
        """The values of a constant, float64."""

    def shape(self, value: str) -> tuple[int, ...]:
        """Of a value; empty where it is not known."""


@dataclass(frozen=True)
class Part:
    """What a value is of ``x``, and the values in between; not ``centred``: without the mean.

    ``kind``: "centred" ``gain (x - mean)``, "squares" of that, "variance" ``factor variance +
    inside``, "spread" ``sqrt(variance) + beside``, "inverse" ``gain / spread``, "norm" with all.
    ``least``: what the variance is clamped to from below.
    """

    kind: str
    x: str
    gain: np.ndarray = field(default_factory=lambda: np.ones(1))
    shift: np.ndarray = field(default_factory=lambda: np.zeros(1))
    factor: float = 1.0
    inside: float = 0.0
    beside: float = 0.0
    least: float = 0.0
    within: frozenset[str] = frozenset()
    centred: bool = True

    def norm(self, channels: int) -> Norm:
        """The numbers of a norm."""
        gain, shift = (np.broadcast_to(v, channels).copy() for v in (self.gain, self.shift))
        return Norm(gain, shift, self.factor, self.inside, self.beside, self.centred)

    def counts(self, channels: int, scale: float) -> bool:
        """Whether the clamp changes variances of int8 values that are not all equal."""
        smallest = (scale / channels) ** 2 * (channels - 1 if self.centred else channels)
        return self.least > self.factor * smallest + self.inside


def found(nodes: Nodes, value: str) -> Part | None:
    """The norm over the last axis that ``value`` is; None where it is none."""
    writer = nodes.writer(value)
    if writer is None or writer[0] not in KINDS:
        return None
    part = _read(nodes, value, 0)
    if part is None or part.kind != "norm":
        return None
    return replace(part, within=part.within - {value, part.x})


DEEP = 16
"""Nodes that the longest form has one after the other, and a few more."""


def _read(nodes: Nodes, value: str, depth: int) -> Part | None:
    writer = nodes.writer(value)
    rule = RULES.get(writer[0]) if writer is not None else None
    if writer is None or rule is None or depth > DEEP:
        return None
    part = rule(_Reader(nodes, value, depth), writer[1], writer[2])
    return replace(part, within=part.within | {value}) if part is not None else None


@dataclass(frozen=True)
class _Reader:
    nodes: Nodes
    value: str
    depth: int

    def part(self, value: str) -> Part | None:
        return _read(self.nodes, value, self.depth + 1)

    def row(self, value: str) -> np.ndarray | None:
        """A constant of one number, or of one for each entry of the last axis."""
        constant = self.nodes.constant(value)
        if constant is None or (constant.size > 1 and constant.shape[-1] != constant.size):
            return None
        channels = self.nodes.shape(self.value)[-1:]
        row = constant.reshape(-1).astype(np.float64)
        return row if row.size in (1, *channels) and np.isfinite(row).all() else None

    def both(self, inputs: Sequence[str]) -> tuple[Part | None, np.ndarray | None, bool]:
        """The part and the constant that two inputs are, and whether the constant is first."""
        row = self.row(inputs[0])
        if row is not None:
            return self.part(inputs[1]), row, True
        return self.part(inputs[0]), self.row(inputs[1]), False

    def over_last(self, value: str, inputs: Sequence[str], attributes: dict[str, Any]) -> bool:
        """Whether a reduction goes over the last axis alone and keeps it."""
        rank = len(self.nodes.shape(value))
        axes = attributes.get("axes")
        if axes is None and len(inputs) > 1 and inputs[1]:
            constant = self.nodes.constant(inputs[1])
            axes = None if constant is None else [int(axis) for axis in constant.reshape(-1)]
        return axes is not None and [axis % rank for axis in axes if rank] == [rank - 1] and (
            attributes.get("keepdims", 1) == 1
        )  # fmt: skip


Inputs = Sequence[str]
Attributes = dict[str, Any]


def _less(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    mean = r.nodes.writer(inputs[1])
    if mean is not None and mean[0] == "ReduceMean" and mean[1][0] == inputs[0]:
        if not r.over_last(inputs[0], mean[1], mean[2]):
            return None
        return Part("centred", inputs[0], within=frozenset({inputs[1]}))
    part, row, first = r.both(inputs)
    if part is None or row is None or part.kind != "norm":
        return None
    if first:
        return replace(part, gain=-part.gain, shift=row - part.shift)
    return replace(part, shift=part.shift - row)


def _more(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part, row, _ = r.both(inputs)
    if part is None or row is None:
        return None
    if part.kind == "norm":
        return replace(part, shift=part.shift + row)
    if row.size > 1 or row.item() < 0:
        return None
    if part.kind == "variance":
        return replace(part, inside=part.inside + row.item())
    return replace(part, beside=part.beside + row.item()) if part.kind == "spread" else None


def _scaled(part: Part, by: np.ndarray) -> Part | None:
    if part.kind in ("centred", "norm", "inverse"):
        return replace(part, gain=part.gain * by, shift=part.shift * by)
    if by.size > 1 or by.item() <= 0 or part.kind == "spread":
        return None
    factor = by.item()
    return replace(
        part, factor=part.factor * factor, inside=part.inside * factor, least=part.least * factor
    )


def _times(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    if inputs[0] == inputs[1]:
        return _squares(r.part(inputs[0]), inputs[0])
    part, row, _ = r.both(inputs)
    if part is not None and row is not None:
        return _scaled(part, row)
    other = r.part(inputs[1])
    return _together(inputs[0], part, other) or _together(inputs[1], other, part)


def _squares(part: Part | None, value: str) -> Part:
    if part is None or part.kind != "centred" or part.gain.size > 1:
        return Part("squares", value, centred=False)
    factor = float(part.gain.item()) ** 2
    return Part("squares", part.x, factor=factor, within=part.within)


def _together(value: str, part: Part | None, other: Part | None) -> Part | None:
    """``value``, which is ``part``, times or over ``other``, of the same values."""
    if other is not None and not other.centred and other.x == value:
        return replace(other, kind="norm") if other.kind in ("spread", "inverse") else None
    if part is None or other is None or part.x != other.x or not other.centred:
        return None
    if part.kind != "centred" or other.kind not in ("spread", "inverse"):
        return None
    gain, within = part.gain * other.gain, part.within | other.within
    return replace(other, kind="norm", gain=gain, within=within)


def _over(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    row = r.row(inputs[1])
    if row is not None:
        part = r.part(inputs[0])
        return _scaled(part, 1 / row) if part is not None and (row != 0).all() else None
    other = r.part(inputs[1])
    if other is None or other.kind != "spread":
        return None
    row = r.row(inputs[0])
    if row is not None:
        return replace(other, kind="inverse", gain=row)
    return _together(inputs[0], r.part(inputs[0]), other)


def _power(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part, row = r.part(inputs[0]), r.row(inputs[1])
    if row is None or row.size > 1:
        return None
    if row.item() == 2:
        return _squares(part, inputs[0])
    if part is None:
        return None
    kinds = {0.5: "spread", -0.5: "inverse"}
    kind = kinds.get(row.item()) if part.kind == "variance" else None
    return replace(part, kind=kind) if kind is not None else None


def _mean(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part = r.part(inputs[0])
    if part is None or part.kind != "squares" or not r.over_last(inputs[0], inputs, attributes):
        return None
    return replace(part, kind="variance")


def _sum(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part = _mean(r, inputs, attributes)
    size = r.nodes.shape(inputs[0])[-1:]
    return replace(part, factor=part.factor * size[0]) if part is not None and size else None


def _length(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    size = r.nodes.shape(inputs[0])[-1:]
    if not size or not r.over_last(inputs[0], inputs, attributes):
        return None
    return Part("spread", inputs[0], factor=float(size[0]), centred=False)


def _repeated(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part = r.part(inputs[0])
    if part is None or part.kind not in ("variance", "spread", "inverse"):
        return None
    return part if r.nodes.shape(r.value) == r.nodes.shape(part.x) else None


def _root(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part = r.part(inputs[0])
    return replace(part, kind="spread") if part is not None and part.kind == "variance" else None


def _inverse(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part = r.part(inputs[0])
    return replace(part, kind="inverse") if part is not None and part.kind == "spread" else None


def _at_least(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    part = r.part(inputs[0])
    row = r.row(inputs[1]) if len(inputs) > 1 and inputs[1] else None
    if part is None or row is None or row.size > 1 or part.beside or row.item() < 0:
        return None
    if part.kind not in ("variance", "spread") or (len(inputs) > 2 and inputs[2]):
        return None
    least = row.item() ** (1 if part.kind == "variance" else 2)
    return replace(part, least=max(part.least, least))


def _node(r: _Reader, inputs: Inputs, attributes: Attributes) -> Part | None:
    rank = len(r.nodes.shape(inputs[0]))
    if not rank or attributes.get("axis", -1) % rank != rank - 1:
        return None
    gain = r.row(inputs[1])
    shift = r.row(inputs[2]) if len(inputs) > 2 and inputs[2] else np.zeros(1)
    if gain is None or shift is None:
        return None
    inside = float(attributes.get("epsilon", 1e-5))
    return Part("norm", inputs[0], gain, shift, inside=inside)


RULES: dict[str, Callable[[_Reader, Inputs, Attributes], Part | None]] = {
    "Sub": _less,
    "Add": _more,
    "Mul": _times,
    "Div": _over,
    "Pow": _power,
    "ReduceMean": _mean,
    "ReduceSum": _sum,
    "ReduceL2": _length,
    "Expand": _repeated,
    "Sqrt": _root,
    "Reciprocal": _inverse,
    "Clip": _at_least,
    "Max": _at_least,
    "LayerNormalization": _node,
}
