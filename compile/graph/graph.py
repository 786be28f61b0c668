"""The int8 graph: a network's tensors and operators in execution order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..errors import CompileError
from .ops import (
    INT8_MAX,
    INT8_MIN,
    Constant,
    Conv,
    Enter,
    MatMul,
    Op,
    Tensor,
    conv_macs,
    matmul_macs,
)


@dataclass(frozen=True)
class Origin:
    """The value of the ONNX file that a tensor holds, so that the two can be compared.

    ``value`` names the output of a QuantizeLinear (where the file stores uint8 it is the tensor's
    int8 plus 128), or a float value for a float32 tensor. ``shape`` is its shape in the file, axes
    split where needed, such that ``file.reshape(shape).transpose(order).reshape(height, width,
    channels)`` is what the tensor holds.
    """

    value: str
    shape: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """A whole network and the metadata of its file.

    ``inputs`` and ``outputs`` name tensors, in the order of the file; ``input_names`` and
    ``output_names`` are what the file calls them, by default the tensors' own names. ``origins``:
    by tensor, what it is in the file; tensors that the import made up are not in it.
    """

    name: str
    tensors: dict[str, Tensor]
    ops: tuple[Op, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    record: str = "{}"
    sha256: str = ""
    notes: tuple[str, ...] = field(default=())
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for ends in ("input", "output"):
            if not getattr(self, f"{ends}_names"):
                object.__setattr__(self, f"{ends}_names", getattr(self, f"{ends}s"))

    def producers(self) -> Mapping[str, Op]:
        """The operator that writes each tensor."""
        return self._producers

    def consumers(self) -> Mapping[str, Sequence[Op]]:
        """The operators that read each tensor, in execution order; none for other names."""
        return self._consumers

    def stored(self) -> Set[str]:
        """The tensors that are known when the network is compiled: they take no arena."""
        return self._stored

    def lent(self) -> Set[str]:
        """The inputs that are read from the caller's memory alone: they take no arena."""
        return self._lent

    @cached_property
    def _lent(self) -> frozenset[str]:
        readers = self._consumers
        return frozenset(
            name
            for name in self.inputs
            if readers[name] and all(isinstance(op, Enter) for op in readers[name])
        ).difference(self.outputs)

    @cached_property
    def _stored(self) -> frozenset[str]:
        return frozenset(op.output for op in self.ops if isinstance(op, Constant))

    @cached_property
    def _producers(self) -> Mapping[str, Op]:
        return {op.output: op for op in self.ops}

    @cached_property
    def _consumers(self) -> Mapping[str, Sequence[Op]]:
        found: dict[str, list[Op]] = {name: [] for name in self.tensors}
        for op in self.ops:
            for name in dict.fromkeys(op.inputs):
                found[name].append(op)
        return found

    def with_ops(self, ops: list[Op], tensors: dict[str, Tensor] | None = None) -> Graph:
        """This graph with other operators; tensors that nothing touches any more are dropped."""
        tensors = self.tensors if tensors is None else tensors
        used = {*self.inputs, *self.outputs}
        for op in ops:
            used.update(op.inputs, (op.output,))
        kept = {name: tensor for name, tensor in tensors.items() if name in used}
        return replace(self, ops=tuple(ops), tensors=kept)

    def validate(self) -> Graph:
        """Checks that every operator reads what is there already; returns the graph itself."""
        written = set(self.inputs)
        for op in self.ops:
            for name in op.inputs:
                if name not in written:
                    raise CompileError(
                        f"{self.name}: node {op.name!r} reads {name!r} before it is written; "
                        "a pass broke the order of operators"
                    )
            if not INT8_MIN <= op.low <= op.high <= INT8_MAX:
                raise CompileError(
                    f"{self.name}: node {op.name!r} clamps to [{op.low}, {op.high}], expected an "
                    "interval of int8; a pass broke it"
                )
            if op.output in written:
                raise CompileError(f"{self.name}: {op.output!r} is written twice ({op.name!r})")
            written.add(op.output)
        for name in self.outputs:
            if name not in written:
                raise CompileError(f"{self.name}: the output {name!r} is never written")
        return self


def macs(graph: Graph) -> int:
    """Multiply-accumulates of all convolutions and products of two activations."""
    tensors, total = graph.tensors, 0
    for op in graph.ops:
        if isinstance(op, Conv):
            total += conv_macs(op, tensors[op.output])
        elif isinstance(op, MatMul):
            total += matmul_macs(op, tensors[op.inputs[0]], tensors[op.output])
    return total
