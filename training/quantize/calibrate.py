"""Activation ranges of a float ONNX network from samples: min-max, percentile or least squares.

Two passes: the first finds each tensor's extremes, the second its histogram between them; every
method is then computed from the same histograms, so that comparing methods costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from tqdm import tqdm

from pocketvision.compile.frontend.operators import LAYOUTS

from .feed import Sample

Range = tuple[float, float]

METHODS = ("minmax", "percentile", "mse")
BINS = 2048
PERCENTILE = 99.99
# Operators whose output is made of their inputs' values: one scale for all of them, so that an
# integer kernel moves bytes instead of rescaling them.
SHARED = ("MaxPool", "GlobalMaxPool", "ReduceMax", "AveragePool", *LAYOUTS)


@dataclass
class Histogram:
    """Counts of one tensor's values in ``BINS`` equal bins from ``low`` to ``high``."""

    low: float
    high: float
    counts: np.ndarray


def session(model: onnx.ModelProto | Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A CPU session of a model held in memory, or of a file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    content = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])


def watch(
    model: onnx.ModelProto, tensors: Iterable[str], *, alone: bool = False
) -> onnx.ModelProto:
    """A copy of ``model`` that also outputs ``tensors``; and nothing else if ``alone``."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if alone:
        del copy.graph.output[:]
    known = {output.name for output in copy.graph.output}
    copy.graph.output.extend(
        helper.make_empty_tensor_value_info(name) for name in tensors if name not in known
    )
    return copy


def activations(model: onnx.ModelProto) -> list[str]:
    """Every node's outputs, in order."""
    return [name for node in model.graph.node for name in node.output if name]


def histograms(
    model: onnx.ModelProto,
    samples: Sequence[Sample],
    *,
    threads: int = 1,
    progress: bool = False,
) -> dict[str, Histogram]:
    """Histogram of every float input and activation over ``samples``.

    Raises:
        ValueError: an activation is not finite.
    """
    names = activations(model)
    runner = session(watch(model, names), threads)
    found: dict[str, Histogram] = {}
    for counting in (False, True):
        title = "histograms" if counting else "extremes"
        for place, sample in enumerate(
            tqdm(samples, desc=title, disable=not progress, leave=False)
        ):
            values = dict(zip(names, runner.run(names, sample), strict=True))
            for name, value in {**sample, **values}.items():
                if value.dtype != np.float32 or not value.size:
                    continue
                if counting:
                    histogram = found[name]
                    histogram.counts += _count(value, histogram.low, histogram.high)
                else:
                    _widen(found, name, value, place)
    return found


def _widen(found: dict[str, Histogram], name: str, value: np.ndarray, place: int) -> None:
    low, high = float(value.min()), float(value.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(
            f"value {name!r} is not finite on sample {place} of the float network; calibrate with "
            "samples such as it is made for"
        )
    if name not in found:
        found[name] = Histogram(low, high, np.zeros(BINS, np.int64))
    found[name].low = min(found[name].low, low)
    found[name].high = max(found[name].high, high)


def _count(value: np.ndarray, low: float, high: float) -> np.ndarray:
    # bincount of scaled integers is several times faster than np.histogram.
    width = max(high - low, 1e-12) / BINS
    index = ((value.ravel() - low) * np.float32(1 / width)).astype(np.int32)
    return np.bincount(np.clip(index, 0, BINS - 1), minlength=BINS)


def ranges(found: dict[str, Histogram], method: str) -> dict[str, Range]:
    """The range to represent per tensor, by one of ``METHODS``; always contains zero."""
    pick = {"minmax": _minmax, "percentile": _percentile, "mse": _least_squares}
    if method not in pick:
        raise ValueError(f"calibration method {method!r} is unknown; use one of {METHODS}")
    chosen = {name: pick[method](histogram) for name, histogram in found.items()}
    return {name: (min(low, 0.0), max(high, 0.0)) for name, (low, high) in chosen.items()}


def _minmax(histogram: Histogram) -> Range:
    return histogram.low, histogram.high


def _percentile(histogram: Histogram) -> Range:
    cumulative = np.cumsum(histogram.counts) / histogram.counts.sum()
    tail = (1 - PERCENTILE / 100) / 2
    width = (histogram.high - histogram.low) / BINS
    first = int(np.searchsorted(cumulative, tail))
    last = int(np.searchsorted(cumulative, 1 - tail))
    return histogram.low + first * width, histogram.low + (last + 1) * width


def _least_squares(histogram: Histogram) -> Range:
    """The range with the least mean squared error of rounding and clipping, by a search of ends."""
    edges = np.linspace(histogram.low, histogram.high, BINS + 1)
    centres, counts = (edges[1:] + edges[:-1]) / 2, histogram.counts
    best, least = _minmax(histogram), np.inf
    for shrink_low in np.linspace(1.0, 0.4, 13):
        for shrink_high in np.linspace(1.0, 0.4, 13):
            low = min(histogram.low, 0.0) * shrink_low
            high = max(histogram.high, 0.0) * shrink_high
            step = max(high - low, 1e-12) / 255
            # Rounding inside is uniform noise of step^2 / 12; outside the clipping error counts.
            outside = centres - np.clip(centres, low, high)
            error = (counts * np.maximum(outside**2, step**2 / 12)).sum()
            if error < least:
                best, least = (low, high), error
    return best


def share(model: onnx.ModelProto, chosen: dict[str, Range]) -> dict[str, Range]:
    """Gives the tensors that a Concat, pool or reshape ties together the union of their ranges.

    What a Pad fills with is in the range too.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    chosen = dict(chosen)
    group = {name: name for name in chosen}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    for node in model.graph.node:
        if node.op_type in SHARED:
            tensors: Sequence[str] = [name for name in (*node.input, *node.output) if name in group]
            for name in tensors[1:]:
                group[root(name)] = root(tensors[0])
        if node.op_type == "Pad" and len(node.input) > 2 and node.input[2] in constants:
            fill = float(numpy_helper.to_array(constants[node.input[2]]).item())
            low, high = chosen[node.output[0]]
            chosen[node.output[0]] = (min(low, fill), max(high, fill))
    union: dict[str, Range] = {}
    for name, (low, high) in chosen.items():
        key = root(name)
        before = union.get(key, (low, high))
        union[key] = (min(low, before[0]), max(high, before[1]))
    return {name: union[root(name)] for name in chosen}
