"""Merges two 1x1 convolutions that feed one addition into one over concatenated inputs.

``W1 x1 + W2 x2 = [W1 W2] [x1; x2]``: one layer and one rounding instead of two layers and three.
The parts of a concatenation share one scale, so ``equalise`` first gives them equal ranges: free
for the result of a layer, whose weights take the factor; a PReLU's result stays as it is.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, helper

from ..calibrate import Histogram
from ..graph import Graph, attributes

SCALABLE, FIXED = "Conv", "PRelu"


def merge_added_convs(graph: Graph) -> None:
    """``Add(Conv(x1), Conv(x2))`` of dense 1x1 layers becomes ``Conv(Concat(x1, x2))``.

    Only where x1 and x2 are results of a layer or a PReLU that nothing else reads, one of them of a
    layer: then neither their scales nor their places in memory matter to others.
    """
    for add in [node for node in graph.nodes if node.op_type == "Add"]:
        convs = [graph.producer(name) for name in add.input]
        if not all(_mergeable(graph, conv) for conv in convs):
            continue
        first, second = (conv for conv in convs if conv is not None)
        makers = [graph.producer(conv.input[0]) for conv in (first, second)]
        kinds = {maker.op_type for maker in makers if maker is not None}
        if first.input[0] == second.input[0] or SCALABLE not in kinds:
            continue
        joined = helper.make_node(
            "Concat",
            [first.input[0], second.input[0]],
            [f"{add.output[0]}.inputs"],
            name=f"{add.name}.inputs",
            axis=1,
        )
        weight = np.concatenate([graph.weights[conv.input[1]] for conv in (first, second)], axis=1)
        bias = _bias(graph, first) + _bias(graph, second)
        names = [f"{add.output[0]}.weight", f"{add.output[0]}.bias"]
        graph.weights.update(zip(names, (weight, bias), strict=True))
        merged = helper.make_node(
            "Conv",
            [joined.output[0], *names],
            list(add.output),
            name=f"{add.name}.conv",
            kernel_shape=[1, 1],
            strides=[1, 1],
            pads=[0, 0, 0, 0],
            dilations=[1, 1],
            group=1,
        )
        place = next(i for i, node in enumerate(graph.nodes) if node is add)
        graph.nodes[place : place + 1] = [joined, merged]
        graph.drop(first)
        graph.drop(second)


def _mergeable(graph: Graph, conv: NodeProto | None) -> bool:
    if conv is None or conv.op_type != "Conv":
        return False
    if any(name not in graph.weights for name in conv.input[1:]):
        return False
    has = attributes(conv)
    plain = (
        list(graph.weights[conv.input[1]].shape[2:]) == [1, 1]
        and has.get("group", 1) == 1
        and list(has.get("strides", [1, 1])) == [1, 1]
        and not any(has.get("pads", [0]))
    )
    maker = graph.producer(conv.input[0])
    return (
        plain
        and graph.only_consumer(conv.output[0]) is not None
        and graph.only_consumer(conv.input[0]) is not None
        and maker is not None
        and maker.op_type in (SCALABLE, FIXED)
        and maker.input[1] in graph.weights
    )


def _bias(graph: Graph, conv: NodeProto) -> np.ndarray:
    outputs = len(graph.weights[conv.input[1]])
    return graph.weights[conv.input[2]] if len(conv.input) > 2 else np.zeros(outputs, np.float32)


def equalise(
    model: onnx.ModelProto, found: dict[str, Histogram]
) -> tuple[onnx.ModelProto, dict[str, Histogram]]:
    """Scales the parts of a concatenation before a 1x1 layer to one range; the same function.

    That of the PReLU's result if there is one, else the widest. A part's layer writes ``c`` times
    its values and the layer behind divides by ``c`` again; ``c`` is negative where that lays the
    range better over the other.
    """
    graph, found = Graph.open(model), dict(found)
    for joined in [node for node in graph.nodes if node.op_type == "Concat"]:
        reader = graph.only_consumer(joined.output[0])
        makers = [graph.producer(name) for name in joined.input]
        parts = [maker for maker in makers if maker is not None and _private(graph, maker)]
        fixed = [part.op_type == FIXED for part in parts]
        if len(parts) < len(makers) or sum(fixed) > 1 or len(set(joined.input)) < len(makers):
            continue
        if reader is None or reader.op_type != "Conv" or reader.input[1] not in graph.weights:
            continue
        if attributes(reader).get("group", 1) != 1:
            continue
        weights = [graph.weights[part.input[1]] for part in parts]
        sizes = [w.size if own else len(w) for w, own in zip(weights, fixed, strict=True)]
        # Along another axis, or of a slope for all channels, a part is no range of channels.
        if attributes(joined)["axis"] != 1 or sum(sizes) != graph.weights[reader.input[1]].shape[1]:
            continue
        ranges = [found[name] for name in joined.input]
        factors = _factors(ranges, fixed.index(True) if any(fixed) else None)
        outer, start = graph.weights[reader.input[1]].copy(), 0
        for part, factor, size in zip(parts, factors, sizes, strict=True):
            end = start + size
            if factor != 1:
                for name in part.input[1:]:
                    graph.weights[name] = (graph.weights[name] * factor).astype(np.float32)
                outer[:, start:end] /= np.float32(factor)
                found[part.output[0]] = _scaled(found[part.output[0]], factor)
            start = end
        graph.weights[reader.input[1]] = outer
        # Its range is the union of its parts'; calibrate.share sees to that.
        found[joined.output[0]] = found[joined.input[0]]
    return graph.build(), found


def _private(graph: Graph, maker: NodeProto) -> bool:
    return (
        maker.op_type in (SCALABLE, FIXED)
        and all(name in graph.weights for name in maker.input[1:])
        and graph.only_consumer(maker.output[0]) is not None
    )


def _factors(parts: list[Histogram], fixed: int | None) -> list[float]:
    """What to multiply each part with; 1 for the part ``fixed``, whose range the others take."""
    spans = [(min(part.low, 0.0), max(part.high, 0.0)) for part in parts]
    widest = max(range(len(spans)), key=lambda index: spans[index][1] - spans[index][0])
    model = widest if fixed is None else fixed
    low, high = spans[model]
    factors = []
    for index, (least, most) in enumerate(spans):
        if index == model:
            factors.append(1.0)
            continue
        size = (high - low) / max(most - least, 1e-12)
        outside = {
            sign: max(low - min(ends), 0.0) + max(max(ends) - high, 0.0)
            for sign in (1.0, -1.0)
            for ends in [(sign * size * least, sign * size * most)]
        }
        factors.append(size * min((1.0, -1.0), key=lambda sign: outside[sign]))
    return factors


def _scaled(part: Histogram, factor: float) -> Histogram:
    if factor > 0:
        return Histogram(part.low * factor, part.high * factor, part.counts)
    return Histogram(part.high * factor, part.low * factor, part.counts[::-1])
