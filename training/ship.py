"""Float weights to shipped files: export, fold, quantise, compile, LFW in both precisions, record.

    python -m pocketvision.training.ship pocketnet-s-128 --weights runs/s128/model.safetensors \\
        --images data/train_112 --lfw data/lfw_112 --pairs data/lfw_pairs.txt --out training/weights

Writes ``<name>.safetensors``, ``<name>.json`` (the record), ``<name>.int8.onnx`` (its record
inside), ``<name>.sqnr.png`` and, where a training log lies beside the weights, ``<name>.log.csv``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from pocketvision.compile import compile_file
from pocketvision.files import write_text
from pocketvision.record import Threshold
from pocketvision.runtime.shipped import host_targets

from . import models
from .evaluate.faces import lfw, pairs
from .evaluate.faces.embedders import CompiledEmbedder, Embed, OnnxEmbedder
from .export import export
from .models.stored.describe import describe, digest
from .quantize import quantize_model
from .quantize.graph import save
from .quantize.run import stamp
from .run.state import save_weights

TAG = "mobileface-v2-distill.v4"
TEACHER = "MobileFace V2 (MIT), 256-d, embedding regression"
DATA = (
    "59,624 aligned crops without faces near LFW's: 22,504 of 446 people (CelebA, Bollywood, film "
    "frames), 37,120 unlabelled (AAF, UTKFace, masks, synthetic)"
)
LICENCE = "non-commercial research (training images); code Apache-2.0"


@dataclass(frozen=True)
class Origin:
    """Where weights come from, for the record: tag, teacher or None, training data, licence; and
    ``smallest``, pixels of the smallest face that a network of far faces is for."""

    tag: str
    teacher: str | None
    data: str
    licence: str
    smallest: int | None = None


def ship(
    name: str,
    weights: Path,
    images: Path,
    faces: Path,
    pair_list: Path,
    out: Path,
    origin: Origin,
    *,
    count: int = 256,
) -> tuple[lfw.Result, lfw.Result]:
    """The whole road; returns the LFW results (with flip) of the float and of the int8 network.

    Args:
        name: registered network, either spelling.
        weights: see :func:`models.load`.
        images: folder of aligned training crops, for calibration.
        faces: folder of LFW's aligned crops.
        pair_list: LFW's ``pairs.txt``.
        out: folder of the shipped files.
        origin: what the record says of the weights.
        count: images that calibrate the quantiser.
    """
    entry = models.entry(name)
    name = entry.name.replace("_", "-")
    listed = pairs.read(pair_list)
    model = models.load(name, weights)
    out.mkdir(parents=True, exist_ok=True)
    shipped = out / f"{name}.safetensors"
    save_weights(shipped, model)
    record = describe(
        entry,
        shipped,
        tag=origin.tag,
        teacher=origin.teacher,
        data=origin.data,
        licence=origin.licence,
    ).with_(smallest=origin.smallest)
    with tempfile.TemporaryDirectory() as folder:
        floating, int8 = Path(folder, f"{name}.onnx"), Path(folder, f"{name}.int8.onnx")
        export(model, floating, size=entry.input_size)
        exported = onnx.load(floating)
        stamp(exported, record)
        save(exported, floating)
        picture = out / f"{name}.sqnr.png"
        quantize_model(
            floating, images, int8, count=count, report=picture, progress=sys.stderr.isatty()
        )
        # What people run is the compiled form, and onnxruntime takes ten times as long.
        (compiled,) = compile_file(int8, host_targets()[0], Path(folder))
        forms: dict[str, Embed] = {
            "float32": OnnxEmbedder(floating),
            "int8": CompiledEmbedder(compiled),
        }
        runs = {
            precision: _evaluate(embed, precision, faces, listed)
            for precision, embed in forms.items()
        }
        scores = [score for run in runs.values() for score in run.scores]
        quantized = onnx.load(int8)
        inside = OnnxEmbedder(int8).record
        assert inside is not None  # quantize_model writes one
        stamp(quantized, inside.with_(scores=scores, thresholds=runs["int8"].thresholds))
        final = save(quantized, out / f"{name}.int8.onnx")
    record = record.with_(
        scores=scores,
        thresholds=runs["float32"].thresholds,
        sha256={**record.sha256, "int8_onnx": digest(final)},
    )
    write_text(out / f"{name}.json", record.to_json() + "\n")
    log = weights.parent / "log.csv"
    if log.is_file():
        write_text(out / f"{name}.log.csv", log.read_text())
    return runs["float32"].result, runs["int8"].result


@dataclass(frozen=True)
class _Run:
    """LFW of one precision: the result with flip, and what the record says."""

    result: lfw.Result
    scores: list[dict[str, Any]]
    thresholds: list[Threshold]


def _evaluate(embed: Embed, precision: str, faces: Path, listed: pairs.Pairs) -> _Run:
    views = lfw.views(embed, faces, listed, progress=sys.stderr.isatty())
    both, single = lfw.score(views, listed), lfw.score(views[:1], listed)
    scores = [
        {
            "dataset": "LFW View 2",
            "protocol": f"10-fold, {'two views (flip)' if result.flip else 'one view'}",
            "precision": precision,
            "accuracy": round(result.accuracy, 6),
            "std": round(result.std, 6),
            "tar": result.to_dict()["tar"],
            "tar_interval": result.to_dict()["intervals"],
        }
        for result in (both, single)
    ]
    return _Run(both, scores, lfw.thresholds(views[0], listed, precision))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help=f"one of: {', '.join(models.names())}")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="aligned training crops")
    parser.add_argument("--lfw", type=Path, required=True, help="aligned LFW crops")
    parser.add_argument("--pairs", type=Path, required=True, help="LFW's pairs.txt")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=256, help="calibration images")
    parser.add_argument("--tag", default=TAG)
    parser.add_argument("--teacher", default=TEACHER, help="empty for none")
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--licence", default=LICENCE)
    parser.add_argument("--smallest", type=int, help="of a network of far faces: pixels a side")
    given = parser.parse_args()
    origin = Origin(given.tag, given.teacher or None, given.data, given.licence, given.smallest)
    try:
        before, after = ship(
            given.name,
            given.weights,
            given.images,
            given.lfw,
            given.pairs,
            given.out,
            origin,
            count=given.count,
        )
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    for precision, result in (("float32", before), ("int8", after)):
        tar = ", ".join(f"TAR {tar:.2%} at FAR {far:g}" for far, tar in result.tar.items())
        print(f"LFW {precision}: {result.accuracy:.2%} +- {result.std:.2%}, {tar}")
    print(f"int8 - float32: {100 * (after.accuracy - before.accuracy):+.2f} points")


if __name__ == "__main__":
    main()
