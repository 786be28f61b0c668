"""Add, Sub, Mul and Div of two int8 tensors, or of a layer's result and constants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...arithmetic import file_rule
from ...graph import Add, Constant, Multiply
from .. import places
from ..network import STORED, Node, Want
from ..places import Axes, Place
from .attention import HEADS
from .moves.select import broadcast

if TYPE_CHECKING:
    from ..importer import Importer

LAYERS = {"Conv": 1, "ConvTranspose": 1, "Gemm": -1, "MatMul": -1}
"""Operators that take factors and summands into their scale and bias, and their axis of outputs."""


def add(importer: Importer, node: Node, want: Want) -> Place | None:
    """A sum of two tensors, one maybe a constant in int8, or a constant on a layer's result."""
    if _constants(importer, node):
        found = _followed(importer, node, want)
        if found is not None or not want.plain:
            return found
        operands = _beside_constant(importer, node)
    else:
        operands = _operands(importer, node)
    if operands is None or not want.plain:
        return None
    a, b, result = operands
    y = importer.tensor(want.name, importer.tensors[a].shape, want.quantisation)
    tensors = (importer.tensors[name] for name in (a, b, y))
    total, misses = file_rule.sum_factors(*tensors)
    importer.note(node, misses, "65,536 pairs of operands")
    importer.emit(
        Add(name=node.name, inputs=(a, b), output=y, low=want.low, high=want.high, sum=total)
    )
    return result.on(y)


def by_constant(importer: Importer, node: Node, want: Want) -> Place | None:
    """A layer's result less a constant or by one; of two tensors in float32."""
    return _followed(importer, node, want) if _constants(importer, node) else None


def multiply(importer: Importer, node: Node, want: Want) -> Place | None:
    """A product of two tensors, of a tensor and a gate, or of a layer's result and a constant."""
    if _constants(importer, node):
        return _followed(importer, node, want)
    operands = _operands(importer, node, gates=True)
    if operands is None or not want.plain:
        return None
    a, b, result = operands
    y = importer.tensor(want.name, importer.tensors[a].shape, want.quantisation)
    tensors = (importer.tensors[name] for name in (a, b, y))
    scale, misses = file_rule.product_factor(*tensors)
    importer.note(node, misses, "65,536 pairs of operands")
    importer.emit(
        Multiply(name=node.name, inputs=(a, b), output=y, low=want.low, high=want.high, scale=scale)
    )
    return result.on(y)


def _constants(importer: Importer, node: Node) -> bool:
    return any(importer.network.constant(name) is not None for name in node.inputs)


def _followed(importer: Importer, node: Node, want: Want) -> Place | None:
    """A constant behind a layer, as part of what is wanted of the layer."""
    network = importer.network
    first = network.constant(node.inputs[0])
    constant = first or network.constant(node.inputs[1])
    inner = node.inputs[1 if first is not None else 0]
    writer = network.writer.get(inner)
    if constant is None or writer is None or len(importer.wants(inner)) > 1:
        return None
    if first is not None and node.kind in ("Sub", "Div"):
        return None
    layer: Node | None = writer
    while layer is not None and layer.kind in ("Add", "Sub", "Mul", "Div"):
        found = [n for n in layer.inputs if network.constant(n) is None]
        layer = network.writer.get(found[0]) if len(found) == 1 else None
    if layer is None or layer.kind not in LAYERS or importer.exact(inner) is not None:
        return None
    shape, axis = network.shape(inner, node), LAYERS[layer.kind]
    if network.constant(layer.inputs[1]) is None:  # a product of two activations
        axis = HEADS if len(shape) > 2 and not np.any(np.subtract(shape[:HEADS], 1)) else -1
        if axis == -1 and constant.real.size > 1:
            return None
    values = _by_output(constant.real, shape, axis)
    if values is None or network.shape(inner, node) != network.shape(node.output, node):
        return None
    gain = np.ones(1) if want.gain is None else want.gain
    offset = np.zeros(1) if want.offset is None else want.offset
    if node.kind in ("Mul", "Div"):
        gain = gain * (values if node.kind == "Mul" else 1 / values)
    else:
        offset = offset + gain * (values if node.kind == "Add" else -values)
    if not (np.isfinite(gain).all() and np.isfinite(offset).all()) or (gain == 0).any():
        return None
    return importer.given(inner, replace(want, gain=gain, offset=offset))


def _by_output(values: np.ndarray, shape: Axes, axis: int) -> np.ndarray | None:
    """float64 (O) or (1) where ``values`` differ along the axis of outputs at most."""
    if values.size == 1:
        return values.astype(np.float64).reshape(1)
    own = values.reshape(*[1] * (len(shape) - values.ndim), *values.shape)
    axis %= len(shape)
    if any(size != 1 for index, size in enumerate(own.shape) if index != axis):
        return None
    return own.astype(np.float64).reshape(-1)


def _operands(importer: Importer, node: Node, gates: bool = False) -> tuple[str, str, Place] | None:
    """Two int8 tensors of one (H, W, C), or the second a gate; and the place of the result."""
    network = importer.network
    places_ = [importer.exact(name) for name in node.inputs]
    if len(places_) != 2 or any(place is None for place in places_):
        return None
    first, second = (place for place in places_ if place is not None)
    after = network.shape(node.output, node)
    shapes = [network.shape(name, node) for name in node.inputs]
    if shapes[0] != after and shapes[1] == after:
        first, second, shapes = second, first, shapes[::-1]
    if shapes[0] != after:
        first = broadcast(importer, node, f"{node.inputs[0]}.whole", first, shapes[0], after)
    sizes = importer.tensors[first.tensor].shape
    if shapes[1] == after:
        second = importer.arranged(second, sizes, first.shape, first.order)
        return first.tensor, second.tensor, first
    own = (*[1] * (len(after) - len(shapes[1])), *shapes[1])
    axes = places.physical_axes(first, sizes, after)
    if gates and axes is not None:
        inside = {axis for axis in range(len(after)) if after[axis] != 1 and own[axis] != 1}
        if inside == set(axes[2]):
            # One value a channel, in the order of the channels.
            wanted = places.Place.of("", own, [*_rest(own, axes[2]), *axes[2]])
            gate = importer.arranged(second, (1, 1, sizes[2]), wanted.shape, wanted.order)
            return first.tensor, gate.tensor, first
    whole = broadcast(importer, node, f"{node.inputs[1]}.whole", second, own, after)
    whole = importer.arranged(whole, sizes, first.shape, first.order)
    return first.tensor, whole.tensor, first


def _beside_constant(importer: Importer, node: Node) -> tuple[str, str, Place] | None:
    """An int8 tensor and a constant that the file stores in 8 bits, laid as the tensor is."""
    network = importer.network
    constants = [network.constant(name) for name in node.inputs]
    index = next(n for n, constant in enumerate(constants) if constant is not None)
    constant, value = constants[index], node.inputs[1 - index]
    place = importer.exact(value) if len(constants) == 2 else None
    if place is None or constant is None or constant.scale is None or constant.scale.size > 1:
        return None
    kind = constant.values.dtype
    if kind not in STORED:
        return None
    after = network.shape(node.output, node)
    place = broadcast(importer, node, f"{value}.whole", place, network.shape(value, node), after)
    sizes, zero = importer.tensors[place.tensor].shape, constant.zero_point
    offset = STORED[kind]
    quantisation = float(constant.scale), (0 if zero is None else int(zero)) - offset
    y = importer.tensor(importer.name(node.inputs[index]), sizes, quantisation)
    stored = np.broadcast_to((constant.values.astype(np.int16) - offset).astype(np.int8), after)
    values = np.ascontiguousarray(places.laid(stored, place, sizes))
    name = importer.op_name(f"{node.inputs[index]}.constant")
    importer.emit(Constant(name=name, inputs=(), output=y, values=values))
    return place.tensor, y, place


def _rest(shape: Axes, axes: Axes) -> Axes:
    return tuple(axis for axis in range(len(shape)) if axis not in axes)
