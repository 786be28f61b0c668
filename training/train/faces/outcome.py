"""What a run ends with: its weights, and their record with both validation scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from pocketvision.files import rename, write_text

from ...models.stored.checkpoint import shipped_record
from ...models.stored.describe import describe
from ...run import state
from ...run.pictures import Pictures
from . import student
from .recipe import SHIPPED, Recipe
from .validate import Score

UNKNOWN = "not stated: that of the training pictures and of the teacher"


def write(
    out: Path, model: nn.Module, recipe: Recipe, data: Path, faces: Pictures, scores: list[Score]
) -> None:
    """Writes ``out/model.json`` and then ``out/model.safetensors``, which says that all is done."""
    weights = out / "model.pending.safetensors"
    state.save_weights(weights, model)
    options = recipe.embedding
    teacher = None
    if options is not None:
        sources = ", ".join(options.teachers) or f"snapshots of {options.snapshots}"
        teacher = f"{sources} ({options.loss})"
    own = recipe.data.root == "."
    name = (data / recipe.data.root).resolve().name if own else recipe.data.named
    learnt = f"{name}: {len(faces.labels):,} pictures of {faces.classes:,} people"
    licence = UNKNOWN
    if recipe.start == SHIPPED:
        before = shipped_record(recipe.model)
        learnt += f"; from {before.full_name} ({before.data})"
        licence += f"; of the weights it started from: {before.licence}"
    record = describe(
        student.entry(recipe),
        weights,
        tag=f"run.seed-{recipe.seed}",
        teacher=teacher,
        data=learnt,
        licence=licence,
    ).with_(scores=list(_reported(scores)))
    write_text(out / "model.json", record.to_json() + "\n")
    rename(weights, out / "model.safetensors")


def _reported(scores: list[Score]) -> list[dict[str, Any]]:
    """The last and the best: the best alone would be an optimist's choice."""
    if not scores:
        return []
    kinds = {"last": scores[-1], "best": max(scores, key=lambda score: score.accuracy)}
    return [
        {
            "dataset": "LFW View 2",
            "protocol": f"10-fold, two views (flip), {kind} (step {score.step})",
            "precision": "float32",
            "accuracy": score.accuracy,
            "std": score.std,
        }
        for kind, score in kinds.items()
    ]
