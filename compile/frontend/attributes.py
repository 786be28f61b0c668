"""Attributes of convolutions and pools against the shapes, where onnx's inference looks away."""

from __future__ import annotations

import onnx

from ..errors import CompileError
from .rewrite.draft import DEFAULT, attributes, label

WINDOWS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool")
"""Operators that move a window over a map."""
PADDINGS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


def check_domains(file: str, model: onnx.ModelProto) -> None:
    """Checks that every operator is one of the standard.

    Raises:
        CompileError: operators of another domain, whose names mean what only that domain knows.
    """
    foreign = [node for node in model.graph.node if node.domain not in DEFAULT]
    if foreign:
        named = ", ".join(f"{label(node)} of domain {node.domain!r}" for node in foreign[:8])
        raise CompileError(
            f"{file}: unsupported operator at {named}; expected the standard's own operators, "
            "replace it in the float model"
        )


def check_attributes(file: str, node: onnx.NodeProto, shapes: dict[str, tuple[int, ...]]) -> None:
    """Checks one node of known shapes.

    Raises:
        CompileError: a window, stride, dilation, padding or group that contradicts the shapes.
    """
    options = attributes(node)
    if node.op_type == "Transpose" and "perm" in options:
        rank = len(shapes[node.input[0]])
        if sorted(options["perm"]) != list(range(rank)):
            raise _error(file, node, f"perm {list(options['perm'])}, expected 0 to {rank - 1}")
    if node.op_type not in WINDOWS:
        return
    x = shapes[node.input[0]]
    rank = len(x) - 2
    if rank < 1:
        raise _error(file, node, f"reads shape {x}, expected (1, C, H, W) or (1, C, W)")
    sizes = {"kernel_shape": rank, "strides": rank, "dilations": rank, "pads": 2 * rank}
    for name, count in sizes.items():
        values, least = options.get(name), 0 if name == "pads" else 1
        if values is not None and (len(values) != count or min(values) < least):
            raise _error(
                file, node, f"{name} {list(values)}, expected {count} numbers from {least} up"
            )
    padding = options.get("auto_pad", b"NOTSET").decode(errors="replace")
    if padding not in PADDINGS:
        raise _error(file, node, f"auto_pad {padding!r}, expected one of {', '.join(PADDINGS)}")
    if node.op_type in ("Conv", "ConvTranspose"):
        _check_weights(file, node, options, x, shapes[node.input[1]])
    else:
        _check_pool(file, node, options)


def _check_weights(
    file: str,
    node: onnx.NodeProto,
    options: dict,
    x: tuple[int, ...],
    weights: tuple[int, ...],
) -> None:
    kernel = options.get("kernel_shape")
    if len(weights) != len(x) or (kernel is not None and tuple(kernel) != weights[2:]):
        raise _error(
            file, node, f"kernel_shape {kernel and list(kernel)} with weights of shape {weights}"
        )
    group, channels = options.get("group", 1), x[1]
    transposed = node.op_type == "ConvTranspose"
    inputs = weights[0] if transposed else weights[1] * group
    divided = weights[0] if not transposed else channels
    if group < 1 or inputs != channels or divided % group:
        raise _error(
            file, node, f"group {group} with weights of shape {weights} on {channels} channels"
        )


def _check_pool(file: str, node: onnx.NodeProto, options: dict) -> None:
    kernel, pads = options.get("kernel_shape"), options.get("pads")
    if kernel is None:
        raise _error(file, node, "has no kernel_shape")
    if pads is not None and any(
        pad >= size for pad, size in zip(pads, [*kernel, *kernel], strict=True)
    ):
        raise _error(file, node, f"pads {list(pads)} are as large as its window {list(kernel)}")


def _error(file: str, node: onnx.NodeProto, message: str) -> CompileError:
    return CompileError(f"{file}: {label(node)}: {message}; export the network anew")
