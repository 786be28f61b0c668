"""An ONNX model while it is rewritten: nodes in order, constants as arrays, and names."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ...errors import CompileError

DEFAULT = ("", "ai.onnx")
"""Names of the standard's own domain."""

STATED = "stated_pads"
"""Attribute of ours: the padding that a pool had in the file (ceil_mode.py)."""

SMALL = 1024
"""Elements up to which a constant takes part in shape inference as a value."""


class Draft:
    """Nodes, constants and ends of one model; passes read and replace them.

    ``nodes`` stand in topological order. A constant is never a graph input.

    Raises:
        CompileError: a constant that cannot be read, or one of strings.
    """

    def __init__(self, file: str, model: onnx.ModelProto) -> None:
        self.file = file
        graph = model.graph
        self.constants: dict[str, np.ndarray] = {}
        for tensor in graph.initializer:
            self.constants[tensor.name] = self.array(tensor, f"constant {tensor.name!r}")
        self.nodes: list[onnx.NodeProto] = list(graph.node)
        self.inputs = [value for value in graph.input if value.name not in self.constants]
        self.outputs = list(graph.output)
        self.value_info = list(graph.value_info)
        self.name = graph.name or "graph"
        self.metadata = list(model.metadata_props)
        self.opset = next((o.version for o in model.opset_import if o.domain in DEFAULT), 0)
        self.domains = {o.domain: o.version for o in model.opset_import if o.domain not in DEFAULT}
        self.ir = model.ir_version
        self._taken: set[str] | None = None

    # -------------------------------------------------------------------------------- questions

    def error(self, node: onnx.NodeProto | str, message: str) -> CompileError:
        """The error that names file and node; ``message`` ends with a remedy."""
        return CompileError(
            f"{self.file}: {node if isinstance(node, str) else label(node)}: {message}"
        )

    def array(self, tensor: TensorProto, where: str) -> np.ndarray:
        """The tensor's values."""
        if tensor.data_type == TensorProto.STRING:
            raise self.error(where, "holds strings; remove the operators that read text")
        try:
            return np.asarray(numpy_helper.to_array(tensor))
        except Exception as error:  # numpy, onnx and ml_dtypes raise types of their own
            raise self.error(
                where, f"not a valid ONNX file: it is damaged ({first_line(error)}); export it anew"
            ) from error

    def fresh(self, hint: str) -> str:
        """A value's name that nothing has yet."""
        if self._taken is None:
            self._taken = {*self.constants, *(value.name for value in self.inputs)}
            for node in self.nodes:
                self._taken.update(node.input)
                self._taken.update(node.output)
        return unique(hint, self._taken)

    def constant(self, hint: str, values: np.ndarray) -> str:
        """Stores a new constant and returns its name."""
        name = self.fresh(hint)
        self.constants[name] = np.asarray(values)
        return name

    def writers(self) -> dict[str, onnx.NodeProto]:
        """The node that writes a value, by the value's name."""
        return {name: node for node in self.nodes for name in node.output if name}

    def reads(self) -> Counter[str]:
        """How often a value is read, by nodes and as an output of the graph."""
        counts = Counter(name for node in self.nodes for name in node.input)
        counts.update(value.name for value in self.outputs)
        return counts

    # ---------------------------------------------------------------------------------- changes

    def bypass(self, same: Mapping[str, str]) -> None:
        """Lets readers of each key read the value it stands for, and drops the node between.

        An output of the graph keeps its name: the node behind it writes that name instead, or,
        where that one is an input, a constant or another output, an Identity stays.
        """
        if not same:
            return
        ends = {value.name for value in self.outputs}
        written = {name for node in self.nodes for name in node.output}
        origin = {name: _root(name, same) for name in same}
        renamed: dict[str, str] = {}
        stays = set()
        for name, root in origin.items():
            if name not in ends:
                continue
            if root in written and root not in ends and root not in renamed:
                renamed[root] = name
            else:
                stays.add(name)
        final = {name: renamed.get(root, root) for name, root in origin.items()}
        kept = []
        for node in self.nodes:
            if node.output[0] in same:
                if node.output[0] in stays:
                    value = final[node.output[0]]
                    kept.append(helper.make_node("Identity", [value], [node.output[0]], node.name))
                continue
            names = [final.get(name, renamed.get(name, name)) for name in node.input]
            outputs = [renamed.get(name, name) for name in node.output]
            if names != list(node.input) or outputs != list(node.output):
                node.input[:], node.output[:] = names, outputs
            kept.append(node)
        self.nodes = kept

    # ------------------------------------------------------------------------------------ model

    def model(self, *, weights: bool = True) -> onnx.ModelProto:
        """The model; without ``weights``, large constants are inputs (for inference of shapes)."""
        held, free = [], list(self.inputs)
        for name, values in self.constants.items():
            if weights or values.size <= SMALL:
                held.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
            else:
                kind = helper.np_dtype_to_tensor_dtype(values.dtype)
                free.append(helper.make_tensor_value_info(name, kind, values.shape))
        graph = helper.make_graph(
            self.nodes, self.name, free, self.outputs, held, value_info=self.value_info
        )
        opsets = [helper.make_opsetid("", self.opset)]
        used = {node.domain for node in self.nodes}
        opsets += [helper.make_opsetid(name, v) for name, v in self.domains.items() if name in used]
        model = helper.make_model(graph, opset_imports=opsets)
        model.ir_version = max(self.ir, helper.find_min_ir_version_for(opsets[:1]))
        model.metadata_props.extend(self.metadata)
        return model

    def check_nodes(self) -> None:
        """Asks onnx whether inputs and attributes are those of the operators.

        Raises:
            CompileError: they are not, as where another domain's operator was damaged.
        """
        context = type(onnx.checker.DEFAULT_CONTEXT)()
        context.ir_version = onnx.IR_VERSION
        context.opset_imports = {"": self.opset, **self.domains}
        for node in self.nodes:
            own = onnx.NodeProto()
            own.CopyFrom(node)
            del own.attribute[:]
            own.attribute.extend(a for a in node.attribute if a.name != STATED)
            try:
                onnx.checker.check_node(own, context)
            except Exception as error:  # onnx raises types of its own
                raise self.error(
                    node, f"is not valid ({first_line(error)}); export the network anew"
                ) from error

    def infer(self) -> tuple[dict[str, tuple[int | None, ...]], dict[str, int]]:
        """What inference knows by now: shapes (None for an unknown size) and element types."""
        model = self.model(weights=False)
        del model.graph.value_info[:]
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
        try:
            graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except Exception as error:  # protobuf and onnx raise types of their own
            raise CompileError(
                f"{self.file}: not a valid ONNX file ({first_line(error)}); export it anew"
            ) from error
        shapes: dict[str, tuple[int | None, ...]] = {}
        types: dict[str, int] = {}
        for value in [*graph.input, *graph.value_info, *graph.output]:
            tensor = value.type.tensor_type
            if tensor.elem_type:
                types[value.name] = tensor.elem_type
            if tensor.HasField("shape"):
                shapes[value.name] = tuple(
                    d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim
                )
        for name, values in self.constants.items():
            shapes[name] = values.shape
            types[name] = helper.np_dtype_to_tensor_dtype(values.dtype)
        return shapes, types


def label(node: onnx.NodeProto) -> str:
    """How messages name a node."""
    name = node.name or next(iter(node.output), "")
    return f"node {name!r} ({node.op_type})"


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as Python values."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def attribute(draft: Draft, node: onnx.NodeProto, name: str, default: Any) -> Any:
    """An attribute of the default's type, for operators that onnx's checker does not know.

    Raises:
        CompileError: the attribute is of another type.
    """
    value = attributes(node).get(name, default)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(default, float) and isinstance(value, int):
        value = float(value)
    if not isinstance(value, type(default)):
        raise draft.error(
            node, f"{name} is {value!r}, expected one like {default!r}; export the network anew"
        )
    return value


def like(
    node: onnx.NodeProto,
    kind: str,
    inputs: list[str],
    outputs: list[str],
    name: str,
    without: Iterable[str] = (),
    **options: Any,
) -> onnx.NodeProto:
    """Another operator with this one's attributes, except those ``without``, and ``options``."""
    made = helper.make_node(kind, inputs, outputs, name, **options)
    gone = {*without, *options}
    made.attribute.extend(a for a in node.attribute if a.name not in gone)
    return made


def is_default(node: onnx.NodeProto, *kinds: str) -> bool:
    """Whether the node is one of these operators of the standard's own domain."""
    return node.domain in DEFAULT and node.op_type in kinds


def static(shape: tuple[int | None, ...] | None) -> tuple[int, ...] | None:
    """The shape if all of its sizes are known."""
    if shape is None or any(size is None for size in shape):
        return None
    return tuple(size for size in shape if size is not None)


def unique(hint: str, taken: set[str]) -> str:
    """``hint``, or it with the first number that is free; it is taken from then on."""
    name, number = hint, 0
    while name in taken or not name:
        number += 1
        name = f"{hint}_{number}"
    taken.add(name)
    return name


def first_line(error: BaseException) -> str:
    """The first cause in an exception's text, without onnx's marks of who says it, or its type."""
    for line in str(error).splitlines():
        told = re.split(r"Inference error\(s\): |\[\w*Error\] |\(op_type:[^)]*\): ", line)[-1]
        if told.strip():
            return told.strip()[:300]
    return type(error).__name__


def ordered(file: str, nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes so that each stands behind those whose results it reads; stable.

    Raises:
        CompileError: the nodes read each other in a circle.
    """
    nodes = list(nodes)
    writer = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    waits = [{writer[name] for name in _read(node) if name in writer} for node in nodes]
    behind: list[list[int]] = [[] for _ in nodes]
    for i, before in enumerate(waits):
        for j in before:
            behind[j].append(i)
    ready = [i for i, before in enumerate(waits) if not before]
    result = []
    while ready:
        i = heapq.heappop(ready)
        result.append(nodes[i])
        for j in behind[i]:
            waits[j].discard(i)
            if not waits[j]:
                heapq.heappush(ready, j)
    if len(result) < len(nodes):
        stuck = next(node for i, node in enumerate(nodes) if waits[i])
        raise CompileError(
            f"{file}: {label(stuck)}: reads its own result through other nodes; "
            "a network must have no circle, export it anew"
        )
    return result


def _read(node: onnx.NodeProto) -> list[str]:
    """Names that a node or the graphs inside it read."""
    names, graphs = list(node.input), [a.g for a in node.attribute if a.HasField("g")]
    while graphs:
        for inner in graphs.pop().node:
            names.extend(inner.input)
            graphs.extend(a.g for a in inner.attribute if a.HasField("g"))
    return names


def _root(name: str, same: Mapping[str, str]) -> str:
    while name in same:
        name = same[name]
    return name
