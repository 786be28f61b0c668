"""An If whose condition is constant: the branch that it takes, in its place."""

from __future__ import annotations

import onnx
from onnx import helper

from .draft import Draft, attributes


def branch(draft: Draft, node: onnx.NodeProto) -> list[onnx.NodeProto] | None:
    """The nodes of the branch that an If takes, or None if that is not known.

    The branch's constants become the draft's; all of its names are new ones.

    Raises:
        CompileError: a branch that does not give what the If gives.
    """
    condition = draft.constants.get(node.input[0])
    if condition is None:
        return None
    options = attributes(node)
    graph = options.get("then_branch" if condition.any() else "else_branch")
    if graph is None or len(graph.output) != len(node.output) or condition.size != 1:
        raise draft.error(node, "its branches do not fit it; export the network anew")
    new: dict[str, str] = {}
    for tensor in graph.initializer:
        where = f"constant {tensor.name!r}"
        new[tensor.name] = draft.constant(tensor.name, draft.array(tensor, where))
    for inner in graph.node:
        new.update({name: draft.fresh(name) for name in inner.output if name})
    nodes = [_renamed(inner, new) for inner in graph.node]
    for inside, outside in zip(graph.output, node.output, strict=True):
        if outside:
            value = new.get(inside.name, inside.name)
            nodes.append(helper.make_node("Identity", [value], [outside]))
    return nodes


def _renamed(node: onnx.NodeProto, new: dict[str, str]) -> onnx.NodeProto:
    result = onnx.NodeProto()
    result.CopyFrom(node)
    todo = [result]
    while todo:
        one = todo.pop()
        one.input[:] = [new.get(name, name) for name in one.input]
        one.output[:] = [new.get(name, name) for name in one.output]
        for attribute in one.attribute:
            for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                todo.extend(graph.node)
                for value in graph.output:
                    value.name = new.get(value.name, value.name)
    return result
