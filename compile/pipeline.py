"""The compiler's table of contents: import, fold, fuse, lay out, lower, plan, emit, report."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from . import importer, lower, tuned
from .emit import emit
from .errors import CompileError
from .graph import Graph
from .kernels.isa import Isa
from .passes import drop_identity, fold_activation, fuse_add, sink, split_padding
from .plan import Plan
from .targets import Target, resolve

PASSES = (drop_identity, fold_activation, fuse_add, split_padding, sink)


@dataclass(frozen=True)
class Compiled:
    """One written file and what became of the graph."""

    path: Path
    target: Target
    graph: Graph
    plan: Plan
    kernels: int


def optimise(graph: Graph, dump: Path | None = None) -> Graph:
    """All passes in order; ``dump`` names a folder for the graph after each of them."""
    _dump(graph, dump, 0, "import")
    for index, step in enumerate(PASSES, start=1):
        graph = step.run(graph).validate()
        _dump(graph, dump, index, step.__name__.rpartition(".")[2])
    return graph


def lowered(graph: Graph, target: Target, table: Path | None = None) -> lower.Program:
    """An optimised graph as kernel calls with the tiles of ``tuned.load``."""
    return lower.lower(graph, instruction_set(target), tuned.load(target.name, table).tile)


def compile_graph(graph: Graph, target: Target, path: Path, table: Path | None = None) -> Compiled:
    """An optimised graph to one shared library; ``table``: as ``tuned.load`` takes it."""
    program = lowered(graph, target, table)
    return Compiled(path, target, graph, emit(program, target, path), len(program.kernels))


def compile_model(
    model: Path, target: str, out: Path, dump: Path | None = None, table: Path | None = None
) -> list[Compiled]:
    """``model`` (int8 QDQ ONNX) for every member of ``target``: ``out/NAME.TARGET.so`` each.

    Args:
        table: tiles in place of the package's own, of one target.

    Raises:
        CompileError: the model or the target cannot be compiled.
    """
    targets = resolve(target)
    for chosen in targets:
        tuned.load(chosen.name, table)  # what is wrong with it is said before anything else
    graph = optimise(importer.load(model), dump)
    for note in graph.notes:
        print(f"{model.name}: note: {note}", file=sys.stderr)
    return [compile_graph(graph, t, out / f"{graph.name}.{t.name}.so", table) for t in targets]


def instruction_set(target: Target) -> Isa:
    """The kernels' view of a target."""
    module, name = target.kernels
    return getattr(importlib.import_module(f".kernels.{module}", __package__), name)()


def _dump(graph: Graph, folder: Path | None, index: int, phase: str) -> None:
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"# {graph.name} after {phase}: {len(graph.ops)} operators"]
    for op in graph.ops:
        y = graph.tensors[op.output]
        shape = "x".join(map(str, y.shape))
        kind = type(op).__name__.lower()
        lines.append(
            f"{kind:8} {op.name}: {', '.join(op.inputs)} -> {y.name} "
            f"{shape} scale {y.scale:.6g} zero {y.zero_point} clamp [{op.low}, {op.high}]"
        )
    name = re.sub(r"\W", "_", phase)
    (folder / f"{index}-{name}.txt").write_text("\n".join(lines) + "\n")


__all__ = ["CompileError", "Compiled", "compile_graph", "compile_model", "optimise"]
