"""Inputs and outputs of a network: which axes are last, and which integers may leave."""

from __future__ import annotations

from . import operators, places
from .network import ACTIVATIONS, DEQUANTISE, QUANTISE, Network
from .places import Axes


def layout(network: Network, value: str, shape: Axes) -> tuple[tuple[int, int, int], Axes, Axes]:
    """(H, W, C) of an input or output and how its array stands in it: channels last."""
    if _is_map(network, value, shape):
        place, sizes = places.map_place("", shape), places.map_sizes(shape)
    else:
        place, sizes = places.row_place("", shape), places.row_sizes(shape)
    return sizes, place.shape, place.order


def chosen(network: Network, value: str) -> bool:
    """Whether integers are the places that an ArgMax chose, which leave as float32."""
    node = network.writer.get(value)
    while node is not None and operators.layout_of(node) is not None:
        node = network.writer.get(node.inputs[0])
    return node is not None and node.kind in ("ArgMax", "ArgMin")


def read_as(
    network: Network, value: str, known: dict[str, set[object]] | None = None
) -> set[object]:
    """The different forms that are wanted of an input and of all that is moved from it.

    ``known``: what was found of other values.
    """
    known = {} if known is None else known
    if value in known:
        return known[value]
    found, seen, todo = known.setdefault(value, set()), set[str](), [value]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in network.outputs:
            found.add("float")
        for node in network.readers[name]:
            if operators.layout_of(node) is not None:
                todo.extend(node.outputs)
            elif node.kind == QUANTISE:
                found.add(network.quantisation(node)[:2])
            elif node.kind in ACTIVATIONS:
                inner = read_as(network, node.output, known)
                found.update((node.name, form) for form in inner)
            else:
                found.add(node.name)
    return found


def _is_map(network: Network, value: str, shape: Axes) -> bool:
    if len(shape) not in (3, 4) or shape[0] != 1:
        return False
    convs = [n for n in network.nodes if "Conv" in n.kind]
    if len(shape) == 3:
        return any(len(network.shapes.get(n.output, ())) == 3 for n in convs)
    # A file that brings its channels last says so by the Transpose at its end.
    writer = network.writer.get(value)
    while writer is not None and writer.kind in (QUANTISE, DEQUANTISE):
        writer = network.writer.get(writer.inputs[0])
    if writer is not None and writer.kind == "Transpose":
        return tuple(writer.attributes.get("perm", ())) != (0, 2, 3, 1)
    readers = list(network.readers[value])
    for node in readers:
        if node.kind in (QUANTISE, DEQUANTISE):
            readers.extend(network.readers[node.output])
        elif node.kind == "Transpose":
            return tuple(node.attributes.get("perm", ())) != (0, 3, 1, 2)
    return True
