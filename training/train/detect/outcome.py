"""What a run of a detector ends with: weights, their record, and what they find."""

from __future__ import annotations

from pathlib import Path

from pocketvision.files import rename, write_text
from pocketvision.record import Record
from pocketvision.record.detection import FaceDetection

from ...data.detect import Faces
from ...evaluate.detect import protocol, seen
from ...models.detector import LOGIT, STRIDES, FaceFinder
from ...models.registry import Entry
from ...models.stored.describe import digest
from ...run import state
from .recipe import Recipe

UNKNOWN = "not stated: that of the pictures, of the crops and of the teacher"


def write(
    out: Path, network: FaceFinder, recipe: Recipe, entry: Entry, learnt: Faces,
    found: protocol.Score,
) -> Path:  # fmt: skip
    """Writes all files of a run, ``model.safetensors`` last, which says that all is done."""
    weights = out / "model.pending.safetensors"
    state.save_weights(weights, network)
    record = _record(recipe, entry, learnt, found, digest(weights))
    write_text(out / "model.json", record.to_json() + "\n")
    rename(weights, out / "model.safetensors")
    return out / "model.safetensors"


def _record(
    recipe: Recipe, entry: Entry, learnt: Faces, found: protocol.Score, sha256: str
) -> Record:
    assert entry.architecture is not None
    _, height, width = entry.shape
    crops = f", with crops of {', '.join(recipe.data.crops)}" if recipe.data.crops else ""
    teacher = None
    if recipe.teacher:
        teacher = (
            f"{recipe.teacher.file} (cells {recipe.teacher.cells:g}, places "
            f"{recipe.teacher.places:g})"
        )
    return Record(
        name=entry.name.replace("_", "-"),
        tag=f"run.seed-{recipe.seed}",
        task="face-detection",
        paper=entry.paper,
        preprocess={
            "size": [height, width], "colour": "RGB", "mean": [127.5] * 3, "std": [127.5] * 3,
        },
        part=FaceDetection(
            list(STRIDES), min(0.95, max(0.05, found.threshold)), seen.OVERLAP, LOGIT
        ),
        scores=[
            {
                "dataset": f"{recipe.data.root}, pictures kept aside",
                "protocol": f"recall at IoU {protocol.IOU:g} and {protocol.ALARMS:g} false alarms "
                f"a picture, {found.faces} faces of {found.pictures} pictures",
                "precision": "float32",
                "accuracy": found.recall,
                "std": found.std,
                "average_precision": found.precision,
                "landmark_error": found.error,
            }
        ],
        teacher=teacher,
        data=f"{recipe.data.root}: {len(learnt):,} pictures{crops}",
        licence=UNKNOWN,
        sha256={"float_weights": sha256},
        architecture=dict(entry.architecture),
    )  # fmt: skip
