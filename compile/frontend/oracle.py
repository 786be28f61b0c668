"""Compares an imported graph with onnxruntime on the file's own meaning, operator by operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arithmetic import reference
from ..errors import CompileError
from ..graph import Conv, Graph, Op, Origin, Tensor
from .file_run import Entry, FileRun, IncomparableError

COARSE = (1, 4, 2, 8, 16)
"""Pixels that a cell of made-up inputs is wide: noise, and what looks more like a picture."""

REAL_TOLERANCE = 1e-5
"""Of the largest magnitude: what sums of float32 products in another order may differ by."""

MOST_STEPS = 1


@dataclass(frozen=True)
class Row:
    """One operator, fed with onnxruntime's own values, beside what onnxruntime makes of them.

    ``steps``: the largest difference, of int8 in steps of its scale, of float32 in units of
    ``REAL_TOLERANCE`` of the largest magnitude (and a convolution's accumulator), rounded up.
    ``values`` were compared, ``wrong`` of them differ by a step or more.
    """

    node: str
    kind: str
    steps: int
    values: int
    wrong: int


def check(path: Path, graph: Graph, count: int = 3, seed: int = 0) -> list[Row]:
    """``compare``'s rows, none of them more than one step off.

    Raises:
        CompileError: an operator is more than one step from the file; the worst is named.
        IncomparableError: see ``compare``.
    """
    rows = compare(path, graph, count, seed)
    worst = max(rows, key=lambda row: row.steps)
    if worst.steps > MOST_STEPS:
        raise CompileError(
            f"{path}: {worst.node} ({worst.kind}): {worst.wrong:,} of {worst.values:,} values "
            f"differ from onnxruntime's, by up to {worst.steps} steps, expected {MOST_STEPS} at "
            "most; the compiler does not understand the file: report it, with the file"
        )
    return rows


def compare(path: Path, graph: Graph, count: int = 3, seed: int = 0) -> list[Row]:
    """A row for every operator whose result the file has too, then one for each output.

    Each operator is executed by the reference on what onnxruntime has stored of its inputs; inputs
    that the import made up are computed from those. Inputs of the network are noise and coarse
    cells that int8 holds exactly.

    Args:
        graph: as imported; its ``origins`` say which value of the file a tensor holds.
        count: how many inputs; each is one run.

    Raises:
        CompileError: a tensor has another number of values than its value in the file, or an
            accumulator overflows.
        IncomparableError: onnxruntime is absent or does not run the file.
    """
    file = FileRun(path, [origin.value for origin in graph.origins.values()])
    ends = dict(zip(graph.input_names, graph.inputs, strict=True))
    sizes = {name: int(np.prod(graph.tensors[end].shape)) for name, end in ends.items()}
    entries = file.entries(sizes)
    batch = _batch(path, entries, sizes)
    random = np.random.default_rng(seed)
    found: dict[tuple[str, str], Row] = {}
    for index in range(count):
        step = COARSE[index % len(COARSE)]
        feed = {e.name: _made_up(graph, ends[e.name], e, step, random) for e in entries}
        for row in _rows(path, graph, file.run(feed), batch):
            key = row.node, row.kind
            found[key] = _joined(found[key], row) if key in found else row
    return list(found.values())


def _batch(path: Path, entries: list[Entry], sizes: dict[str, int]) -> int:
    """How many inputs the file takes at once; the graph takes one at a time."""
    found = {int(np.prod(entry.shape)) / sizes[entry.name] for entry in entries}
    if len(found) != 1 or not (batch := found.pop()).is_integer() or batch < 1:
        shapes = ", ".join(f"{entry.name!r} {entry.shape}" for entry in entries)
        raise CompileError(
            f"{path}: inputs {shapes} of the file are not those of the network, of {sizes} values; "
            "the compiler does not understand the file: report it, with the file"
        )
    return int(batch)


def _rows(path: Path, graph: Graph, file: dict[str, np.ndarray], batch: int) -> Iterator[Row]:
    """The comparison on one run's values of the file."""
    known = {}
    for name, origin in graph.origins.items():
        if origin.value in file and name in graph.tensors:
            value = file[origin.value]
            known[name] = _stored(path, graph.tensors[name], origin, value, batch)
    values = {name: known[name] for name in graph.inputs if name in known}
    for name, end in zip(graph.input_names, graph.inputs, strict=True):
        if end not in values:
            stored = _steps(graph.tensors[end], file[name])
            values[end] = _candidates(graph.tensors[end], stored, batch)[0]
    for op in graph.ops:
        try:
            operands = [values[name] for name in op.inputs]
            result = reference.execute(graph, op, operands, batch)
        except OverflowError as error:
            raise CompileError(f"{path}: node {op.name!r}: {error}") from error
        wanted = known.get(op.output)
        values[op.output] = result if wanted is None else wanted
        if wanted is not None:
            tensor = graph.tensors[op.output]
            yield _row(f"node {op.name!r}", type(op).__name__, tensor, result, wanted, op)
    for name, end in zip(graph.output_names, graph.outputs, strict=True):
        tensor = graph.tensors[end]
        stored = _steps(tensor, file[name])
        if stored.size != batch * np.prod(tensor.shape):
            raise CompileError(
                f"{path}: output {name!r} has {stored.size:,} values in the file and "
                f"{tensor.shape} here; the compiler does not understand the file: report it"
            )
        yield min(
            (
                _row(f"output {name!r}", "output", tensor, values[end], wanted)
                for wanted in _candidates(tensor, stored, batch)
            ),
            key=lambda row: row.steps,
        )


def _row(
    node: str,
    kind: str,
    tensor: Tensor,
    result: np.ndarray,
    wanted: np.ndarray,
    op: Op | None = None,
) -> Row:
    first, second = result.astype(np.float64), wanted.astype(np.float64)
    with np.errstate(invalid="ignore"):
        error = np.abs(first - second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    error = np.where(same, 0, np.where(np.isnan(error), np.inf, error))
    unit = 1.0
    if tensor.real:
        finite = np.abs(second[np.isfinite(second)])
        unit = REAL_TOLERANCE * float(finite.max(initial=0))
        unit += float(np.max(op.scale)) if isinstance(op, Conv) else 0
        unit = max(unit, float(np.finfo(np.float32).tiny))
    steps = np.minimum(np.ceil(error / unit), 2**31)
    wrong = int((steps > (1 if tensor.real else 0)).sum())
    return Row(node, kind, int(steps.max(initial=0)), steps.size, wrong)


def _joined(first: Row, second: Row) -> Row:
    return Row(
        first.node,
        first.kind,
        max(first.steps, second.steps),
        first.values + second.values,
        first.wrong + second.wrong,
    )


def _steps(tensor: Tensor, value: np.ndarray) -> np.ndarray:
    """A value of the file as ``tensor`` stores it: int64 steps, or float32."""
    if tensor.real:
        return value.astype(np.float32)
    if value.dtype.kind == "f":
        return np.rint(value.astype(np.float64) / tensor.scale + tensor.zero_point)
    return value.astype(np.int64) - (128 if value.dtype == np.uint8 else 0)


def _stored(
    path: Path, tensor: Tensor, origin: Origin, value: np.ndarray, batch: int
) -> np.ndarray:
    """(N, H, W, C) as ``tensor`` holds a value of the file."""
    count = int(np.prod(tensor.shape))
    if value.size == count and batch > 1:
        value = np.repeat(value[None], batch, axis=0)  # the same for every input
    if not value.size == batch * np.prod(origin.shape) == batch * count:
        raise CompileError(
            f"{path}: value {origin.value!r} has {value.size:,} values in the file, shape "
            f"{value.shape}, and {batch * count:,} here; the compiler does not understand the "
            "file: report it, with the file"
        )
    order = [0, *(1 + axis for axis in origin.order)]
    laid = _steps(tensor, value).reshape(batch, *origin.shape).transpose(order)
    return np.ascontiguousarray(laid.reshape(batch, *tensor.shape).astype(tensor.dtype))


def _candidates(tensor: Tensor, value: np.ndarray, batch: int) -> list[np.ndarray]:
    """An end of the network as (N, H, W, C): channels last where its axes allow it, or as it is."""
    whole = [value.reshape(batch, *tensor.shape)]
    if value.ndim in (3, 4) and value.shape[0] == batch:
        last = np.moveaxis(value, 1, -1)
        if tensor.shape in (last.shape[1:], (1, *last.shape[1:])):
            whole.insert(0, last.reshape(batch, *tensor.shape))
    return whole


def _made_up(
    graph: Graph, end: str, entry: Entry, step: int, random: np.random.Generator
) -> np.ndarray:
    """An input of the file that ``end`` holds exactly: noise in cells of ``step`` pixels."""
    tensor, origin = graph.tensors[end], graph.origins.get(end)
    height, width, channels = tensor.shape
    batch = int(np.prod(entry.shape)) // (height * width * channels)
    cells = random.integers(-128, 128, (batch, -(-height // step), -(-width // step), channels))
    stored = cells.repeat(step, 1).repeat(step, 2)[:, :height, :width]
    if origin is not None:
        moved = stored.reshape([batch, *(origin.shape[axis] for axis in origin.order)])
        stored = moved.transpose([0, *(1 + np.argsort(origin.order))])
    elif len(entry.shape) == 4 and entry.shape[2:] + entry.shape[1:2] == tensor.shape:
        stored = np.moveaxis(stored, -1, 1)
    stored = stored.reshape(entry.shape)
    if entry.dtype.kind in "iu":
        return (stored + (128 if entry.dtype == np.uint8 else 0)).astype(entry.dtype)
    if tensor.real:
        return (stored / 32).astype(np.float32)
    return (stored - tensor.zero_point).astype(np.float32) * np.float32(tensor.scale)


__all__ = ["IncomparableError", "Row", "check", "compare"]
