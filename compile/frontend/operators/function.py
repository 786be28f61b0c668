"""Any chain of element-wise operators on one int8 tensor and constants: a table of its results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...arithmetic import file_rule
from ...graph import Table
from .. import places
from ..network import Node, Want
from ..places import Place

if TYPE_CHECKING:
    from ..importer import Importer

Attributes = dict[str, Any]
MOST_CONSTANTS = 2**13
"""Values of a constant operand up to which a table for each channel is thought of."""

Function = Callable[..., np.ndarray]


def _erf(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(value) for value in x.ravel()]).reshape(x.shape)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(x, 0))


def _gelu(a: Attributes, x: np.ndarray) -> np.ndarray:
    if a.get("approximate", b"none") == b"tanh":
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + _erf(x / math.sqrt(2))))


def _clip(a: Attributes, x: np.ndarray, low: Any = -np.inf, high: Any = np.inf) -> np.ndarray:
    return np.minimum(np.maximum(x, low), high)


FUNCTIONS: dict[str, Function] = {
    "Abs": lambda a, x: np.abs(x),
    "Add": lambda a, x, y: x + y,
    "Ceil": lambda a, x: np.ceil(x),
    "Celu": lambda a, x: (
        np.maximum(x, 0) + np.minimum(0, a.get("alpha", 1.0) * np.expm1(x / a.get("alpha", 1.0)))
    ),
    "Clip": _clip,
    "Div": lambda a, x, y: x / y,
    "Elu": lambda a, x: np.where(x < 0, a.get("alpha", 1.0) * np.expm1(x), x),
    "Erf": lambda a, x: _erf(x),
    "Exp": lambda a, x: np.exp(x),
    "Floor": lambda a, x: np.floor(x),
    "Gelu": _gelu,
    "HardSigmoid": lambda a, x: np.clip(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1),
    "HardSwish": lambda a, x: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": lambda a, x: np.where(x < 0, a.get("alpha", 0.01) * x, x),
    "Log": lambda a, x: np.log(x),
    "Max": lambda a, *x: _reduced(np.maximum, x),
    "Min": lambda a, *x: _reduced(np.minimum, x),
    "Mish": lambda a, x: x * np.tanh(_softplus(x)),
    "Mul": lambda a, x, y: x * y,
    "Neg": lambda a, x: -x,
    "PRelu": lambda a, x, slope: np.where(x < 0, slope * x, x),
    "Pow": lambda a, x, y: np.power(x, y),
    "Reciprocal": lambda a, x: 1 / x,
    "Relu": lambda a, x: np.maximum(x, 0),
    "Round": lambda a, x: np.rint(x),
    "Selu": lambda a, x: (
        a.get("gamma", 1.0507009873554805)
        * np.where(x > 0, x, a.get("alpha", 1.6732632423543772) * np.expm1(x))
    ),
    "Sigmoid": lambda a, x: _sigmoid(x),
    "Sign": lambda a, x: np.sign(x),
    "Softplus": lambda a, x: _softplus(x),
    "Softsign": lambda a, x: x / (1 + np.abs(x)),
    "Sqrt": lambda a, x: np.sqrt(x),
    "Sub": lambda a, x, y: x - y,
    "Swish": lambda a, x: x * _sigmoid(a.get("alpha", 1.0) * x),
    "Tanh": lambda a, x: np.tanh(x),
    "ThresholdedRelu": lambda a, x: np.where(x > a.get("alpha", 1.0), x, 0.0),
}
"""Element-wise operators: attributes and float64 operands to the result, as ONNX defines it."""


def _reduced(of: Callable[..., np.ndarray], operands: tuple[np.ndarray, ...]) -> np.ndarray:
    found = operands[0]
    for operand in operands[1:]:
        found = of(found, operand)
    return np.asarray(found)


def looked_up(importer: Importer, value: str, want: Want) -> Place | None:
    """A table where ``value`` is a function of one int8 tensor, else None."""
    leaves: dict[str, Place] = {}
    order: list[Node] = []
    if not _gathered(importer, value, leaves, order, set()):
        return None
    tensors = {place.tensor for place in leaves.values()}
    if len(tensors) != 1:
        return None
    shapes = {name: importer.network.shape(name, order[-1]) for name in leaves}
    shape = importer.network.shape(value, order[-1])
    if any(own != shape for own in shapes.values()) or len(set(leaves.values())) != 1:
        return None
    x = next(iter(leaves.values()))
    results = _results(importer, value, set(leaves), order, x)
    tensor = importer.tensors[x.tensor]
    spread = _by_channel(results, shape, x, tensor.shape)
    if spread is None:
        return None
    y = importer.tensor(want.name, tensor.shape, want.quantisation)
    target = importer.tensors[y]
    if np.isnan(spread).any():
        raise importer.network.error(
            order[-1], "has no number for some values that its input can hold; clip it before"
        )
    table = (file_rule.quantise(spread, target) + target.zero_point).astype(np.int8)
    name = order[-1].name if len(order) == 1 else importer.op_name(order[-1].name)
    importer.emit(
        Table(name=name, inputs=(x.tensor,), output=y, low=want.low, high=want.high, table=table)
    )
    return x.on(y)


def _gathered(
    importer: Importer, value: str, leaves: dict[str, Place], order: list[Node], seen: set[str]
) -> bool:
    """Collects the chain's int8 inputs, and its nodes in order; False where it has others."""
    if value in seen:
        return True
    seen.add(value)
    network = importer.network
    constant = network.constant(value)
    if constant is not None:
        return constant.values.size <= MOST_CONSTANTS
    place = importer.exact(value)
    if place is not None:
        leaves[value] = place
        return True
    node = network.writer.get(value)
    if node is None or node.kind not in FUNCTIONS:
        return False
    if not all(_gathered(importer, name, leaves, order, seen) for name in node.inputs if name):
        return False
    order.append(node)
    return True


def _results(
    importer: Importer, value: str, leaves: set[str], order: list[Node], x: Place
) -> np.ndarray:
    """float32 (256, ...): the chain's result for every stored value; other axes repeat."""
    network = importer.network
    rank = max(len(network.shape(node.output, node)) for node in order)
    grid = file_rule.dequantise(file_rule.STORED, importer.tensors[x.tensor])
    values = {name: grid.reshape(-1, *[1] * rank) for name in leaves}
    with np.errstate(all="ignore"):
        for node in order:
            operands: list[np.ndarray | None] = []
            for name in node.inputs:
                if not name:
                    operands.append(None)
                elif name in values:
                    operands.append(values[name].astype(np.float64))
                else:
                    constant = network.constant(name)
                    assert constant is not None
                    if node.kind != "Clip" and not np.isfinite(constant.real).all():
                        raise network.error(node, f"constant {name!r} is not finite; give numbers")
                    operands.append(constant.real[None].astype(np.float64))
            given = (
                [
                    default if operand is None else operand
                    for operand, default in zip(operands, (None, -np.inf, np.inf), strict=False)
                ]
                if node.kind == "Clip"
                else operands
            )
            # Each operator rounds to float32, as the file's does.
            values[node.output] = np.asarray(
                FUNCTIONS[node.kind](node.attributes, *given), np.float32
            )
    return values[value]


def _by_channel(
    results: np.ndarray, shape: tuple[int, ...], x: Place, sizes: tuple[int, int, int]
) -> np.ndarray | None:
    """(256) or (C, 256) of results (256, ...); None where they differ along other axes."""
    if results.size == 256:
        return results.reshape(256)
    axes = places.physical_axes(x, sizes, shape)
    own = results.reshape(256, *([1] * (len(shape) - results.ndim + 1)), *results.shape[1:])
    varied = {axis for axis in range(len(shape)) if own.shape[1 + axis] != 1}
    if axes is None or not varied <= set(axes[2]):
        return None
    channels = [1] * len(shape)
    for axis in axes[2]:
        channels[axis] = shape[axis]
    whole = np.broadcast_to(own, (256, *channels))
    order = [0, *(1 + axis for axis in axes[2])]
    rest = [1 + axis for axis in range(len(shape)) if axis not in axes[2]]
    return np.ascontiguousarray(whole.transpose(*order, *rest).reshape(256, -1).T)
