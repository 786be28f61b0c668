"""QOperator to QDQ form: operands dequantised, the float operator, its result quantised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper

from ...ceil_mode import COUNTED
from ..draft import DEFAULT, Draft, attribute, like
from .pairs import MICROSOFT

Nodes = list[onnx.NodeProto]


@dataclass
class Writer:
    """Collects the nodes that one operator becomes."""

    draft: Draft
    node: onnx.NodeProto
    nodes: Nodes

    def input(self, place: int) -> str:
        """The name of an input, empty if it is absent."""
        return self.node.input[place] if place < len(self.node.input) else ""

    def size(self, place: int) -> int:
        """How many numbers the scale at this place has; 0 if it is no constant."""
        values = self.draft.constants.get(self.input(place))
        return 0 if values is None else values.size

    def add(self, kind: str, inputs: list[str], hint: str = "", **options: Any) -> str:
        """One more node; its result's name starts with the original's."""
        out, name = self._names(hint or kind.lower())
        self.nodes.append(helper.make_node(kind, _trimmed(inputs), [out], name, **options))
        return out

    def operator(self, kind: str, inputs: list[str], *without: str) -> str:
        """The float operator, with the node's attributes except those ``without``."""
        out, name = self._names(kind.lower())
        self.nodes.append(like(self.node, kind, _trimmed(inputs), [out], name, without))
        return out

    def number(self, name: str, default: Any) -> Any:
        """An attribute of the default's type."""
        return attribute(self.draft, self.node, name, default)

    def real(self, place: int, axis: int | None = None) -> str:
        """The operand at this place, followed by its scale and zero point, dequantised."""
        options = {} if axis is None or self.size(place + 1) == 1 else {"axis": axis}
        inputs = [self._flat(self.input(place + i), i) for i in range(3)]
        return self.add("DequantizeLinear", inputs, f"operand_{place}", **options)

    def end(self, value: str, place: int) -> None:
        """Quantises ``value`` with the scale and zero point at this place, as the result."""
        inputs = [value, *(self._flat(self.input(place + i), 1) for i in range(2))]
        self.nodes.append(
            helper.make_node(
                "QuantizeLinear", _trimmed(inputs), [self.node.output[0]], self.node.name
            )
        )

    def bias(self, place: int, first: int, second: int, factor: float = 1.0) -> str:
        """The int32 bias at this place, whose scale is the product of two others."""
        scales = [self.draft.constants[self.input(i)].reshape(-1) for i in (first, second)]
        scale = scales[0] * scales[1] * np.float32(factor)
        name = self.draft.constant(
            f"{self.input(place)}_scale", scale if scale.size > 1 else scale[0]
        )
        options = {"axis": 0} if scale.size > 1 else {}
        return self.add("DequantizeLinear", [self.input(place), name], "bias", **options)

    def _names(self, hint: str) -> tuple[str, str]:
        """A result's and its node's name."""
        name = self.node.name and f"{self.node.name}_{hint}"
        return self.draft.fresh(f"{self.node.output[0]}_{hint}"), name

    def _flat(self, name: str, place: int) -> str:
        """Scales and zero points as scalars or vectors; some files have them as (1, 1)."""
        values = self.draft.constants.get(name)
        if place == 0 or values is None or values.ndim == (values.size != 1):
            return name
        return self.draft.constant(name, values.reshape(() if values.size == 1 else -1))


def run(draft: Draft) -> None:
    """Rewrites what is known; an operator whose scales are no constants stays.

    Raises:
        CompileError: a node with fewer inputs than its operator has.
    """
    nodes: Nodes = []
    for node in draft.nodes:
        rule, inputs = RULES.get((node.domain, node.op_type), (None, 0))
        if rule is None:
            nodes.append(node)
            continue
        if len(node.input) < inputs or not node.output or not all(node.input[:2]):
            raise draft.error(
                node, f"has {len(node.input)} inputs, expected {inputs} or more; export it anew"
            )
        writer = Writer(draft, node, [])
        rule(writer)
        nodes.extend(writer.nodes or [node])
    draft.nodes = nodes


def _conv(w: Writer) -> None:
    if w.size(1) != 1 or not w.size(4) or w.size(6) != 1:
        return
    inputs = [w.real(0), w.real(3, 0)]
    if w.input(8):
        inputs.append(w.bias(8, 1, 4))
    w.end(w.operator("Conv", inputs), 6)


def _matmul(w: Writer) -> None:
    if w.size(1) != 1 or not w.size(4) or w.size(6) != 1:
        return
    w.end(w.add("MatMul", [w.real(0), w.real(3, -1)]), 6)


def _gemm(w: Writer) -> None:
    if w.size(1) != 1 or not w.size(4):
        return
    inputs = [w.real(0), w.real(3, 0 if w.number("transB", 0) else 1)]
    if w.input(6):
        inputs.append(w.bias(6, 1, 4, w.number("alpha", 1.0)))
    value = w.operator("Gemm", inputs)
    if w.input(7):
        w.end(value, 7)
    else:
        w.nodes[-1].output[0] = w.node.output[0]


def _binary(kind: str) -> Callable[[Writer], None]:
    return lambda w: w.end(w.add(kind, [w.real(0), w.real(3)]), 6)


def _unary(kind: str) -> Callable[[Writer], None]:
    def rule(w: Writer) -> None:
        if w.number("channels_last", 0):
            return
        inputs = [w.real(0)]
        axes = w.number("axes", []) if kind == "ReduceMean" else []
        if axes:
            values = np.asarray(axes, np.int64)
            inputs.append(w.draft.constant(f"{w.node.output[0]}_axes", values))
        value = w.operator(kind, inputs, "channels_last", "axes")
        if kind == "AveragePool":
            w.nodes[-1].attribute.append(helper.make_attribute(COUNTED, 1))
        w.end(value, 3)

    return rule


def _softmax(w: Writer) -> None:
    """Before opset 13 Softmax was over all axes from ``axis`` on."""
    axis = w.number("axis", -1)
    value = w.real(0)
    if w.number("opset", 13) >= 13:
        w.end(w.add("Softmax", [value], axis=axis), 3)
        return
    shape = w.add("Shape", [value])
    flat = w.add("Flatten", [value], axis=axis)
    w.end(w.add("Reshape", [w.add("Softmax", [flat], axis=-1), shape]), 3)


def _concat(w: Writer) -> None:
    if len(w.node.input) % 3 != 2:
        raise w.draft.error(
            w.node, "its inputs are no triples of value, scale and zero point; export it anew"
        )
    values = [w.real(place) for place in range(2, len(w.node.input), 3)]
    w.end(w.add("Concat", values, axis=w.number("axis", 1)), 0)


def _trimmed(inputs: list[str]) -> list[str]:
    while inputs and not inputs[-1]:
        inputs = inputs[:-1]
    return inputs


RULES: dict[tuple[str, str], tuple[Callable[[Writer], None], int]] = {
    **{(domain, "QLinearConv"): (_conv, 8) for domain in DEFAULT},
    **{(domain, "QLinearMatMul"): (_matmul, 8) for domain in DEFAULT},
    (MICROSOFT, "QLinearConv"): (_conv, 8),
    (MICROSOFT, "QGemm"): (_gemm, 6),
    (MICROSOFT, "QLinearAdd"): (_binary("Add"), 7),
    (MICROSOFT, "QLinearMul"): (_binary("Mul"), 7),
    (MICROSOFT, "QLinearGlobalAveragePool"): (_unary("GlobalAveragePool"), 4),
    (MICROSOFT, "QLinearAveragePool"): (_unary("AveragePool"), 4),
    (MICROSOFT, "QLinearSigmoid"): (_unary("Sigmoid"), 4),
    (MICROSOFT, "QLinearLeakyRelu"): (_unary("LeakyRelu"), 4),
    (MICROSOFT, "QLinearReduceMean"): (_unary("ReduceMean"), 4),
    (MICROSOFT, "QLinearSoftmax"): (_softmax, 4),
    (MICROSOFT, "QLinearConcat"): (_concat, 5),
}
"""Operator to its rule and the fewest inputs it has."""
