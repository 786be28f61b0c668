"""A float network that is drawn operator by operator, with a sample of every value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MOST_VALUES = 4096
"""Of an activation; larger ones are not drawn."""

KINDS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class UnfitError(Exception):
    """An operator does not fit what it was to be applied to; another one is drawn."""


@dataclass
class Net:
    """Nodes, constants and a sample of every value; ``random`` decides all.

    ``exact``: values that their reader wants as stored integers. ``behind``: values behind which a
    pair must stand, since their operator has no rule in float32. ``inner``: values that have no
    pair, as parts of one function. ``weights``: constants to be stored, and their axis of outputs.
    ``biases``: constants to be stored as int32, and the (input, weight) whose scales they take.
    """

    random: np.random.Generator
    opset: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    samples: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    exact: set[str] = field(default_factory=set)
    behind: set[str] = field(default_factory=set)
    inner: set[str] = field(default_factory=set)
    weights: dict[str, int] = field(default_factory=dict)
    biases: dict[str, tuple[str, str]] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------- chance

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def one(self, *choices: object) -> object:
        return choices[self.random.integers(len(choices))]

    def int(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self.random.integers(low, high + 1))

    def magnitude(self) -> float:
        """Mostly about 1, now and then far from it."""
        if self.chance(0.85):
            return float(10 ** self.random.uniform(-0.7, 0.7))
        return float(10 ** self.random.uniform(-5, 5))

    def pick(self, *ranks: int, where: Sequence[str] | None = None) -> str:
        """A value of one of ``ranks``, or of any from 1 on; mostly one of the last."""
        names = [n for n in (self.samples if where is None else where) if n not in self.inner]
        found = [n for n in names if self.samples[n].ndim in (ranks or range(1, 6))]
        if not found:
            raise UnfitError
        if self.chance(0.7):
            return found[-1]
        return found[self.random.integers(len(found))]

    # -------------------------------------------------------------------------------------- makes

    def input(self, shape: Sequence[int], magnitude: float) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs.append(name)
        low = self.one(-1.0, -1.0, 0.0, -0.3)
        values = self.random.uniform(low, 1, tuple(shape)) * magnitude
        self.samples[name] = values.astype(np.float32)
        return name

    def constant(self, values: object, kind: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values, kind)
        return name

    def whole(self, *values: int) -> str:
        """Integers that say axes, sizes or places."""
        return self.constant(values, np.int64)

    def weight(self, values: np.ndarray, axis: int) -> str:
        name = self.constant(values)
        self.weights[name] = axis
        return name

    def real(self, *shape: int, low: float = -1, high: float = 1) -> str:
        """A float constant."""
        return self.constant(self.random.uniform(low, high, shape))

    def node(
        self, kind: str, *inputs: str, exact: bool = False, behind: bool = False,
        inner: bool = False, **attributes: object,
    ) -> str:  # fmt: skip
        """Appends an operator of one output and computes its sample.

        Raises:
            UnfitError: onnxruntime refuses it, or its result is too large, empty or not finite.
        """
        return self.outputs(
            kind, *inputs, count=1, exact=exact, behind=behind, inner=inner, **attributes
        )[0]

    def outputs(
        self, kind: str, *inputs: str, count: int, exact: bool = False, behind: bool = False,
        inner: bool = False, **attributes: object,
    ) -> list[str]:  # fmt: skip
        names = [f"v{len(self.nodes)}" + "abcdef"[index] * (count > 1) for index in range(count)]
        node = helper.make_node(
            kind, inputs, names, name=f"n{len(self.nodes)}_{kind}", **attributes
        )
        for name, value in zip(names, self._results(node), strict=True):
            if not 0 < value.size <= MOST_VALUES or not np.isfinite(value).all():
                raise UnfitError
            self.samples[name] = value
            if behind:
                self.behind.add(name)
            if inner:
                self.inner.add(name)
        if exact:
            self.exact.update(name for name in inputs if name in self.samples)
        self.nodes.append(node)
        return names

    def _results(self, node: onnx.NodeProto) -> list[np.ndarray]:
        known = {name: self.samples.get(name, self.constants.get(name)) for name in node.input}
        given = {name: value for name, value in known.items() if value is not None}
        moving = {name: value for name, value in given.items() if name in self.samples}
        fixed = [numpy_helper.from_array(given[n], n) for n in given if n not in moving]
        entries = [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape)
                   for n, v in moving.items()]  # fmt: skip
        ends = [onnx.ValueInfoProto(name=name) for name in node.output]
        graph = helper.make_graph([node], "one", entries, ends, fixed)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 10
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            return session.run(None, moving)
        except Exception as error:  # onnxruntime has a type for every status
            raise UnfitError(str(error)) from error

    def readers(self, name: str) -> list[onnx.NodeProto]:
        return [node for node in self.nodes if name in node.input]

    def ends(self) -> list[str]:
        """Values that nothing reads."""
        read = {name for node in self.nodes for name in node.input}
        return [name for name in self.samples if name not in read]
