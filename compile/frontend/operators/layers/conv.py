"""Conv and ConvTranspose in one or two dimensions, in int8, or in float32 where the file is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....arithmetic import scales
from ....graph import INT8_MAX, INT8_MIN, Conv, Dequantise, Quantise, RealConv, Select
from ...network import Node, Want
from ...places import Axes, Place
from . import weights as layer_weights
from .weights import Weights
from .windows import Window, window_of

if TYPE_CHECKING:
    from ...importer import Importer


def conv(importer: Importer, node: Node, want: Want | None = None) -> Place | None:
    """A convolution, quantised as it is wanted, or float32; None: only float32 gives it."""
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    operand = layer_weights.operand(importer, node, want)
    if operand is None:
        return None
    x = importer.as_map(operand, shape, node)
    tensor = importer.tensors[x.tensor]
    found = layer_weights.read(network, node, node.inputs[1], 0, tensor.scale, tensor.real)
    groups = node.attributes.get("group", 1)
    values = found.values if found.values.ndim == 4 else found.values[:, :, None]
    if found.values.ndim != len(shape):
        raise network.error(node, f"weight of shape {found.values.shape} does not fit {shape}")
    if groups < 1 or values.shape[1] * groups != shape[1] or len(values) % groups:
        raise network.error(
            node, f"weight {values.shape} with {groups} groups does not fit {shape[1]} channels"
        )
    window = window_of(network, node, shape, found.values.shape[2:])
    values = dilated(values, window.dilations)
    after = network.shape(node.output, node)
    return layer(importer, node, x.tensor, replaced(found, values), window, groups, after, want)


def conv_transpose(importer: Importer, node: Node, want: Want | None = None) -> Place | None:
    """A convolution of the map with zeros between its rows and columns, its kernel turned."""
    network = importer.network
    shape = network.shape(node.inputs[0], node)
    after = network.shape(node.output, node)
    if len(shape) != 4:
        raise network.error(node, f"of {shape} is not supported, expected (1, C, H, W)")
    groups = node.attributes.get("group", 1)
    if groups != 1:
        raise network.error(node, f"{groups} groups are not supported, expected 1")
    operand = layer_weights.operand(importer, node, want)
    if operand is None:
        return None
    x = importer.as_map(operand, shape, node)
    tensor = importer.tensors[x.tensor]
    found = layer_weights.read(network, node, node.inputs[1], 1, tensor.scale, tensor.real)
    values = np.ascontiguousarray(found.values[:, :, ::-1, ::-1])
    if values.shape[1] != shape[1]:
        raise network.error(node, f"weight {values.shape} does not fit {shape[1]} channels")
    dilations = tuple(node.attributes.get("dilations", [1, 1]))
    values = dilated(values, dilations)
    strides = tuple(node.attributes.get("strides", [1, 1]))
    kernel = values.shape[2:]
    before = _pads_before(node, shape, after, kernel, strides)
    spread = [(size - 1) * step + 1 for size, step in zip(shape[2:], strides, strict=True)]
    chosen = []
    for size, step, long in zip(shape[2:], strides, spread, strict=True):
        index = np.full(long, -1, np.int32)
        index[::step] = np.arange(size)
        chosen.append(index)
    source = x.tensor
    if spread != list(shape[2:]):
        source = importer.tensor(
            importer.name(f"{node.output}.spread"),
            (spread[0], spread[1], shape[1]),
            tensor.quantisation,
            tensor.real,
        )
        importer.emit(
            Select(
                name=importer.op_name(f"{node.name}.spread"),
                inputs=(x.tensor,),
                output=source,
                rows=chosen[0],
                columns=chosen[1],
                channels=np.arange(shape[1], dtype=np.int32),
                fill=tensor.zero_point,
            )
        )
    pads = [k - 1 - p for k, p in zip(kernel, before, strict=True)]
    behind = [
        new + k - 1 - long - pad
        for new, k, long, pad in zip(after[2:], kernel, spread, pads, strict=True)
    ]
    window = Window(kernel, (1, 1), (*pads, *behind), (1, 1))
    return layer(importer, node, source, replaced(found, values), window, 1, after, want)


def _pads_before(
    node: Node, shape: Axes, after: Axes, kernel: Axes, strides: tuple[int, ...]
) -> list[int]:
    """Rows and columns that are cut off at the top and left."""
    mode = node.attributes.get("auto_pad", b"NOTSET").decode()
    if mode == "NOTSET" and "output_shape" not in node.attributes:
        return list(node.attributes.get("pads", [0, 0, 0, 0])[:2])
    extra = node.attributes.get("output_padding", [0, 0])
    total = [
        (size - 1) * step + e + k - new
        for size, step, e, k, new in zip(shape[2:], strides, extra, kernel, after[2:], strict=True)
    ]
    return [t // 2 if mode == "SAME_UPPER" else t - t // 2 for t in total]


def replaced(found: Weights, values: np.ndarray) -> Weights:
    return Weights(values, found.scale, found.bias, found.stored_bias)


def dilated(values: np.ndarray, dilations: Axes) -> np.ndarray:
    """A kernel with zeros between its taps, which computes what a dilated one does."""
    if all(step == 1 for step in dilations):
        return values
    height, width = (
        (size - 1) * step + 1 for size, step in zip(values.shape[2:], dilations, strict=True)
    )
    whole = np.zeros((*values.shape[:2], height, width), values.dtype)
    whole[:, :, :: dilations[0], :: dilations[1]] = values
    return whole


def layer(
    importer: Importer,
    node: Node,
    source: str,
    found: Weights,
    window: Window,
    groups: int,
    after: Axes,
    want: Want | None,
) -> Place:
    """Emits the convolution of a tensor; ``after`` is the shape (1, C, H, W) of its result."""
    order = [0, *range(2, len(after)), 1]
    sizes = (after[2] if len(after) == 4 else 1, after[-1], after[1])
    y = emitted(importer, node, source, found, window, groups, sizes, want)
    return Place.of(y, after, order)


def emitted(
    importer: Importer,
    node: Node,
    source: str,
    found: Weights,
    window: Window,
    groups: int,
    sizes: tuple[int, int, int],
    want: Want | None,
) -> str:
    """Emits the convolution of a tensor to one of ``sizes`` (H, W, C); returns its name."""
    network = importer.network
    if importer.tensors[source].real:
        return _real(importer, node, source, found, window, groups, sizes)
    whole = found = _followed(importer, node, found, sizes, want)
    first = source
    if found.values.dtype != np.int8:
        source, found = _in_parts(importer, node, source, found, groups)
    x = importer.tensors[source]
    step = None if want is None else want.scale
    try:
        values, bias, scale = layer_weights.accumulated(
            network, node, found, x.scale, x.zero_point, step
        )
    except layer_weights.LostError:
        assert want is not None, "only a step of the result is compared with"
        return _through_float32(importer, node, first, whole, window, groups, sizes, want)
    if want is None:
        y = importer.tensor(importer.name(node.output), sizes, real=True)
        factor = np.float32(x.scale) * scale.astype(np.float32)
    else:
        y = importer.tensor(want.name, sizes, want.quantisation)
        factor = scales.layer_scale(x.scale, scale, want.scale)
    if not np.isfinite(factor).all():
        raise network.error(node, "the quotient of its scales is not finite; check its scales")
    importer.emit(
        Conv(
            name=node.name,
            inputs=(source,),
            output=y,
            weight=values,
            bias=bias,
            scale=np.broadcast_to(factor, len(values)).astype(np.float32),
            stride=window.strides,
            pads=window.pads,
            groups=groups,
            low=INT8_MIN if want is None else want.low,
            high=INT8_MAX if want is None else want.high,
        )
    )
    return y


def _through_float32(
    importer: Importer,
    node: Node,
    source: str,
    found: Weights,
    window: Window,
    groups: int,
    sizes: tuple[int, int, int],
    want: Want,
) -> str:
    """The layer between a dequantisation and a quantisation of its own."""
    importer.notes.append(
        f"node {node.name!r} ({node.kind}): a step of its accumulators is more than a step of its "
        "result, so it is float32, which is slow; calibrate again, with inputs as the network will "
        "see them"
    )
    x = importer.tensor(importer.name(f"{source}.real"), importer.tensors[source].shape, real=True)
    name = importer.op_name(f"{node.name}.dequantise")
    importer.emit(Dequantise(name=name, inputs=(source,), output=x))
    real = _real(importer, node, x, found, window, groups, sizes)
    y = importer.tensor(want.name, sizes, want.quantisation)
    name = importer.op_name(f"{node.name}.quantise")
    low, high = want.low, want.high
    importer.emit(Quantise(name=name, inputs=(real,), output=y, low=low, high=high))
    return y


def _real(
    importer: Importer,
    node: Node,
    source: str,
    found: Weights,
    window: Window,
    groups: int,
    sizes: tuple[int, int, int],
) -> str:
    """The same in float32."""
    y = importer.tensor(importer.name(node.output), sizes, real=True)
    scale = np.reshape(found.scale, (-1, *[1] * (found.values.ndim - 1)))
    importer.emit(
        RealConv(
            name=node.name,
            inputs=(source,),
            output=y,
            weight=(found.values * scale).astype(np.float32),
            bias=found.bias.astype(np.float32),
            stride=window.strides,
            pads=window.pads,
            groups=groups,
        )
    )
    return y


def _followed(
    importer: Importer,
    node: Node,
    found: Weights,
    sizes: tuple[int, int, int],
    want: Want | None,
) -> Weights:
    """A layer with the constant factors and summands behind it in its scale and bias."""
    if want is None or want.plain:
        return found
    count = sizes[2]
    gain = np.ones(1) if want.gain is None else want.gain
    offset = np.zeros(1) if want.offset is None else want.offset
    gain, offset = (np.broadcast_to(v.reshape(-1), count) for v in (gain, offset))
    sign = np.where(gain < 0, -1, 1).reshape(-1, *[1] * (found.values.ndim - 1))
    values = found.values.astype(np.int16) * sign
    if values.min() >= INT8_MIN and values.max() <= INT8_MAX:
        values = values.astype(np.int8)
    return Weights(values, found.scale * np.abs(gain), found.bias * gain + offset, None)


def _in_parts(
    importer: Importer, node: Node, source: str, found: Weights, groups: int
) -> tuple[str, Weights]:
    """Weights beyond int8 as sums of several, each on a copy of the input channels."""
    x = importer.tensors[source]
    values = layer_weights.parts(found.values)
    per_group = x.channels // groups
    chosen = np.arange(x.channels, dtype=np.int32).reshape(groups, 1, per_group)
    channels = np.broadcast_to(chosen, (groups, len(values), per_group)).reshape(-1)
    y = importer.tensor(
        importer.name(f"{node.output}.repeated"),
        (x.height, x.width, len(channels)),
        x.quantisation,
    )
    importer.emit(
        Select(
            name=importer.op_name(f"{node.name}.repeat"),
            inputs=(source,),
            output=y,
            rows=np.arange(x.height, dtype=np.int32),
            columns=np.arange(x.width, dtype=np.int32),
            channels=np.ascontiguousarray(channels),
        )
    )
    importer.notes.append(
        f"node {node.name!r} ({node.kind}): its weights are asymmetric and reach beyond int8, "
        f"which takes {len(values)} times the work; set symmetric weights in the quantiser"
    )
    return y, replaced(found, np.concatenate(values, axis=1))
