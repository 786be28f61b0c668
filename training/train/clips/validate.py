"""Test clips in and after a run: what a network says of them, and every score in validation.csv."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from ...data.clips.base import Clips
from ...evaluate.clips.protocol import Seen, Videos, video_at_1, video_logits
from ...run.device import autocast
from ...run.journal import read_rows, write_rows
from .made import Network
from .recipe import Recipe

COLUMNS = ("step", "video_at_1", "clip_accuracy")


def due(recipe: Recipe, step: int, each: float) -> bool:
    """Whether an epoch after which scores are wanted, of ``each`` steps, ends with ``step``."""
    every = recipe.test.epochs * each
    return bool(every) and math.floor(step / every) > math.floor((step - 1) / every)


def judge(
    recipe: Recipe, model: Network, clips: Clips, windows: int, device: torch.device, half: bool
) -> Videos:
    """What ``model`` says of ``clips``; leaves it in the mode that it was in."""
    mode = model.training
    model.eval()
    options = recipe.data

    def score(batch: Tensor) -> Tensor:
        with torch.no_grad(), autocast(device, enabled=half):
            logits: Tensor = model(model.scale(batch.to(device)))
        return logits.float()

    seen = Seen(options.frames, options.stride, options.size, recipe.views.centre, windows)
    found = video_logits(score, clips, seen)
    model.train(mode)
    return found


def note(
    out: Path, recipe: Recipe, model: Network, clips: Clips, step: int, device: torch.device,
    half: bool,
) -> float:  # fmt: skip
    """Writes a row of ``validation.csv``, in place of later ones, and returns the clip accuracy."""
    found = judge(recipe, model, clips, recipe.test.chosen_windows, device, half)
    path, rows = out / "validation.csv", []
    if path.exists():
        kept = read_rows(path, float, *COLUMNS)
        rows = [tuple(float(row[key]) for key in COLUMNS) for row in kept]
    share = video_at_1(found.logits, found.labels).value
    rows = [row for row in rows if row[0] < step] + [(step, share, found.clip_accuracy)]
    write_rows(path, [COLUMNS, *rows])
    return found.clip_accuracy
