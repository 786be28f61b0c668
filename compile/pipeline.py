"""The compiler's table of contents: import, fold, fuse, lay out, lower, plan, emit, report."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .emit import firmware
from .emit.library import emit
from .errors import CompileError
from .files import write_text
from .frontend import oracle
from .frontend.file_run import IncomparableError
from .frontend.load import load
from .graph import Graph
from .kernels.isa.base import Isa
from .lower.lower import lower
from .lower.program import Program
from .memory import fit
from .memory.plan import Plan
from .passes import (
    drop_identity,
    fold_activation,
    fold_clamp,
    fuse_add,
    sink,
    split_padding,
    trim_taps,
)
from .targets import Target, resolve
from .tiles import table as tiles

PASSES = (drop_identity, trim_taps, fold_clamp, fold_activation, fuse_add, split_padding, sink)


@dataclass(frozen=True)
class Compiled:
    """The written library, what else was written, and what became of the graph."""

    path: Path
    target: Target
    graph: Graph
    plan: Plan
    kernels: int

    @property
    def files(self) -> tuple[Path, ...]:
        """The library first; for firmware a header and a description follow."""
        return firmware.files(self.graph, self.path) if self.target.firmware else (self.path,)


def optimise(graph: Graph, dump: Path | None = None) -> Graph:
    """All passes in order; ``dump`` names a folder for the graph after each of them."""
    _dump(graph, dump, 0, "import")
    for index, step in enumerate(PASSES, start=1):
        graph = step.run(graph).validate()
        _dump(graph, dump, index, step.__name__.rpartition(".")[2])
    return graph


def lowered(graph: Graph, target: Target, table: Path | None = None) -> Program:
    """An optimised graph as kernel calls with the tiles of ``tiles.load``."""
    return lower(graph, instruction_set(target), tiles.load(target.name, table).tile)


def fitted(program: Program, target: Target, ram: Sequence[int]) -> tuple[Program, Plan | None]:
    """``fit.within`` for firmware, and without ``ram`` the program as it is."""
    if ram and not target.firmware:
        raise CompileError(f"target {target.name}: RAM banks are for firmware, such as cortex-m7")
    return fit.within(program, ram) if ram else (program, None)


def compile_graph(
    graph: Graph, target: Target, path: Path, ram: Sequence[int] = (), table: Path | None = None
) -> Compiled:
    """An optimised graph to one shared library, or for firmware to ``firmware.files``.

    Args:
        ram: bytes of the RAM banks that the arena may take, for firmware.
        table: as ``tiles.load`` takes it.
    """
    program, memory = fitted(lowered(graph, target, table), target, ram)
    if target.firmware:
        memory = firmware.emit(program, target, path, memory)
    else:
        memory = emit(program, target, path)
    return Compiled(path, target, program.graph, memory, len(program.kernels))


def compile_model(
    model: Path,
    target: str,
    out: Path,
    dump: Path | None = None,
    *,
    ram: Sequence[int] = (),
    table: Path | None = None,
    compare: bool = True,
) -> list[Compiled]:
    """``model`` (int8 QDQ ONNX) for every member of ``target``: ``out/NAME.TARGET.so`` each.

    For firmware ``out/NAME.TARGET.a`` with header and description; several members get a folder
    ``out/TARGET`` each, since the header of one does not fit another.

    Args:
        ram, table: as for ``compile_graph``; a table is one target's.
        compare: hold the imported network against onnxruntime on one input, where that is
            installed; ``validate`` with ``against`` does so at length.

    Raises:
        CompileError: the model or the target cannot be compiled, or an operator is more than one
            step from the file's.
    """
    targets = resolve(target)
    for chosen in targets:
        tiles.load(chosen.name, table)  # what is wrong with it is said before anything else
    imported = load(model)
    notes = [*imported.notes]
    if compare:
        try:
            oracle.check(model, imported, count=1)
        except IncomparableError as error:
            notes.append(f"not compared with the file's own meaning: {error}")
    graph = optimise(imported, dump)
    for note in notes:
        print(f"{model.name}: note: {note}", file=sys.stderr)
    several = len(targets) > 1
    done = [
        compile_graph(graph, t, _library(graph, t, out, several), ram=ram, table=table)
        for t in targets
    ]
    for one in done:
        for note in one.graph.notes[len(graph.notes) :]:
            print(f"{one.path.name}: note: {note}", file=sys.stderr)
    return done


def _library(graph: Graph, target: Target, out: Path, several: bool) -> Path:
    if not target.firmware:
        return out / f"{graph.name}.{target.name}.so"
    return (out / target.name if several else out) / f"{graph.name}.{target.name}.a"


def instruction_set(target: Target) -> Isa:
    """The kernels' view of a target."""
    module, name = target.kernels
    return getattr(importlib.import_module(f".kernels.isa.{module}", __package__), name)()


def _dump(graph: Graph, folder: Path | None, index: int, phase: str) -> None:
    if folder is None:
        return
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
    write_text(folder / f"{index}-{name}.txt", "\n".join(lines) + "\n")


__all__ = ["CompileError", "Compiled", "compile_graph", "compile_model", "optimise"]
