"""A detector's run to shipped files: quantise, compile, recall of both precisions, record.

    python -m pocketvision.training.ship_detector runs/f160/model.safetensors --data detector/ \\
        --yunet yunet.onnx --out training/weights

Writes ``<name>.safetensors``, ``<name>.json`` (the record), ``<name>.int8.onnx`` (its record
inside), ``<name>.sqnr.png`` and, where a log lies beside the weights, ``<name>.log.csv``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from pocketvision.compile import compile_file
from pocketvision.faces.known import answer
from pocketvision.files import write_text
from pocketvision.record import Record
from pocketvision.runtime.shipped import host_targets

from .data.detect import Faces, read
from .evaluate.detect import protocol, seen
from .evaluate.detect.judge import judge
from .evaluate.detect.opened import opened
from .evaluate.detect.yunet import YuNet
from .models.stored.checkpoint import of_run
from .models.stored.describe import digest
from .quantize.graph import save
from .quantize.run import stamp
from .quantize.trained import quantize_weights
from .ship import LICENCE

TAG = "yunet-distill.v1"
TEACHER = "YuNet (OpenCV zoo, Apache-2.0), cells and places of every view"
SOURCES = {"afw": "AFW", "helen": "HELEN", "mask": "masked faces", "bg": "without faces"}
"""What the sources of pictures are called in the record."""
CALIBRATING = 288
"""Pictures that the quantiser sees: those that it measures, and those that choose its method."""


def ship(
    weights: Path,
    data: Path,
    yunet: Path | None,
    out: Path,
    *,
    tag: str = TAG,
    teacher: str = TEACHER,
    licence: str = LICENCE,
) -> list[protocol.Score]:
    """The whole road; returns the scores of the float and of the compiled network, and YuNet's.

    Args:
        weights: ``model.safetensors`` of a run, its record beside it.
        data: folder that :func:`training.data.detect.read` reads; a tenth was kept from training.
        yunet: OpenCV zoo's file, to be compared with in the record.
        out: folder of the shipped files.
        tag, teacher, licence: of the record.

    Raises:
        FileNotFoundError, ValueError: as of :func:`quantize_weights` and :func:`read`.
    """
    entry, record = of_run(weights)
    learnt, kept = read(data).parted()
    _, height, width = entry.shape
    name = record.name
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, out / f"{name}.safetensors")
    record = record.with_(
        tag=tag, teacher=teacher, licence=licence, data=_described(learnt, record.data),
        sha256={"float_weights": digest(out / f"{name}.safetensors")},
    )  # fmt: skip
    scores = []
    with tempfile.TemporaryDirectory() as folder:
        staged, int8 = Path(folder, "model.safetensors"), Path(folder, f"{name}.int8.onnx")
        shutil.copyfile(weights, staged)
        write_text(staged.with_suffix(".json"), record.to_json())
        quantize_weights(
            staged, _views(learnt, height, width), int8, report=out / f"{name}.sqnr.png",
            progress=sys.stderr.isatty(),
        )  # fmt: skip
        (compiled,) = compile_file(int8, host_targets()[0], Path(folder))
        detectors = [opened(staged)[0], opened(compiled)[0]]
        if yunet is not None:
            detectors.append(YuNet(yunet).detector(height, width))
        scores = [judge(detector, kept, height, width) for detector in detectors]
        floating, coded, *other = scores
        entries = [_entry(floating, "float32", data.name), _entry(coded, "int8", data.name)]
        for one in other:
            entries[1]["yunet"] = {
                "recall": one.recall, "average_precision": one.precision,
                "landmark_error": one.error,
            }  # fmt: skip
        quantized = onnx.load(int8)
        inside = _inside(quantized)
        # What pocketvision doctor compares with: new weights bring their own answer.
        known = {**inside.sha256, "known_answer": answer(str(compiled))}
        # The score of 0.1 false alarms a picture is that of the network that runs.
        changed = {"scores": entries, "score": _bounded(coded.threshold)}
        stamp(quantized, inside.with_(**changed, sha256=known))
        final = save(quantized, out / f"{name}.int8.onnx")
    record = record.with_(
        **changed, quantiser=inside.quantiser,
        sha256={**known, "int8_onnx": digest(final)},
    )  # fmt: skip
    write_text(out / f"{name}.json", record.to_json() + "\n")
    log = weights.parent / "log.csv"
    if log.is_file():
        write_text(out / f"{name}.log.csv", log.read_text())
    return scores


def _described(learnt: Faces, said: str) -> str:
    """The pictures by source, and the crops that the run's own record names."""
    counts = Counter(learnt.sources)
    parts = ", ".join(
        f"{count:,} {SOURCES.get(name, name)}" for name, count in sorted(counts.items())
    )
    _, _, crops = said.partition(", with ")
    return f"{len(learnt):,} pictures ({parts})" + (f", with {crops}" if crops else "")


def _views(learnt: Faces, height: int, width: int) -> np.ndarray:
    """Pictures evenly chosen among those learnt from, fitted into the input: uint8 (N, H, W, 3)."""
    chosen = np.linspace(0, len(learnt) - 1, min(CALIBRATING, len(learnt))).round().astype(int)
    return np.stack([seen.fit(learnt.picture(i), height, width).pixels for i in chosen.tolist()])


def _inside(model: onnx.ModelProto) -> Record:
    from pocketvision.record import METADATA_KEY

    return Record.from_json(
        next(entry.value for entry in model.metadata_props if entry.key == METADATA_KEY)
    )


def _bounded(score: float) -> float:
    return round(min(0.95, max(0.05, score)), 4)


def _entry(found: protocol.Score, precision: str, source: str) -> dict[str, Any]:
    return {
        "dataset": f"{source}, pictures kept aside",
        "protocol": f"recall at IoU {protocol.IOU:g} and {protocol.ALARMS:g} false alarms a "
        f"picture, {found.faces} faces of {found.pictures} pictures",
        "precision": precision,
        "accuracy": round(found.recall, 6),
        "std": round(found.std, 6),
        "average_precision": round(found.precision, 6),
        "landmark_error": round(found.error, 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="model.safetensors of a run")
    parser.add_argument("--data", type=Path, required=True, help="pictures with boxes")
    parser.add_argument("--yunet", type=Path, help="OpenCV zoo's file, to be compared with")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tag", default=TAG)
    parser.add_argument("--teacher", default=TEACHER)
    parser.add_argument("--licence", default=LICENCE)
    given = parser.parse_args()
    try:
        scores = ship(
            given.weights, given.data, given.yunet, given.out, tag=given.tag,
            teacher=given.teacher, licence=given.licence,
        )  # fmt: skip
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    for name, one in zip(("float32", "int8", "YuNet"), scores, strict=False):
        print(
            f"{name}: recall {one.recall:.3f} from a score of {one.threshold:.3f}, average "
            f"precision {one.precision:.3f}, landmarks {one.error:.3f}"
        )


if __name__ == "__main__":
    main()
