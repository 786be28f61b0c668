"""Maximum and average pooling, of windows or of whole maps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ...arithmetic import scales
from ...graph import INT8_MAX, INT8_MIN, Pool
from ..network import Node, Want
from ..places import Axes, Place
from ..rewrite.draft import STATED
from . import reduce
from .activation import rescaled
from .layers.windows import Window, window_of

if TYPE_CHECKING:
    from ..importer import Importer


def maximum(importer: Importer, node: Node, want: Want) -> Place | None:
    """The maximum of stored values; a change of quantisation follows where one is wanted."""
    if not want.plain:
        return None
    x = importer.exact(node.inputs[0]) or importer.given(node.inputs[0], _inner(importer, want))
    if x is None:
        return None
    source = importer.tensors[x.tensor]
    same = source.quantisation == want.quantisation
    full = Want(importer.name(f"{want.name}.max"), source.scale, source.zero_point)
    place = _pooled(importer, node, x, want if same else full, "max")
    return (
        place
        if same
        else rescaled(importer, node, importer.op_name(f"{node.name}.scale"), place, want)
    )


def _inner(importer: Importer, want: Want) -> Want:
    return Want(importer.name(f"{want.name}.of"), *want.quantisation)


def exact(importer: Importer, node: Node) -> Place | None:
    """The maximum of an int8 tensor in its own quantisation, which no QuantizeLinear asks for."""
    x = importer.exact(node.inputs[0])
    return None if x is None else stored(importer, node, x)


def on_stored(importer: Importer, node: Node) -> Place:
    """The maximum that a file takes of stored integers themselves."""
    return stored(importer, node, importer.stored(node.inputs[0], node))


def stored(importer: Importer, node: Node, x: Place) -> Place:
    """The maximum of stored values."""
    source = importer.tensors[x.tensor]
    want = Want(importer.name(node.output), *source.quantisation)
    return _pooled(importer, node, x, want, "max")


def average(importer: Importer, node: Node, want: Want) -> Place | None:
    """The average of an int8 tensor."""
    x = importer.exact(node.inputs[0])
    if x is None or not want.plain:
        return None
    return _pooled(importer, node, x, want, "average")


def maximum_real(importer: Importer, node: Node) -> Place:
    """The maximum of a float32 tensor."""
    return _pooled(importer, node, importer.real(node.inputs[0], node), None, "max")


def average_real(importer: Importer, node: Node) -> Place:
    """The average of a float32 tensor."""
    return _pooled(importer, node, importer.real(node.inputs[0], node), None, "average")


def _pooled(importer: Importer, node: Node, place: Place, want: Want | None, kind: str) -> Place:
    network = importer.network
    if node.kind.startswith("Reduce") and not reduce.spatial(importer, node):
        return reduce.pooled(importer, node, place, want, kind)
    shape = network.shape(node.inputs[0], node)
    after = network.shape(node.output, node)
    if any(network.readers[name] or name in network.outputs for name in node.outputs[1:]):
        raise network.error(node, "its indices are not supported, only its values")
    x = importer.as_map(place, shape, node)
    source = importer.tensors[x.tensor]
    window, out = _window(importer, node, shape, after)
    reach = math.prod(window.kernel) * scales.STEPS
    if kind == "average" and reach > scales.INT32_MAX:
        raise network.error(node, f"the sum over a window of {window.kernel} overflows int32")
    quantisation = (1.0, 0) if want is None else want.quantisation
    name = importer.name(node.output) if want is None else want.name
    y = importer.tensor(name, (*out, shape[1]), quantisation, want is None)
    scale = None
    if kind == "average":
        count = _counts(node, source.shape[:2], out, window)
        factor = 1.0 if want is None else source.scale / want.scale
        scale = (factor / count).astype(np.float32)
    importer.emit(
        Pool(
            name=node.name,
            inputs=(x.tensor,),
            output=y,
            kind=kind,
            kernel=window.kernel,
            stride=window.strides,
            pads=window.pads,
            low=INT8_MIN if want is None else want.low,
            high=INT8_MAX if want is None else want.high,
            scale=scale,
        )
    )
    whole = (shape[0], shape[1], *(out if len(shape) == 4 else out[1:]))
    return Place.of(y, whole, [0, *range(2, len(whole)), 1])


def _window(
    importer: Importer, node: Node, shape: Axes, after: Axes
) -> tuple[Window, tuple[int, int]]:
    """The window of a node and (H, W) of its result."""
    network = importer.network
    size = (1, *shape[2:]) if len(shape) == 3 else shape[2:]
    if node.kind.startswith(("Global", "Reduce")):
        return Window(size, (1, 1), (0, 0, 0, 0), (1, 1)), (1, 1)
    kernel = tuple(node.attributes.get("kernel_shape", ()))
    window = window_of(network, node, shape, kernel)
    if any(step != 1 for step in window.dilations):
        raise network.error(node, "dilated pooling is not supported")
    out = (1, after[2]) if len(shape) == 3 else (after[2], after[3])
    padded = [n + a + b for n, a, b in zip(size, window.pads[:2], window.pads[2:], strict=True)]
    if any(k > n for k, n in zip(window.kernel, padded, strict=True)):
        raise network.error(
            node, f"its window {window.kernel} is larger than the padded map {tuple(padded)}"
        )
    # The last windows may reach past the stated padding; they see more of it.
    behind = [
        max((new - 1) * step + k - n - pad, own)
        for new, step, k, n, pad, own in zip(
            out, window.strides, window.kernel, size, window.pads[:2], window.pads[2:], strict=True
        )
    ]
    pads = (*window.pads[:2], behind[0], behind[1])
    return Window(window.kernel, window.strides, pads, window.dilations), out


def _counts(node: Node, size: tuple[int, int], out: tuple[int, int], window: Window) -> np.ndarray:
    """How many values each window averages, (out height, out width)."""
    counted = bool(node.attributes.get("count_include_pad", 0))
    stated = tuple(node.attributes.get(STATED, node.attributes.get("pads", ())))
    inside = []
    for axis in range(2):
        start = np.arange(out[axis]) * window.strides[axis] - window.pads[axis]
        stop = start + window.kernel[axis]
        if counted:
            # What ceil_mode adds behind the stated padding is never counted.
            own = stated[axis - 2] if len(stated) == 4 else window.pads[2 + axis]
            if len(stated) == 2:
                own = stated[1] if axis else 0
            stop = np.minimum(stop, size[axis] + own)
            inside.append(stop - start)
        else:
            inside.append(np.minimum(stop, size[axis]) - np.maximum(start, 0))
    return np.outer(*inside).astype(np.float64)
