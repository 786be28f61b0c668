"""Operators of a compiled program in words and numbers: kind, what is fused in, output shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..graph import Conv, Op, Pool, Rescale, conv_macs, whole
from ..kernels import elementwise
from ..lower.families import BUILDERS
from ..lower.program import Program


@dataclass(frozen=True)
class Description:
    """``fused`` names what the operator does besides; ``shape`` is (height, width, channels)."""

    kind: str
    fused: str
    shape: tuple[int, int, int] | None
    macs: int = 0

    def and_strip(self, other: Description) -> Description:
        """This and another strip; rows that both compute count twice."""
        if self.shape is None or other.shape is None:
            return self
        shape = (self.shape[0] + other.shape[0], *self.shape[1:])
        return replace(self, shape=shape, macs=self.macs + other.macs)


def described(program: Program) -> dict[str, Description]:
    """What every name stands for that a call of the program bears; strips of one are together."""
    ops = {op.name: op for op in program.graph.ops}
    shapes = {call.op: program.kernels[call.kernel] for call in program.calls}
    found: dict[str, Description] = {}
    for name, shape in shapes.items():
        own = _operator(program, ops[name], shape) if name in ops else _around(program, name)
        before = found.get(whole(name))
        found[whole(name)] = before.and_strip(own) if before else own
    return found


def _around(program: Program, name: str) -> Description:
    """The copies at both ends of the network, and borders of padded tensors."""
    graph = program.graph
    ends = {"input": graph.input, "output": graph.output}
    if name in ends:
        return Description(f"{name} copy", "", graph.tensors[ends[name]].shape)
    return Description("border", "", None)


def _operator(program: Program, op: Op, kernel: object) -> Description:
    y = program.graph.tensors[op.output]
    kind = BUILDERS[type(kernel)][0]
    if isinstance(op, Conv):
        grouped = " grouped" if 1 < op.groups < len(op.weight) else ""
        fused = [part for part in ("activation", "add") if getattr(op, part) is not None]
        kind += window(op.kernel, op.stride) + grouped
        return Description(kind, ", ".join(fused), y.shape, conv_macs(op, y))
    if isinstance(op, Pool):
        kind = f"{op.kind} pool" + window(op.kernel, op.stride)
    elif isinstance(op, Rescale) and isinstance(kernel, elementwise.RescaleShape):
        kind += " in float"
    return Description(kind, "", y.shape)


def window(kernel: Sequence[int], stride: Sequence[int]) -> str:
    """`` 3x3 /2``: with a space before it, the stride only where there is one."""
    steps = "x".join(map(str, dict.fromkeys(stride)))
    return f" {kernel[0]}x{kernel[1]}" + (f" /{steps}" if steps != "1" else "")
