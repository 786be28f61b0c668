"""LFW during a run: every score in validation.csv, the best weights beside the last."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ...evaluate.faces import lfw
from ...evaluate.faces.embedders import Embed
from ...run import state
from ...run.journal import read_rows, write_rows
from .recipe import Recipe


class Score(NamedTuple):
    """LFW after a step: mean accuracy over the folds and its deviation, in [0, 1]."""

    step: int
    accuracy: float
    std: float


def embedder(model: nn.Module) -> Embed:
    """``model``, where it is, as protocols call it: uint8 RGB crops (N, H, W, 3) to embeddings."""

    def embed(crops: np.ndarray) -> np.ndarray:
        device = next(model.parameters()).device
        planes = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).to(device)
        with torch.no_grad():
            return np.asarray(model(planes.float().sub(127.5).div(127.5)).float().cpu().numpy())

    return embed


class Judge:
    """Scores a network in evaluation mode; the best so far is kept as ``best.safetensors``.

    The published LFW figure of PocketNet is the best over a run's evaluations and its last one is
    lower (its log, 99.58 against 99.50): both are reported, so that nobody mistakes one for the
    other.
    """

    def __init__(self, recipe: Recipe, data: Path, out: Path):
        options = recipe.validate
        assert options is not None
        self.every, self.out = options.steps, out
        self.images, self.pairs = data / options.images, data / options.pairs
        if not self.pairs.is_file():
            raise FileNotFoundError(f"{self.pairs}: no such list; validate.pairs names it")
        self.scores: list[Score] = []
        path = out / "validation.csv"
        if path.exists():
            self.scores = [
                Score(int(row["step"]), float(row["accuracy"]), float(row["std"]))
                for row in read_rows(path, float, *Score._fields)
            ]

    def __call__(self, model: nn.Module, step: int) -> float:
        """Accuracy in [0, 1] of ``model`` after ``step``; leaves it in training mode."""
        model.eval()
        result = lfw.evaluate(embedder(model), self.images, self.pairs, flip=True)
        model.train()
        earlier = [score for score in self.scores if score.step < step]
        self.scores = [*earlier, Score(step, result.accuracy, result.std)]
        if result.accuracy > max((score.accuracy for score in earlier), default=-1.0):
            state.save_weights(self.out / "best.safetensors", model)
        write_rows(self.out / "validation.csv", [Score._fields, *self.scores])
        best = max(self.scores, key=lambda score: score.accuracy)
        print(
            f"validation: last {100 * result.accuracy:.2f} % (step {step}), best "
            f"{100 * best.accuracy:.2f} % (step {best.step})",
            file=sys.stderr,
        )
        return result.accuracy
