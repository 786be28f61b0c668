"""What the kernel calls of blocks cost: those of many blocks as one program, each shape once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx

from ..emit import firmware
from ..emit.codegen import write_object
from ..errors import CompileError
from ..files import workspace
from ..frontend.load import load
from ..lower.program import Call, Copy, Piece, Pointer, Program
from ..machines import cycles, measure
from ..machines.programs import find
from ..memory.lifetimes import spans
from ..memory.plan import plan
from ..pipeline import lowered, optimise
from ..targets import ARCH_X86_64, Target
from ..tiles.table import key as words
from . import blocks
from .keys import Head, Stem, parse
from .table import Row

ROUNDS = 200
"""Timed runs of a program."""

QUARTILES = (0.25, 0.5, 0.75)
ZEROS = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Block:
    """A compiled layer: ``calls`` are those that it has inside a network, too.

    Alone it has copies of its input and result around it; only the picture's belongs to a stem, and
    only the embedding's to a head.
    """

    key: str
    program: Program
    calls: tuple[Call, ...]

    @property
    def arena(self) -> int:
        """Bytes that it needs alone, which are those of its input, result and all between."""
        return plan(spans(self.program.calls)).bytes

    def alone(self) -> Program:
        """The program without what is around the block, to be run by itself on any bytes."""
        used = sorted({call.kernel for call in self.calls})
        calls = [replace(call, kernel=used.index(call.kernel)) for call in self.calls]
        shapes = [self.program.kernels[index] for index in used]
        return replace(self.program, kernels=shapes, calls=calls)


@dataclass(frozen=True)
class Cost:
    """Of one call of a kernel: None is not measured; nanoseconds have quartiles."""

    code: int
    instructions: int | None = None
    cycles: float | None = None
    nanoseconds: tuple[float, float, float] | None = None


def compiled(key: str, target: Target) -> Block:
    """The block of ``key``, lowered for ``target``."""
    with workspace() as work:
        path = work / "block.int8.onnx"
        onnx.save(blocks.block(key), path)
        program = lowered(optimise(load(path)), target)
    layer = parse(key)

    def own(call: Call) -> bool:
        if not isinstance(call.of, Copy):
            return True
        return isinstance(layer, Stem if call.of.inward else Head)

    return Block(key, program, tuple(filter(own, program.calls)))


def name(program: Program, call: Call) -> str:
    """A short name of a call's kernel that is the same in every program."""
    shape = program.kernels[call.kernel]
    text = words(shape) if hasattr(shape, "tile") else repr(shape)
    return hashlib.sha256(f"{shape.label} {text}".encode()).hexdigest()[:10]


BATCH, CONSTANTS = 40, 1 << 19
"""What is measured together at most: kernels, and bytes of their constants."""


class Meter:
    """Costs of kernels on a target by their ``name``; each is measured once, many together."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.known: dict[str, Cost] = {}
        self._fresh: dict[str, tuple[Program, Call]] = {}
        self._size = 0

    def want(self, program: Program, calls: Sequence[Call]) -> None:
        """Asks for the kernels of calls."""
        for call in calls:
            own = name(program, call)
            if own not in self.known and own not in self._fresh:
                self._fresh[own] = program, call
                self._size += constants(program, [call])

    @property
    def full(self) -> bool:
        """Whether it is time to measure."""
        return len(self._fresh) >= BATCH or self._size >= CONSTANTS

    def measure(self) -> None:
        """Measures what was asked for."""
        if self._fresh:
            found = costs(list(self._fresh.values()), self.target)
            self.known.update(zip(self._fresh, found, strict=True))
        self._fresh.clear()
        self._size = 0


def costs(chosen: Sequence[tuple[Program, Call]], target: Target) -> list[Cost]:
    """Each of the calls as part of one program that holds them all.

    Executed instructions and modelled cycles on ARM, in QEMU; time where this machine runs the
    target: medians of interleaved rounds on one pinned core.

    Raises:
        CompileError: an absent tool, or calls too large for the example board.
    """
    program = together(chosen)
    with workspace() as work:
        if target.arch == ARCH_X86_64:
            write_object(program, target, work / "kernels.o")
            found = [Cost(code) for code in _code(program, target, work)]
        else:
            found = _counted(program, target, work)
    if not measure.native(target):
        return found
    if measure.peak(target) is None:
        raise CompileError(f"target {target.name}: this processor lacks its instructions")
    times = 1e3 * np.quantile(measure.timed(program, target, ROUNDS), QUARTILES, axis=0)
    return [
        replace(cost, nanoseconds=(lower, middle, upper))
        for cost, (lower, middle, upper) in zip(found, times.T.tolist(), strict=True)
    ]


def _counted(program: Program, target: Target, work: Path) -> list[Cost]:
    regions = measure.counted(program, target, histogram=True, work=work)
    core = cycles.cortex_m(target.name) if target.firmware else cycles.CORTEX_A76
    modelled = cycles.modelled(regions, core)
    code = _code(program, target, work)
    return [
        Cost(size, region.executed, cycle)
        for size, region, cycle in zip(code, regions, modelled, strict=True)
    ]


def _code(program: Program, target: Target, work: Path) -> list[int]:
    """Bytes of code of each call's kernel, of ``work/kernels.o``."""
    if target.arch == ARCH_X86_64:
        nm = find(("nm",), "binutils", f"sizes of {target.name}")
        command = [nm, "-S", str(work / "kernels.o")]
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    else:
        listing = firmware.tool(target, "nm", work, "-S", "kernels.o")
    rows = (line.split() for line in listing.splitlines())
    sizes = {row[3]: int(row[1], 16) for row in rows if len(row) == 4}
    return [sizes.get(program.kernel_name(call.kernel), 0) for call in program.calls]


def row(block: Block, known: Mapping[str, Cost]) -> Row:
    """The sum of a block's calls, whose kernels' costs are ``known`` by ``name``."""
    names = [name(block.program, call) for call in block.calls]
    parts = [known[one] for one in names]
    code = {one: known[one].code for one in names}
    instructions = [part.instructions for part in parts if part.instructions is not None]
    modelled = [part.cycles for part in parts if part.cycles is not None]
    times = [part.nanoseconds for part in parts if part.nanoseconds is not None]
    lower, middle, upper = (round(sum(t), 1) for t in zip(*times, strict=True)) if times else ZEROS
    return Row(
        flash=constants(block.program, block.calls) + sum(code.values()),
        arena=block.arena,
        code=code,
        instructions=sum(instructions) if instructions else None,
        cycles=round(sum(modelled)) if modelled else None,
        nanoseconds=middle if times else None,
        quartiles=(lower, upper) if times else None,
    )


def unmeasured(block: Block, target: Target) -> Row:
    """What is known of a block that has not run: flash and arena."""
    program = block.alone()
    with workspace() as work:
        write_object(program, target, work / "kernels.o")
        sizes = _code(program, target, work)
    names = [name(program, call) for call in program.calls]
    return row(block, {one: Cost(size) for one, size in zip(names, sizes, strict=True)})


def together(chosen: Sequence[tuple[Program, Call]]) -> Program:
    """Calls of several programs as one, each on pieces of arena of its own."""
    first = chosen[0][0]
    whole = Program(first.graph, first.isa, first.layout)
    for number, (program, call) in enumerate(chosen):
        title = f"call {number}"
        moved = (_moved(whole, program, pointer, title) for pointer in call.arguments)
        of = Copy(title, title, inward=True)
        whole.call(of, program.kernels[call.kernel], *moved)
    return whole


def _moved(whole: Program, program: Program, pointer: Pointer, title: str) -> Pointer:
    """What a call of ``program`` points to, as a constant or piece of arena of ``whole``."""
    if pointer.base == "constants":
        start, end = extent(program, pointer)
        content = np.frombuffer(program.constants[start:end], np.uint8)
        stored = whole.constant(content)
        return Pointer("constants", stored.offset + pointer.offset - start)
    piece = pointer.piece
    if piece is None:
        # The caller's buffer of a copy becomes arena, too.
        ends = program.graph.inputs if pointer.base == "input" else program.graph.outputs
        size = program.graph.tensors[ends[pointer.number]].bytes
        piece = Piece(pointer.base, size, pointer.base)
    name = f"{title} {piece.name}"
    return Pointer("arena", pointer.offset, Piece(name, piece.bytes, name))


def constants(program: Program, calls: Sequence[Call]) -> int:
    """Bytes of the weights and tables that calls read."""
    pointers = (p for call in calls for p in call.arguments if p.base == "constants")
    return sum(end - start for start, end in {extent(program, p) for p in pointers})


def extent(program: Program, pointer: Pointer) -> tuple[int, int]:
    """Where the constant that a call points to begins and ends."""
    starts = {p.offset for c in program.calls for p in c.arguments if p.base == "constants"}
    begin = max(start for start in starts if start <= pointer.offset)
    end = min((start for start in starts if start > begin), default=len(program.constants))
    return begin, end
