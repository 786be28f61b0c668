"""Runs a compiled program on given inputs: on this machine, in QEMU, or on an example board."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..emit import firmware
from ..emit.library import link, sizes, write_parts
from ..emit.source import SYMBOL
from ..emit.sources import firmware_directory, tools_directory
from ..errors import CompileError
from ..files import workspace
from ..graph import Op
from ..lower.program import Program
from ..targets import Target
from . import board
from .measure import native
from .programs import find


@dataclass(frozen=True)
class Execution:
    """(N, height, width, channels) by tensor name, and the most bytes of stack in use."""

    values: dict[str, np.ndarray]
    stack: int | None = None


def execute(
    program: Program, target: Target, inputs: Sequence[np.ndarray], layers: bool = False
) -> Execution:
    """Compiles ``program`` and runs it on (N, H, W, C) of each input, of the input's own type.

    Args:
        layers: give the result of every operator that has a kernel call, not the output alone.

    Raises:
        CompileError: no C compiler or QEMU for the target, or the program failed.
    """
    graph = program.graph
    for name, x in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensors[name]
        fits = x.dtype == tensor.dtype and x.shape[1:] == tensor.shape
        if not fits or not 0 < len(x) == len(inputs[0]):
            raise CompileError(
                f"input {name!r}: expected {tensor.dtype} (N, {', '.join(map(str, tensor.shape))}),"
                f" got {x.dtype} {x.shape}"
            )
    with workspace() as work:
        (work / "in").write_bytes(rows_of(inputs))
        symbol = firmware.symbol(graph) if target.firmware else SYMBOL
        memory = write_parts(program, target, work, layers=layers, symbol=symbol)
        options = [*sizes(program, memory), f"-DMODEL={symbol}", *["-DPV_LAYERS"] * layers]
        said = (_on_board if target.firmware else _on_host)(program, target, work, options, layers)
        result = np.frombuffer((work / "out").read_bytes(), np.int8)
    used = re.search(r"stack (\d+) of", said) if target.firmware else None
    values = _split(program, result.reshape(len(inputs[0]), -1), layers)
    return Execution(values, int(used[1]) if used else None)


def rows_of(values: Sequence[np.ndarray]) -> bytes:
    """Arrays (N, ...) as a runner reads them: of each vector every array's bytes."""
    rows = [np.ascontiguousarray(x).reshape(len(x), -1).view(np.uint8) for x in values]
    return np.hstack(rows).tobytes()


def traced(program: Program) -> list[Op]:
    """The operators whose results ``layers`` gives: those with a kernel call, in order."""
    called = {call.of for call in program.calls}
    return [op for op in program.graph.ops if op.ref in called]


def _on_board(
    program: Program, target: Target, work: Path, options: list[str], layers: bool
) -> str:
    parts: Sequence[str] | None = None
    if not layers:
        firmware.archive(program, target, work)
        parts = ["model.a"]
    main = [tools_directory() / "runner.c"]
    image = board.build(target, work, main, options, parts)
    return board.run(target, image, ("in", "out"))


def _on_host(program: Program, target: Target, work: Path, options: list[str], layers: bool) -> str:
    tools = tools_directory()
    mains = [str(tools / name) for name in ("runner.c", "board_host.c")]
    command = ["./runner", "in", "out"]
    if not native(target):
        options = [*options, "-static"]
        emulator = find(
            ("qemu-aarch64", "qemu-aarch64-static"), "qemu-user", f"running {target.name}"
        )
        command = [emulator, "-cpu", "max", *command]
    link(target, work, [*options, f"-I{firmware_directory()}", *mains], "runner")
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=board.LIMIT)
    if done.returncode == -signal.SIGILL:
        raise CompileError(f"target {target.name}: this processor lacks its instructions")
    if done.returncode:
        why = board.STATUS.get(done.returncode, "unexpected")
        raise CompileError(f"target {target.name}: the program ended with {done.returncode}: {why}")
    return done.stdout


def _split(program: Program, rows: np.ndarray, layers: bool) -> dict[str, np.ndarray]:
    """Values of each tensor in what runner.c wrote: rows (N, bytes)."""
    graph, values, start = program.graph, {}, 0
    for op in traced(program) if layers else ():
        root = program.layout.roots[program.layout.places[op.output][0]]
        part = rows[:, start : start + root.bytes]
        start += root.bytes
        view, tensor = program.view(op.output), graph.tensors[op.output]
        first = program.layout.offset(op.output)
        stored = np.lib.stride_tricks.as_strided(
            part[:, first:],
            (len(rows), view.height, view.width, view.channels * tensor.item),
            (rows.strides[0], view.row * tensor.item, view.pixel * tensor.item, 1),
            writeable=False,
        )
        if tensor.real:
            values[op.output] = np.ascontiguousarray(stored).view(np.float32)
        else:
            values[op.output] = (stored.view(np.uint8) - np.uint8(program.isa.offset)).view(np.int8)
    for name in graph.outputs:
        tensor = graph.tensors[name]
        end = start + tensor.bytes
        own = np.ascontiguousarray(rows[:, start:end]).view(tensor.dtype)
        values[name] = own.reshape(len(rows), *tensor.shape)
        start = end
    return values
