"""Slice, Split, Pad, Concat, Expand, Gather, nearest Resize: each value or a fill, axis by axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ....graph import Concat, Select
from ... import places
from ...network import Node
from ...places import Axes, Place
from .layout import Layout
from .resize import nearest

if TYPE_CHECKING:
    from ...importer import Fill, Importer


def numbers(importer: Importer, node: Node, index: int, what: str) -> list[int] | None:
    """An input of integers that is a constant; None where it is left out."""
    name = node.input(index)
    if not name:
        return None
    found = importer.network.constant(name)
    if found is None or found.values.dtype.kind not in "iu":
        raise importer.network.error(node, f"its {what} must be constant integers")
    return [int(value) for value in found.values.reshape(-1)]


def by_axis(
    importer: Importer,
    node: Node,
    value: str,
    place: Place,
    shape: Axes,
    indices: dict[int, np.ndarray],
    fill: float = 0,
) -> Place:
    """``Select`` with int indices, -1 for the fill, along some axes of an array of ``shape``.

    ``value`` names what comes out.
    """
    tensor = importer.tensors[place.tensor]
    after = tuple(len(indices[a]) if a in indices else size for a, size in enumerate(shape))
    axes = places.physical_axes(place, tensor.shape, shape)
    needed = {a for a in indices if shape[a] != 1 or after[a] != 1}
    if axes is None or not all(_alone(axes, shape, a) for a in needed):
        place = _standing(importer, place, shape, needed)
        tensor = importer.tensors[place.tensor]
        axes = places.physical_axes(place, tensor.shape, shape)
    standing = axes is not None and all(_alone(axes, shape, a) for a in needed)
    if axes is None or not standing or _homes(axes, shape, needed).keys() != needed:
        return _one_by_one(importer, node, value, place, shape, indices, fill)
    homes = _homes(axes, shape, needed)
    chosen = [np.arange(size, dtype=np.int32) for size in tensor.shape]
    for axis in needed:
        own = indices[axis].astype(np.int32)
        chosen[homes[axis]] = own
    sizes = (len(chosen[0]), len(chosen[1]), len(chosen[2]))
    y = importer.tensor(value, sizes, tensor.quantisation, tensor.real)
    importer.emit(
        Select(
            name=importer.own_name(node),
            inputs=(place.tensor,),
            output=y,
            rows=chosen[0],
            columns=chosen[1],
            channels=chosen[2],
            fill=fill,
        )
    )
    order = [axis for home in range(3) for axis in _members(axes, homes, home)]
    rest = [axis for axis in range(len(shape)) if axis not in order]
    return Place.of(y, after, [*rest, *order])


def _one_by_one(
    importer: Importer,
    node: Node,
    value: str,
    place: Place,
    shape: Axes,
    indices: dict[int, np.ndarray],
    fill: float,
) -> Place:
    """The same axis by axis, each on a copy in which it stands alone, or free, as the width."""
    needed = [axis for axis, own in indices.items() if shape[axis] != 1 or len(own) != 1]
    for number, axis in enumerate(needed):
        last = number == len(needed) - 1
        name = value if last else importer.name(f"{value}.axis{axis}")
        place = around(importer, place, shape, axis)
        place = by_axis(importer, node, name, place, shape, {axis: indices[axis]}, fill)
        shape = (*shape[:axis], len(indices[axis]), *shape[axis + 1 :])
    return place


def _alone(axes: tuple[Axes, ...], shape: Axes, axis: int) -> bool:
    """Whether an array's axis is all of the tensor's height, width or channels."""
    return (axis,) in axes or shape[axis] == 1


def _homes(axes: tuple[Axes, ...], shape: Axes, needed: set[int]) -> dict[int, int]:
    """Height, width or channels of each axis that is selected from; free ones for axes of 1."""
    homes = {axis: axes.index((axis,)) for axis in needed if (axis,) in axes}
    free = [home for home in (2, 1, 0) if not axes[home] and home not in homes.values()]
    rest = sorted(needed - homes.keys(), reverse=True)
    return homes if len(rest) > len(free) else {**homes, **dict(zip(rest, free, strict=False))}


def _members(axes: tuple[Axes, ...], homes: dict[int, int], home: int) -> Axes:
    return next(((axis,) for axis, at in homes.items() if at == home), axes[home])


def _standing(importer: Importer, place: Place, shape: Axes, needed: set[int]) -> Place:
    """A copy in which each needed axis is one of height, width and channels."""
    if len(shape) == 4 and shape[0] == 1:
        wanted = places.map_place("", shape)
        return importer.arranged(place, places.map_sizes(shape), wanted.shape, wanted.order)
    if len(needed) == 1:
        (axis,) = needed
        return around(importer, place, shape, axis)
    return importer.as_rows(place, shape)


def slice_(importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill) -> Place:
    shape = importer.network.shape(node.inputs[0], node)
    starts = numbers(importer, node, 1, "starts") or []
    ends = numbers(importer, node, 2, "ends") or []
    axes = numbers(importer, node, 3, "axes") or list(range(len(starts)))
    steps = numbers(importer, node, 4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise importer.network.error(
            node, f"starts {starts}, ends {ends}, axes {axes} and steps {steps} do not fit together"
        )
    indices = {}
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = shape[axis]
        # ONNX clamps as Python does, but for an end before the start of a backward walk.
        last = None if step < 0 and end < -size else end
        indices[axis % len(shape)] = np.arange(size)[slice(start, last, step)]
    return by_axis(importer, node, value, parts[0], shape, indices)


def split(importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill) -> Place:
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    axis = node.attributes.get("axis", 0) % len(shape)
    sizes = [network.shape(name, node)[axis] for name in node.outputs]
    if sum(sizes) != shape[axis]:
        raise network.error(node, f"its parts {sizes} do not make {shape[axis]}")
    at = node.outputs.index(value)
    indices = np.arange(sum(sizes[:at]), sum(sizes[: at + 1]))
    return by_axis(importer, node, value, parts[0], shape, {axis: indices})


def pad(importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill) -> Place:
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    pads = numbers(importer, node, 1, "pads") or []
    axes = numbers(importer, node, 3, "axes") or list(range(len(shape)))
    if len(pads) != 2 * len(axes):
        raise network.error(node, f"{len(pads)} pads for {len(axes)} axes, expected two for each")
    mode = node.attributes.get("mode", b"constant").decode()
    modes = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}
    if mode not in modes:
        raise network.error(node, f"mode {mode!r} is not supported")
    indices = {}
    for axis, before, behind in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        whole = np.arange(shape[axis])
        around = (max(before, 0), max(behind, 0))
        if mode == "reflect" and max(around) >= shape[axis]:
            raise network.error(node, f"{max(around)} cannot be reflected from {shape[axis]}")
        if any(around):
            filled = {"constant_values": -1} if mode == "constant" else {}
            whole = np.pad(whole, around, modes[mode], **filled)  # type: ignore[call-overload]
        indices[axis % len(shape)] = whole[max(-before, 0) : len(whole) - max(-behind, 0)]
    real = 0.0
    if node.input(2):
        constant = network.constant(node.inputs[2])
        if constant is None or constant.real.size != 1:
            raise network.error(node, "the value it fills with must be one constant")
        real = float(constant.real.item())
    return by_axis(importer, node, value, parts[0], shape, indices, fill(real))


def expand(importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill) -> Place:
    before = importer.network.shape(node.inputs[0], node)
    after = importer.network.shape(value, node)
    return broadcast(importer, node, value, parts[0], before, after)


def broadcast(
    importer: Importer, node: Node, value: str, place: Place, before: Axes, after: Axes
) -> Place:
    """An array with its axes of 1 repeated, and with new ones in front."""
    own = (*([1] * (len(after) - len(before))), *before)
    indices = {
        axis: np.zeros(size, np.int32)
        for axis, (one, size) in enumerate(zip(own, after, strict=True))
        if one != size
    }
    if not indices:
        return place
    return by_axis(importer, node, value, place, own, indices)


def gather(importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill) -> Place:
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    chosen = numbers(importer, node, 1, "indices") or []
    axis = node.attributes.get("axis", 0) % len(shape)
    if any(not -shape[axis] <= index < shape[axis] for index in chosen):
        raise network.error(node, f"an index is outside of axis {axis} of {shape}")
    indices = np.array([index % shape[axis] for index in chosen])
    return by_axis(importer, node, value, parts[0], shape, {axis: indices})


def concat(importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill) -> Place:
    network = importer.network
    after = network.shape(value, node)
    axis = node.attributes.get("axis", 0) % len(after)
    shapes = [network.shape(name, node) for name in node.inputs]
    axes = _alike(importer, parts, shapes)
    if axes is not None and (axis,) in axes:
        home, order = axes.index((axis,)), [a for own in axes for a in own]
    elif len(after) == 4 and after[0] == 1 and axis:
        parts = [importer.as_map(p, s, node) for p, s in zip(parts, shapes, strict=True)]
        home, order = {1: 2, 2: 0, 3: 1}[axis], [2, 3, 1]
    else:
        parts = [around(importer, p, s, axis) for p, s in zip(parts, shapes, strict=True)]
        home, order = 1, list(range(len(after)))
    sizes = [importer.tensors[part.tensor].shape for part in parts]
    joined = list(sizes[0])
    joined[home] = sum(size[home] for size in sizes)
    first = importer.tensors[parts[0].tensor]
    y = importer.tensor(value, (joined[0], joined[1], joined[2]), first.quantisation, first.real)
    inputs = tuple(part.tensor for part in parts)
    importer.emit(Concat(name=importer.own_name(node), inputs=inputs, output=y, axis=home))
    rest = [a for a in range(len(after)) if a not in order]
    return Place.of(y, after, [*rest, *order])


def _alike(
    importer: Importer, parts: Sequence[Place], shapes: Sequence[Axes]
) -> tuple[Axes, ...] | None:
    """Which axes make height, width and channels of all parts, None where they stand unlike."""
    found = {
        places.physical_axes(part, importer.tensors[part.tensor].shape, shape)
        for part, shape in zip(parts, shapes, strict=True)
    }
    return found.pop() if len(found) == 1 else None


def around(importer: Importer, place: Place, shape: Axes, axis: int) -> Place:
    """An array in its own order with ``axis`` as its width."""
    before, behind = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    wanted = places.row_place("", shape)
    return importer.arranged(place, (before, shape[axis], behind), wanted.shape, wanted.order)


def resized(
    importer: Importer, node: Node, value: str, parts: Sequence[Place], fill: Fill
) -> Place:
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    after = network.shape(value, node)
    return by_axis(importer, node, value, parts[0], shape, nearest(network, node, shape, after))


LAYOUTS = {
    "Slice": Layout(slice_),
    "Split": Layout(split),
    "Pad": Layout(pad),
    "Expand": Layout(expand),
    "Gather": Layout(gather),
    "Concat": Layout(concat, every=True),
    "Resize": Layout(resized),
}
