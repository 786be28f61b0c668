"""Operators of a compiled program in words and numbers: kind, what is fused in, output shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..graph import Conv, MatMul, Op, OpRef, Pool, Rescale, conv_macs, matmul_macs
from ..kernels import elementwise
from ..lower.program import Border, Copy, Program, Served


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


def described(program: Program) -> dict[Served, Description]:
    """What the calls of the program serve, in words; the strips of one operator are together."""
    ops = {op.ref: op for op in program.graph.ops}
    shapes = {call.of: program.kernels[call.kernel] for call in program.calls}
    found: dict[Served, Description] = {}
    for of, shape in shapes.items():
        own = _operator(program, ops[of], shape) if isinstance(of, OpRef) else _around(program, of)
        before = found.get(of.whole)
        found[of.whole] = before.and_strip(own) if before else own
    return found


def _around(program: Program, of: Copy | Border) -> Description:
    """The copies at both ends of the network, and borders of padded tensors."""
    if isinstance(of, Border):
        return Description("border", "", None)
    end = "input" if of.inward else "output"
    return Description(f"{end} copy", "", program.graph.tensors[of.tensor].shape)


def _operator(program: Program, op: Op, kernel: Any) -> Description:
    y = program.graph.tensors[op.output]
    kind: str = kernel.label
    if isinstance(op, Conv):
        grouped = " grouped" if 1 < op.groups < len(op.weight) else ""
        fused = [part for part in ("activation", "add") if getattr(op, part) is not None]
        kind += window(op.kernel, op.stride) + grouped
        return Description(kind, ", ".join(fused), y.shape, conv_macs(op, y))
    if isinstance(op, MatMul):
        macs = matmul_macs(op, program.graph.tensors[op.inputs[0]], y)
        return Description(kind, "", y.shape, macs)
    if isinstance(op, Pool):
        kind = f"{op.kind} pool" + window(op.kernel, op.stride)
    elif isinstance(op, Rescale) and isinstance(kernel, elementwise.RescaleShape):
        kind += " in float"
    return Description(kind, "", y.shape)


def window(kernel: Sequence[int], stride: Sequence[int]) -> str:
    """`` 3x3 /2``: with a space before it, the stride only where there is one."""
    steps = "x".join(map(str, dict.fromkeys(stride)))
    return f" {kernel[0]}x{kernel[1]}" + (f" /{steps}" if steps != "1" else "")
