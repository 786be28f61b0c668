"""Moves a network's input so that every 8-bit pixel is one int8 value exactly.

With ``(u - 127.5) / 127.5`` each pixel lies half-way between two int8 values, and round-half-even
keeps 128 of the 256. With ``(u - 128) / 127.5`` the int8 value is ``u - 128``; the constant
difference goes into the bias of the layer that reads the input.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from .calibrate import Range
from .graph import Graph, attributes

CENTRE = 128.0


def recentre(
    model: onnx.ModelProto, mean: Sequence[float], std: Sequence[float]
) -> tuple[onnx.ModelProto, Range]:
    """The network for inputs ``(u - 128) / std`` instead of ``(u - mean) / std``.

    Returns the changed copy and the exact range of its input. Inside the map the two are the same
    function; at the zero padding of the first layer the border colour moves from ``mean`` to 128.

    Raises:
        ValueError: the channels differ in ``std`` (one int8 scale cannot hold them), or the input
            is read by something other than one Conv of a single group.
    """
    if len(set(std)) != 1:
        raise ValueError(
            f"preprocess std {list(std)}: int8 input needs one value for all channels; fold the "
            "difference into the first layer's weights and give the same std three times"
        )
    graph = Graph.open(model)
    readers = graph.consumers(graph.model.graph.input[0].name)
    if len(readers) != 1 or readers[0].op_type != "Conv" or attributes(readers[0])["group"] != 1:
        found = ", ".join(node.op_type for node in readers)
        raise ValueError(f"the input must be read by one Conv with group 1, not by: {found}")
    conv = readers[0]
    weight = graph.weights[conv.input[1]].astype(np.float64)
    shift = (CENTRE - np.asarray(mean, np.float64)) / std[0]
    bias = graph.weights[conv.input[2]] + (weight.sum(axis=(2, 3)) @ shift)
    graph.weights[conv.input[2]] = bias.astype(np.float32)
    return graph.build(), (-CENTRE / std[0], (255 - CENTRE) / std[0])
