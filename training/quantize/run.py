"""Post-training static quantisation end to end: float ONNX file to int8 QDQ file with record."""

from __future__ import annotations

import hashlib
import re
import sys
from operator import itemgetter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from pocketvision.record import METADATA_KEY, FaceEmbedding, Preprocess, Record

from . import calibrate, correct, merge, pixels, qdq
from . import report as reports
from .factors import fixed, slopes
from .fold import fold
from .graph import save
from .images import choose

HELD_OUT = 32
"""Images that choose between calibration methods, besides those that calibrate."""
CORRECTING = 96
"""Of the images that calibrate, those that correct biases: one pass of them for every layer."""


def quantize_model(
    float_onnx: Path,
    images: Path | np.ndarray,
    out: Path,
    *,
    count: int = 256,
    report: Path | None = None,
    record: Record | None = None,
    progress: bool = False,
) -> Path:
    """Writes the int8 form of ``float_onnx`` to ``out`` and returns ``out``.

    The network is folded, its input moved onto the int8 grid, its activations measured on ``count``
    images; of the calibration methods the one with the highest cosine to the float network on 32
    further images is taken, with corrected biases if they raise it. Prints that cosine on stderr.

    Args:
        float_onnx: one float32 input (1, 3, H, W), one output (1, D).
        images: folder of aligned training crops, or uint8 RGB (N, H, W, 3). Never evaluation data.
        count: images that calibrate, at least 1; 32 more are held out.
        report: PNG of the SQNR along the network; the table goes to stderr.
        record: record to write instead of the one in ``float_onnx``.

    Raises:
        FileNotFoundError: a file or folder is missing.
        ValueError: not such a network, or images that do not fit it.
    """
    if count < 1:
        raise ValueError(f"count: expected at least 1 picture to calibrate with, got {count}")
    model = read_float(float_onnx)
    if record is None:
        record = record_of(model, float_onnx)
    height, width = record.preprocess["size"]
    crops = choose(images, count + HELD_OUT, (height, width))
    held = np.zeros(len(crops), bool)
    held[np.linspace(0, len(crops) - 1, HELD_OUT).round().astype(int)] = True
    floating, exact = pixels.recentre(
        fold(model), record.preprocess["mean"], record.preprocess["std"]
    )
    prepare: Preprocess = {**record.preprocess, "mean": [pixels.CENTRE] * 3}
    inputs = normalise(crops, prepare)

    floating, found = merge.equalise(
        floating, calibrate.histograms(floating, inputs[~held], progress=progress)
    )
    quantized, method, cosine = best(floating, found, inputs[~held], inputs[held], exact, progress)
    quantized = fixed.exact(quantized)
    version = onnxruntime.__version__
    record = record.with_(
        preprocess=prepare,
        quantiser=f"onnxruntime {version} static QDQ, {method}, {count} images",
        sha256={**record.sha256, "float_onnx": hashlib.sha256(float_onnx.read_bytes()).hexdigest()},
    )
    stamp(quantized, record)
    save(quantized, out)
    print(
        f"{out}: {method}, mean cosine to float {cosine:.5f} on {HELD_OUT} images",
        file=sys.stderr,
    )
    if report is not None:
        write_report(floating, quantized, inputs[held][:8], report, record.full_name)
    return out


def read_float(path: Path) -> onnx.ModelProto:
    """The float network of ``path``; ValueError for other files and already quantised ones."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a float ONNX network")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and onnx raise unrelated classes
        raise ValueError(f"{path}: expected a float ONNX network, got: {error}") from None
    if any("QuantizeLinear" in node.op_type for node in model.graph.node):
        raise ValueError(f"{path}: is quantised already; give the float network it was made from")
    return model


def record_of(model: onnx.ModelProto, path: Path) -> Record:
    """The record in the file, or one that states the default preprocessing and the file's name."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return Record.from_json(entry.value)
    shapes = [
        [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (model.graph.input[0], model.graph.output[0])
    ]
    ranks = [len(shape) for shape in shapes]
    if ranks != [4, 2] or shapes[0][1] != 3 or 0 in shapes[0] + shapes[1]:
        raise ValueError(
            f"{path}: expected input (1, 3, H, W) and output (1, D), got {shapes[0]} and "
            f"{shapes[1]} (0 = not fixed); export it with a batch of 1"
        )
    name = re.sub(r"[^a-z0-9]+", "-", re.sub(r"(\.float)?\.onnx$", "", path.name.lower()))
    return Record(
        name=name.strip("-") or "model",
        tag="untagged",
        task="face-embedding",
        preprocess={
            "size": shapes[0][2:],
            "colour": "RGB",
            "mean": [127.5] * 3,
            "std": [127.5] * 3,
            "template": None,
        },
        part=FaceEmbedding(shapes[1][1]),
    )


def normalise(crops: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """float32 (N, 3, H, W) of uint8 RGB (N, H, W, 3), by a record's preprocessing."""
    colours = crops[..., ::-1] if preprocess["colour"] == "BGR" else crops
    mean = np.asarray(preprocess["mean"], np.float32)
    std = np.asarray(preprocess["std"], np.float32)
    return np.ascontiguousarray(((colours - mean) / std).transpose(0, 3, 1, 2))


def best(
    floating: onnx.ModelProto,
    found: dict[str, calibrate.Histogram],
    inputs: np.ndarray,
    held_out: np.ndarray,
    exact: calibrate.Range,
    progress: bool,
) -> tuple[onnx.ModelProto, str, float]:
    """The int8 network of the best calibration method, what was done, and its mean cosine."""
    reference = reports.run(floating, held_out)

    def trial(done: str, quantized: onnx.ModelProto) -> tuple[float, str, onnx.ModelProto]:
        """A network behind its closeness to the float one."""
        cosine = float(reports.cosine(reference, reports.run(quantized, held_out)).mean())
        return cosine, done, quantized

    trials = []
    for method in calibrate.METHODS:
        ranges = calibrate.ranges(found, method)
        ranges[floating.graph.input[0].name] = exact
        quantized = qdq.quantize(*slopes.exact(floating, calibrate.share(floating, ranges)))
        trials.append(trial(f"{method} ranges", quantized))
    _, done, quantized = max(trials, key=itemgetter(0))
    corrected = correct.correct(floating, quantized, inputs[:CORRECTING], progress=progress)
    trials.append(trial(f"{done} with corrected biases", corrected))
    cosine, done, quantized = max(trials, key=itemgetter(0))
    return quantized, done, cosine


def stamp(model: onnx.ModelProto, record: Record) -> None:
    """Writes ``record`` into the model's metadata, in place of an older one."""
    kept = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=METADATA_KEY, value=record.to_json())


def write_report(
    floating: onnx.ModelProto,
    quantized: onnx.ModelProto,
    inputs: np.ndarray,
    out: Path,
    title: str,
) -> None:
    """Per-layer SQNR: table on stderr, picture in ``out``."""
    rows = reports.sqnr(floating, quantized, inputs)
    reports.show(rows, f"{title}: SQNR after each operator, {len(inputs)} images")
    reports.plot(rows, out, f"{title}: SQNR of int8 against float activations")
