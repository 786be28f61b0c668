"""What a result and its input can share in a graph that is rated before it is lowered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..graph import Conv, Graph, Op, OpRef
from ..lower.layout import Layout
from ..lower.over import Shape, distance
from ..lower.program import Program, Served
from .plan import Span

Lives = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Sharing:
    """The kernels of a whole program, whose operators are taken in another order, or in strips."""

    program: Program
    shapes: dict[Served, Shape]

    @classmethod
    def of(cls, program: Program) -> Sharing:
        kernels = program.kernels
        return cls(program, {c.of: kernels[c.kernel] for c in program.calls if c.over})

    def bytes(self, graph: Graph, layout: Layout, op: Op, source: str, lives: Lives) -> int:
        """Bytes that the result of ``op`` shares with its input ``source``.

        Args:
            lives: first and last operator that touches a root.
        """
        shape = self.shapes.get(OpRef(op.name))
        if shape is None or not isinstance(op, Conv):
            return 0
        x, y = layout.places[source][0], layout.places[op.output][0]
        if x not in lives or y not in lives or lives[x][1] != lives[y][0]:
            return 0
        if op.strip is not None and not all(graph.tensors[name].whole for name in (x, y)):
            return 0
        own = replace(shape, x=layout.view(graph, source), y=layout.view(graph, op.output))
        size, places = (
            layout.roots[x].bytes,
            (layout.offset(source, op.pads), layout.offset(op.output)),
        )
        behind = distance(self.program.isa, own, *places, size)
        if behind is None:
            return 0
        result = Span("y", layout.roots[y].bytes, 0, 0, "x", behind)
        return result.shared(Span("x", size, 0, 0))
