"""Held-out faces: the PSNR of restored ones beside bicubic's; the best weights are kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...data import far
from ...models.registry import Entry
from ...models.rim.generator import FHN
from ...run import pictures, state
from ...run.journal import read_rows, write_rows
from .recipe import Recipe

CHUNK = 16


class Score(NamedTuple):
    """Mean PSNR in dB of the held-out faces after a step, and that of bicubic interpolation."""

    step: int
    restored: float
    bicubic: float


def psnr(found: Tensor, wanted: Tensor) -> Tensor:
    """(N) in dB of pictures (N, 3, H, W) in [-1, 1], over all colours."""
    error = (found - wanted).square().mean(dim=(1, 2, 3)).clamp_min(1e-10)
    return 10 * torch.log10(4 / error)


class Judge:
    """Scores a generator on faces that the run never sees.

    ``held_out``: bool (N), which those are. ``best``: the file of the best weights so far.

    Raises:
        ValueError: the set has not twice as many faces as are held out.
    """

    def __init__(self, recipe: Recipe, faces: pictures.Pictures, out: Path):
        options, count = recipe.validate, len(faces.labels)
        if count < 2 * options.faces:
            raise ValueError(
                f"validate.faces: {options.faces} held out of {count} leave too few to learn from"
            )
        chosen = np.random.default_rng([recipe.seed, 5]).permutation(count)[: options.faces]
        self.held_out = np.zeros(count, bool)
        self.held_out[chosen] = True
        crops = torch.from_numpy(np.stack([faces.image(int(row)) for row in np.sort(chosen)]))
        self.sharp = crops.permute(0, 3, 1, 2).float().sub(127.5).div(127.5)
        self.small = far.seen(self.sharp, [far.Shot(options.side)] * options.faces)
        self.best, self.table = out / "best.safetensors", out / "validation.csv"
        self.scores: list[Score] = []
        if self.table.exists():
            rows = read_rows(self.table, float, *Score._fields)
            self.scores = [
                Score(int(row["step"]), float(row["restored"]), float(row["bicubic"]))
                for row in rows
            ]

    @torch.no_grad()
    def __call__(self, generator: FHN, step: int) -> Score:
        """The score after ``step``; leaves ``generator`` in training mode."""
        device = next(generator.parameters()).device
        generator.eval()
        found = torch.cat([generator(part.to(device)).cpu() for part in self.small.split(CHUNK)])
        generator.train()
        means = [float(psnr(one, self.sharp).mean()) for one in (found, self.small)]
        score = Score(step, *means)
        earlier = [one for one in self.scores if one.step < step]
        if score.restored > max((one.restored for one in earlier), default=-np.inf):
            state.save_weights(self.best, generator)
        self.scores = [*earlier, score]
        write_rows(self.table, [Score._fields, *self.scores])
        print(
            f"validation: {means[0]:.2f} dB, bicubic {means[1]:.2f} dB (step {step})",
            file=sys.stderr,
        )
        return score

    def described(self, entry: Entry) -> str:
        """JSON text of the network that the run ends with, and of how well it did."""
        best = max(self.scores, key=lambda score: score.restored)
        found = {"best": best._asdict(), "last": self.scores[-1]._asdict()}
        return json.dumps({"architecture": entry.architecture, "psnr": found}, indent=1) + "\n"
