"""Kernel, stride, padding and dilation of convolutions and pools."""

from __future__ import annotations

from dataclasses import dataclass

from ...network import Network, Node
from ...places import Axes


@dataclass(frozen=True)
class Window:
    """Of two dimensions: ``pads`` is (top, left, bottom, right), negative ones crop."""

    kernel: Axes
    strides: Axes
    pads: Axes
    dilations: Axes


def window_of(network: Network, node: Node, shape: Axes, kernel: Axes) -> Window:
    """The window of a node on (1, C, H, W) or (1, C, L); one dimension becomes two.

    Raises:
        CompileError: attributes that do not fit the shape or each other.
    """
    rank = len(shape) - 2
    strides = tuple(node.attributes.get("strides", [1] * rank))
    dilations = tuple(node.attributes.get("dilations", [1] * rank))
    for name, values in (("strides", strides), ("dilations", dilations), ("kernel", kernel)):
        if len(values) != rank or any(value < 1 for value in values):
            raise network.error(node, f"{name} {list(values)} does not fit {shape}")
    if tuple(node.attributes.get("kernel_shape", kernel)) != tuple(kernel):
        raise network.error(
            node,
            f"kernel_shape {list(node.attributes['kernel_shape'])} contradicts its weight's "
            f"{list(kernel)}",
        )
    extents = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    pads = pads_of(network, node, shape[2:], extents, strides)
    if rank == 1:
        return Window((1, *extents), (1, *strides), (0, pads[0], 0, pads[1]), (1, *dilations))
    return Window(extents, strides, pads, dilations)


def pads_of(network: Network, node: Node, size: Axes, extents: Axes, strides: Axes) -> Axes:
    """Padding before each axis, then behind each."""
    rank = len(size)
    mode = node.attributes.get("auto_pad", b"NOTSET").decode()
    if mode == "NOTSET":
        pads = tuple(node.attributes.get("pads", [0] * 2 * rank))
        if len(pads) != 2 * rank:
            raise network.error(node, f"pads {list(pads)}: expected {2 * rank} values")
        return pads
    if any(node.attributes.get("pads", ())):
        raise network.error(node, f"auto_pad {mode} with pads contradict each other; unset one")
    if mode == "VALID":
        return (0,) * 2 * rank
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise network.error(node, f"auto_pad {mode!r} is not known")
    total = [
        max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, extents, strides, strict=True)
    ]
    before = [t // 2 if mode == "SAME_UPPER" else t - t // 2 for t in total]
    return (*before, *(t - b for t, b in zip(total, before, strict=True)))
