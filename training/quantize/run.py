"""Post-training static quantisation end to end: float ONNX file to int8 QDQ file."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from pocketvision.record import METADATA_KEY, Preprocess, Record

from . import calibrate, correct, feed, pixels, qdq, read, refuse
from . import report as reports
from .factors import fixed, slopes
from .feed.about import Numbers
from .feed.pictures import one_map
from .feed.samples import Look, Pictures
from .feed.source import Data
from .fold import fold, merge
from .graph import save

USUAL = 256
"""Samples that calibrate, where there are so many and no other number is asked for."""
HELD_OUT = 32
"""Samples that choose between calibration methods, besides those that calibrate."""
CORRECTING = 96
"""Of the samples that calibrate, those that correct biases: one pass of them for every layer."""
SAME = 1e-3
"""What folding may change of an output, as a part of its largest magnitude."""


@dataclass(frozen=True)
class Quantised:
    """An int8 file: ``cosines`` are those of its outputs to the float file's, by name, on samples
    that did not calibrate; ``method`` is what chose its ranges."""

    file: Path
    method: str
    cosines: dict[str, float]


def quantize_model(
    float_onnx: Path,
    data: Data,
    out: Path,
    *,
    count: int | None = None,
    colour: str | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    size: tuple[int, int] | None = None,
    template: list[list[float]] | None = None,
    task: str | None = None,
    report: Path | None = None,
    record: Record | None = None,
    progress: bool = False,
) -> Quantised:
    """Writes the int8 form of ``float_onnx`` to ``out``.

    The network is folded, its activations are measured on ``count`` samples; of the calibration
    methods the one with the highest cosine to the float network on 32 further samples is taken,
    with corrected biases if they raise it. Prints on stderr the cosine of each output to that of
    ``float_onnx``, run by onnxruntime as it is, on these 32.

    Args:
        float_onnx: float32 inputs; a free batch becomes 1.
        data: folder of pictures, uint8 (N, H, W, C) in RGB or grey, ``.npy`` (N, ...), ``.npz``
            with such an array for each input, ``module:function`` or a function that yields
            mappings of input names to arrays. Never evaluation data. Pictures of another size are
            scaled and cropped, but for a face embedder's record, which are aligned already.
        count: samples that calibrate, at least 1; 32 more are held out. None: 256, and of a source
            of fewer all, a quarter of them held out.
        colour, mean, std: of pictures; see :class:`feed.About`.
        size: (height, width), where those of the network are free.
        template: five [x, y] points of an aligned face, for the record.
        task: of the record to write; None writes the one in ``float_onnx``, if there is one.
        report: PNG of the SQNR along the network; the table goes to stderr.
        record: record to write instead of the one in ``float_onnx``.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: no such network or one that the compiler would refuse, or samples that do not
            fit it.
    """
    if count is not None and count < 1:
        raise ValueError(f"count: expected at least 1 picture to calibrate with, got {count}")
    own = read.open_float(float_onnx)
    about = feed.About(colour, mean, std, size, template, task)
    record = record or record_of(own)
    if record is not None and about != feed.About():
        raise ValueError(
            f"{float_onnx}: its record {record.full_name} says what its pictures are; leave out "
            "colour, mean, std, size, template and task"
        )
    source = feed.opened(data)
    free = tuple(value.name for value in read.inputs_of(own))
    wanted = (record.preprocess["size"][0], record.preprocess["size"][1]) if record else size
    floating = read.read(float_onnx, own, wanted, source.shapes(free))
    look = _look(floating, source, about, record)
    if record is None and task is not None and look is not None:
        record = about.record(float_onnx, floating.inputs[0], look, list(floating.outputs))
    folded = fold(floating.model)
    refuse.check(folded, float_onnx)

    count, judges = _shares(source, count)
    # Only faces are cut out by a record's template; of other pictures the middle will do.
    aligned = record is not None and record.task == "face-embedding"
    samples = source.take(floating.inputs, count + judges, look, exact=aligned)
    held = np.zeros(len(samples), bool)
    held[np.linspace(0, len(samples) - 1, judges).round().astype(int)] = True
    expected = _expected(float_onnx, samples.chosen(held))
    _check_same(float_onnx, folded, samples.chosen(held)[:2], expected)

    start = _started(folded, samples, record)
    measured = calibrate.histograms(start.model, start.samples.chosen(~held), progress=progress)
    folded, found = merge.equalise(start.model, measured)
    calibrating, judging = start.samples.chosen(~held), start.samples.chosen(held)
    quantized, method = best(folded, found, calibrating, judging, start.exact, progress)
    quantized = fixed.exact(quantized)
    refuse.check_file(quantized, float_onnx)
    if start.record is not None:
        quantiser = f"onnxruntime {onnxruntime.__version__} static QDQ, {method}, {count} images"
        digest = hashlib.sha256(float_onnx.read_bytes()).hexdigest()
        hashes = {**start.record.sha256, "float_onnx": digest}
        stamp(quantized, start.record.with_(quantiser=quantiser, sha256=hashes))
    save(quantized, out)

    rows = reports.run(calibrate.session(quantized), judging)
    names = [value.name for value in quantized.graph.output]
    cosines = dict(zip(names, reports.closeness(expected, rows), strict=True))
    print(f"{out}: {method}; cosine to {float_onnx.name} on {judges} samples:", file=sys.stderr)
    for name, value in cosines.items():
        print(f"  {name}: {value:.5f}", file=sys.stderr)
    if report is not None:
        title = start.record.full_name if start.record is not None else out.name
        write_report(folded, quantized, judging[:8], report, title)
    return Quantised(out, method, cosines)


def _shares(source: feed.Source, count: int | None) -> tuple[int, int]:
    """How many samples calibrate, and how many choose the method."""
    there = source.available()
    if count is not None or there is None or there >= USUAL + HELD_OUT or there < 2:
        return count or USUAL, HELD_OUT
    judges = min(HELD_OUT, max(1, there // 4))
    print(
        f"note: {there - judges} samples calibrate and {judges} choose the method, as there are no "
        f"more; {USUAL} and {HELD_OUT} are usual",
        file=sys.stderr,
    )
    return there - judges, judges


@dataclass(frozen=True)
class Start:
    """What calibration starts from: the network, its samples and record with pictures on the int8
    grid, and the ranges that are known of that."""

    model: onnx.ModelProto
    samples: feed.Samples
    record: Record | None
    exact: dict[str, calibrate.Range]


def _started(folded: onnx.ModelProto, samples: feed.Samples, record: Record | None) -> Start:
    if not isinstance(samples, Pictures):
        return Start(folded, samples, record, {})
    into, look = samples.into, samples.look
    centred = pixels.recentre(folded, into, look.mean, look.std) if record is not None else None
    if centred is None or record is None:
        return Start(folded, samples, record, pixels.grids(folded, into, look))
    preprocess: Preprocess = {**record.preprocess, "mean": centred.mean, "std": centred.std}
    seen = samples.seen(centred.mean, centred.std)
    exact = {into.name: centred.range}
    return Start(centred.model, seen, record.with_(preprocess=preprocess), exact)


def record_of(model: onnx.ModelProto) -> Record | None:
    """The record in the file, if it has one."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return Record.from_json(entry.value)
    return None


def _look(
    floating: read.Floating, source: feed.Source, about: feed.About, record: Record | None
) -> Look | None:
    """How pictures become the input; None for other samples."""
    if not source.pictures:
        given = [name for name in ("colour", "mean", "std", "task") if getattr(about, name)]
        if record is not None or given:
            raise ValueError(
                f"{floating.path}: {', '.join(given) or 'its record'} is about pictures; calibrate "
                "with a folder of them, not with arrays"
            )
        return None
    if record is not None:
        prepare = record.preprocess
        return Look(prepare["colour"], tuple(prepare["mean"]), tuple(prepare["std"]))
    return about.look(one_map(floating.inputs))


def _expected(path: Path, samples: Sequence[feed.Sample]) -> list[np.ndarray]:
    """The outputs of the user's own file."""
    try:
        return _first_of_each(calibrate.session(path), samples)
    except Exception as error:  # onnxruntime raises a class of its own per error code
        raise ValueError(f"{path}: onnxruntime cannot run this file: {error}") from error


def _first_of_each(
    runner: onnxruntime.InferenceSession, samples: Sequence[feed.Sample]
) -> list[np.ndarray]:
    """``reports.run`` of a network whose batch may be fixed: what its first picture gives.

    A batch is filled with one picture.
    """
    fixed = {value.name: value.shape[0] for value in runner.get_inputs() if value.shape}
    size = max((n for n in fixed.values() if isinstance(n, int)), default=1)
    if size == 1 or not all(len(sample[name]) == 1 for sample in samples for name in fixed):
        return reports.run(runner, samples)
    whole = [{name: np.repeat(x, size, axis=0) for name, x in s.items()} for s in samples]
    return [rows[:, : rows.shape[1] // size] for rows in reports.run(runner, whole)]


def _check_same(
    path: Path,
    folded: onnx.ModelProto,
    samples: Sequence[feed.Sample],
    expected: list[np.ndarray],
) -> None:
    """ValueError if the folded network is not the file's function."""
    found = reports.run(calibrate.session(folded), samples)
    for value, a, b in zip(folded.graph.output, expected, found, strict=True):
        reference = a[: len(b)]
        gap = float(np.abs(reference - b).max(initial=0))
        if not gap <= SAME * max(float(np.abs(reference).max(initial=0)), 1e-3):
            raise ValueError(
                f"{path}: output {value.name!r} changes by {gap:g} when the network is folded, "
                "which must not be; report it, with the file"
            )


def best(
    floating: onnx.ModelProto,
    found: dict[str, calibrate.Histogram],
    samples: feed.Samples,
    held_out: feed.Samples,
    exact: dict[str, calibrate.Range],
    progress: bool,
) -> tuple[onnx.ModelProto, str]:
    """The int8 network of the best calibration method, and what was done."""
    reference = reports.run(calibrate.session(floating), held_out)

    def trial(done: str, quantized: onnx.ModelProto) -> tuple[float, str, onnx.ModelProto]:
        """A network behind its closeness to the float one."""
        rows = reports.run(calibrate.session(quantized), held_out)
        return float(np.mean(reports.closeness(reference, rows))), done, quantized

    trials = []
    for method in calibrate.METHODS:
        ranges = calibrate.ranges(found, method) | exact
        quantized = qdq.quantize(*slopes.exact(floating, calibrate.share(floating, ranges)))
        trials.append(trial(f"{method} ranges", quantized))
    _, done, quantized = max(trials, key=itemgetter(0))
    corrected = correct.correct(floating, quantized, samples[:CORRECTING], progress=progress)
    trials.append(trial(f"{done} with corrected biases", corrected))
    _, done, quantized = max(trials, key=itemgetter(0))
    return quantized, done


def stamp(model: onnx.ModelProto, record: Record) -> None:
    """Writes ``record`` into the model's metadata, in place of an older one."""
    kept = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=METADATA_KEY, value=record.to_json())


def write_report(
    floating: onnx.ModelProto,
    quantized: onnx.ModelProto,
    samples: Sequence[feed.Sample],
    out: Path,
    title: str,
) -> None:
    """Per-layer SQNR: table on stderr, picture in ``out``."""
    rows = reports.sqnr(floating, quantized, samples)
    reports.show(rows, f"{title}: SQNR after each operator, {len(samples)} samples")
    reports.plot(rows, out, f"{title}: SQNR of int8 against float activations")
