"""What quantisation cost each layer: SQNR of int8 against float activations, as table and PNG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from rich.console import Console
from rich.table import Table

from pocketvision.files import write_whole

from .calibrate import session, watch
from .feed import Sample


@dataclass(frozen=True)
class Row:
    """One activation: the operator that makes it and its signal to quantisation noise in dB."""

    tensor: str
    operator: str
    sqnr: float


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of each row of (N, D) ``a`` with the same row of ``b``; 1 for two rows of zeros."""
    products = (a * b).sum(axis=1)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = (a == b).all(axis=1)
    return np.asarray(np.where(norms > 0, products / np.where(norms > 0, norms, 1), same))


def run(runner: onnxruntime.InferenceSession, samples: Iterable[Sample]) -> list[np.ndarray]:
    """Each output for every sample, float (N, D)."""
    rows = [[value.reshape(-1) for value in runner.run(None, sample)] for sample in samples]
    return [np.stack(values) for values in zip(*rows, strict=True)]


def closeness(expected: list[np.ndarray], found: list[np.ndarray]) -> list[float]:
    """Mean cosine over the samples, by output; of an output of one number over all samples."""
    result = []
    for a, b in zip(expected, found, strict=True):
        pair = (a.T, b.T) if a.shape[1] == 1 else (a, b)
        result.append(float(cosine(*pair).mean()))
    return result


def sqnr(
    floating: onnx.ModelProto, quantized: onnx.ModelProto, samples: Iterable[Sample]
) -> list[Row]:
    """SQNR per activation that both networks have, in the order of the graph.

    SQNR = 10 log10(sum of squares of the float activation / sum of squares of the difference), over
    all samples. The int8 value is the dequantised one, so the error of every layer before it
    counts.
    """
    pairs = dequantised(floating, quantized)
    names = [name for name, _, _ in pairs]
    signal, noise = np.zeros(len(pairs)), np.zeros(len(pairs))
    before = session(watch(floating, names))
    after = session(watch(quantized, [twin for _, twin, _ in pairs]))
    for sample in samples:
        reference = before.run(names, sample)
        rounded = after.run([twin for _, twin, _ in pairs], sample)
        for index, (left, right) in enumerate(zip(reference, rounded, strict=True)):
            signal[index] += np.square(left, dtype=np.float64).sum()
            noise[index] += np.square(left - right, dtype=np.float64).sum()
    decibels = 10 * np.log10(np.maximum(signal, 1e-30) / np.maximum(noise, 1e-30))
    return [
        Row(name, operator, float(value))
        for (name, _, operator), value in zip(pairs, decibels, strict=True)
    ]


def dequantised(
    floating: onnx.ModelProto, quantized: onnx.ModelProto
) -> list[tuple[str, str, str]]:
    """(float tensor, its dequantised twin, operator that makes it) for every common activation."""
    # The quantiser writes  x -> QuantizeLinear -> DequantizeLinear -> y; y stands for x. For the
    # graph's output it keeps the name for y and renames x.
    dequantize = {n.input[0]: n.output[0] for n in quantized.graph.node if "Dequant" in n.op_type}
    twins = {
        node.input[0].removesuffix("_QuantizeLinear_Input"): dequantize[node.output[0]]
        for node in quantized.graph.node
        if node.op_type == "QuantizeLinear" and node.output[0] in dequantize
    }
    return [
        (name, twins[name], node.op_type)
        for node in floating.graph.node
        for name in node.output
        if name in twins
    ]


def table(rows: list[Row], title: str) -> Table:
    """Terminal table, one line an activation."""
    grid = Table(title=title)
    grid.add_column("activation", overflow="fold")
    grid.add_column("operator")
    grid.add_column("SQNR dB", justify="right")
    for row in rows:
        grid.add_row(row.tensor, row.operator, f"{row.sqnr:.1f}")
    return grid


def show(rows: list[Row], title: str) -> None:
    """Prints the table to stderr, so that stdout stays for results."""
    Console(stderr=True, width=110).print(table(rows, title))


def plot(rows: list[Row], out: Path, title: str) -> Path:
    """Writes the SQNR along the network as a PNG, coloured by operator."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for operator in sorted({row.operator for row in rows}):
        points = [(i, row.sqnr) for i, row in enumerate(rows) if row.operator == operator]
        axes.plot(*zip(*points, strict=True), ".", label=operator)
    axes.set_xlabel("activation, in the order of the graph")
    axes.set_ylabel("SQNR, dB")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(ncols=4, fontsize="small")
    write_whole(out, lambda file: figure.savefig(file, dpi=120, format="png"))
    return out
