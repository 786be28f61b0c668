"""Whether a compiled model gives the reference's bytes: on this machine, in QEMU, on a board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..arithmetic import reference
from ..errors import CompileError
from ..frontend.load import load
from ..graph import Graph
from ..machines.execute import execute, traced
from ..pipeline import fitted, lowered, optimise
from ..targets import Target, resolve

COARSE = (1, 2, 4, 8, 16)
"""Pixels that a cell of made-up inputs is wide: noise, and what looks more like a picture."""


@dataclass(frozen=True)
class Difference:
    """The first operator whose result differs, and its first value that does."""

    operator: str
    values: int
    of: int
    place: tuple[int, ...]  # (vector, y, x, channel)
    expected: float
    found: float

    def __str__(self) -> str:
        return (
            f"{self.values} of {self.of} values of {self.operator} differ, first at (vector, y, x, "
            f"channel) = {self.place}: expected {self.expected}, got {self.found}"
        )


@dataclass(frozen=True)
class Validation:
    """What was compared on one target. ``skipped``: why it could not run here."""

    target: str
    vectors: int
    tensors: int = 0
    stack: int | None = None
    difference: Difference | None = None
    skipped: str | None = None

    @property
    def equal(self) -> bool:
        """Every byte that was compared; nothing was where the target is skipped."""
        return self.difference is None and self.skipped is None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "equal": self.equal}

    def __str__(self) -> str:
        if self.skipped is not None:
            return f"{self.target}: skipped: {self.skipped}"
        if self.difference is not None:
            return f"{self.target}: different: {self.difference}"
        stack = "" if self.stack is None else f", stack {self.stack:,} bytes"
        what = f"{self.tensors} operators" if self.tensors > 1 else "the output"
        return f"{self.target}: equal bytes of {what} for {self.vectors} vectors{stack}"


def validate(
    model: Path,
    target: str,
    inputs: Path | None = None,
    count: int = 8,
    layers: bool = False,
    ram: Sequence[int] = (),
) -> list[Validation]:
    """Compiles ``model`` for every member of ``target``, runs it and compares with the reference.

    Args:
        inputs: .npy file of (N, H, W, C) as the network's input is stored, or .npz file of such
            arrays by the names of several inputs; noise without it.
        count: how many vectors: the file's first, or made up.
        layers: compare every operator's result, not the output alone.
        ram: bytes of the RAM banks that the arena may take, for firmware: what a compilation for
            them would run in strips of rows runs in strips here.

    Raises:
        CompileError: a bad model, target or file; a tool is absent. Of a family a member that
            cannot run is skipped if another one does.
    """
    if count < 1:
        raise CompileError(f"count: expected at least 1, got {count}")
    targets = resolve(target)
    graph = optimise(load(model))
    x = made_up(graph, count) if inputs is None else _read(graph, inputs, count)
    expected = reference.run_all(graph, x, keep=layers)
    done = []
    for member in targets:
        try:
            done.append(compare(graph, member, x, expected, layers, ram))
        except CompileError as error:
            if len(targets) == 1:
                raise
            done.append(Validation(member.name, len(x[0]), skipped=str(error)))
    if all(one.skipped is not None for one in done):
        raise CompileError("; ".join(str(one.skipped) for one in done))
    return done


def compare(
    graph: Graph,
    target: Target,
    x: Sequence[np.ndarray],
    expected: dict[str, np.ndarray],
    layers: bool,
    ram: Sequence[int] = (),
) -> Validation:
    """One target on (N, H, W, C) of each input.

    ``expected``: values by tensor name, as ``run_all`` gives them.
    """
    program, _ = fitted(lowered(graph, target), target, ram)
    if layers and program.graph.ops != graph.ops:
        strips = reference.run_all(program.graph, x, keep=True)
        expected = strips | {name: expected[name] for name in graph.outputs}
    ran = execute(program, target, x, layers)
    names = {op.output: op.name for op in traced(program)}
    last = {name: names.pop(name, "the output") for name in graph.outputs}
    for tensor, operator in {**(names if layers else {}), **last}.items():
        wanted, got = expected[tensor], ran.values[tensor]
        if not np.array_equal(wanted, got, equal_nan=wanted.dtype == np.float32):
            wrong = np.argwhere((wanted != got) & ((wanted == wanted) | (got == got)))
            place = tuple(map(int, wrong[0]))
            values = wanted[place].item(), got[place].item()
            difference = Difference(operator, len(wrong), got.size, place, *values)
            return Validation(target.name, len(x[0]), len(ran.values), ran.stack, difference)
    return Validation(target.name, len(x[0]), len(ran.values), ran.stack)


def made_up(graph: Graph, count: int) -> list[np.ndarray]:
    """(count, H, W, C) of each input, from noise to coarse cells; always the same.

    Of float32 from -4 to 4, as normalised pixels are.
    """
    random = np.random.default_rng(0)
    every = []
    for name in graph.inputs:
        tensor = graph.tensors[name]
        height, width, channels = tensor.shape
        found: np.ndarray = np.empty((count, height, width, channels), tensor.dtype)
        for index in range(count):
            step = COARSE[index % len(COARSE)]
            cells = random.integers(-128, 128, (-(-height // step), -(-width // step), channels))
            found[index] = cells.repeat(step, 0).repeat(step, 1)[:height, :width]
        if tensor.real:
            found /= 32
        every.append(found)
    return every


def _read(graph: Graph, path: Path, count: int) -> list[np.ndarray]:
    """The first ``count`` vectors of each input, from a .npy file, or an .npz file by name."""
    try:
        # Mapped, since a header may promise terabytes that are not there.
        content = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(content, np.ndarray):
            arrays = {graph.input_names[0]: content}
        else:
            arrays = {name: content[name] for name in content.files}
    except Exception as error:  # the header is parsed as Python, which fails in many ways
        reason = str(error) or type(error).__name__
        raise CompileError(f"{path}: expected a .npy or .npz file: {reason}") from None
    if sorted(arrays) != sorted(graph.input_names):
        wanted, got = (", ".join(sorted(names)) for names in (graph.input_names, arrays))
        raise CompileError(f"{path}: expected an .npz file with the inputs {wanted}, got {got}")
    found: list[np.ndarray] = []
    for name, tensor in zip(graph.input_names, graph.inputs, strict=True):
        x, shape, dtype = arrays[name], graph.tensors[tensor].shape, graph.tensors[tensor].dtype
        of = f"input {name!r}: " if len(arrays) > 1 else ""
        if x.dtype != dtype or x.ndim != 4 or x.shape[1:] != shape or len(x) == 0:
            raise CompileError(
                f"{path}: {of}expected {dtype} (N, {', '.join(map(str, shape))}), as the network's "
                f"input is stored, got {x.dtype} {x.shape}"
            )
        if found and len(x[:count]) != len(found[0]):
            raise CompileError(
                f"{path}: input {name!r} has {len(x)} vectors, {graph.input_names[0]!r} has "
                f"{len(found[0])}; give as many of each"
            )
        found.append(x[:count])
    return found
