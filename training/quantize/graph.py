"""A float ONNX graph opened for rewriting: nodes in order, initialisers as numpy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

from pocketvision.files import write_whole


@dataclass
class Graph:
    """Nodes and initialisers of ``model``; edit them, then call :meth:`build`."""

    model: onnx.ModelProto
    nodes: list[NodeProto]
    weights: dict[str, np.ndarray]

    @classmethod
    def open(cls, model: onnx.ModelProto) -> Graph:
        """The graph of ``model``, which itself is left alone."""
        weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        nodes = []
        for node in model.graph.node:
            copy = NodeProto()
            copy.CopyFrom(node)
            nodes.append(copy)
        return cls(model, nodes, weights)

    def consumers(self, tensor: str) -> list[NodeProto]:
        """Nodes that read ``tensor``."""
        return [node for node in self.nodes if tensor in node.input]

    def producer(self, tensor: str) -> NodeProto | None:
        """The node that writes ``tensor``; None for inputs and initialisers."""
        return next((node for node in self.nodes if tensor in node.output), None)

    def is_output(self, tensor: str) -> bool:
        """Whether ``tensor`` is an output of the graph."""
        return any(output.name == tensor for output in self.model.graph.output)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Static shapes of the values of ``model``, as far as inference finds them."""
        return shapes(self.model)

    def own_name(self, wanted: str) -> str:
        """``wanted``, with a number behind it where the graph has that name."""
        taken = {name for node in self.nodes for name in (*node.input, *node.output)}
        taken |= {value.name for value in (*self.model.graph.input, *self.model.graph.output)}
        tries = (wanted if number == 1 else f"{wanted}.{number}" for number in count(1))
        return next(name for name in tries if name not in taken)

    def only_consumer(self, tensor: str) -> NodeProto | None:
        """The one node that reads ``tensor``; None if several do or it is a graph output."""
        if self.is_output(tensor):
            return None
        readers = self.consumers(tensor)
        return readers[0] if len(readers) == 1 else None

    def replace_uses(self, old: str, new: str) -> None:
        """Lets every reader of ``old`` read ``new``."""
        for node in self.nodes:
            for index, name in enumerate(node.input):
                if name == old:
                    node.input[index] = new

    def drop(self, node: NodeProto) -> None:
        """Removes ``node`` (by identity: equal nodes are different nodes)."""
        self.nodes = [other for other in self.nodes if other is not node]

    def bypass(self, node: NodeProto) -> None:
        """Removes a node whose output equals its first input.

        Where both are ends of the graph, nothing else can give both, and the node stays.
        """
        source, target = node.input[0], node.output[0]
        if not self.is_output(target):
            self.drop(node)
            self.replace_uses(target, source)
            return
        maker = self.producer(source)
        if maker is None or self.is_output(source):
            return
        self.drop(node)
        self.replace_uses(source, target)
        maker.output[list(maker.output).index(source)] = target

    def build(self) -> onnx.ModelProto:
        """A new model with only the initialisers that are read; value infos are dropped."""
        used = {name for node in self.nodes for name in node.input}
        used |= {value.name for value in self.model.graph.output}
        tensors = [
            numpy_helper.from_array(np.asarray(array, order="C"), name)
            for name, array in self.weights.items()
            if name in used
        ]
        old = self.model.graph
        graph = helper.make_graph(self.nodes, old.name, old.input, old.output, tensors)
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        model.ir_version = self.model.ir_version
        model.producer_name = "pocketvision"
        model.metadata_props.extend(self.model.metadata_props)
        return model


def shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Static shapes of a model's values by name, as far as inference finds them."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        kind = value.type.tensor_type
        sizes = [d.dim_value for d in kind.shape.dim]
        if kind.HasField("shape") and all(size > 0 for size in sizes):
            found[value.name] = tuple(sizes)
    return found


def attributes(node: NodeProto) -> dict[str, Any]:
    """Attribute values of ``node`` by name."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def set_attribute(node: NodeProto, name: str, value: object) -> None:
    """Sets or replaces one attribute."""
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def save(model: onnx.ModelProto, out: Path) -> Path:
    """Checks ``model`` and writes it to ``out``."""
    onnx.checker.check_model(model, full_check=True)
    write_whole(out, lambda file: file.write(model.SerializeToString()))
    return out
