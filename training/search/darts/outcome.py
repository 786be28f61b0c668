"""What a search leaves: genotypes of every epoch, the last and the best, and pictures of both."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pocketvision.files import write_text

from ...models.cells import Genotype
from ...run.journal import write_rows
from . import draw
from .discretise import Health, genotype, health
from .recipe import Recipe
from .supernet import Supernet

GENOTYPE = "genotype.json"
ARCHITECTURE = "architecture.json"
"""A recipe's ``model`` may name this file."""

AS_PUBLISHED = {"channels": 16, "layers": 18, "embedding": 128}
"""Sizes of PocketNetS-128, which the found cells are repeated in."""


@dataclass(frozen=True)
class Epoch:
    """The end of one: raw edges' weights (2, EDGES, CHOICES) and the accuracy on held-out faces."""

    number: int
    raw: torch.Tensor
    accuracy: float

    @classmethod
    def of(cls, number: int, net: Supernet, accuracy: float) -> Epoch:
        raw = torch.stack([weights.detach().cpu().clone() for weights in net.architecture])
        return cls(number, raw, accuracy)

    @property
    def genotype(self) -> Genotype:
        return genotype(self.raw[0], self.raw[1])

    @property
    def health(self) -> Health:
        return health(self.raw[0], self.raw[1])


def write(out: Path, history: list[Epoch], recipe: Recipe, data: str) -> Path:
    """Writes ``epochs.csv``, two pictures, the found network as PocketNetS-128's sizes make it
    (``architecture.json``), and at last ``genotype.json``, which says that all is done.

    The genotype to train is that of the last epoch; that of the epoch with the best held-out
    accuracy, which PocketNet reports, stands beside it. A collapse is said on stderr.
    """
    write_epochs(out / "epochs.csv", history)
    draw.weights(out / "weights.png", np.stack([epoch.raw.numpy() for epoch in history]))
    last, best = history[-1], max(history, key=lambda epoch: epoch.accuracy)
    draw.cells(out / "cells.png", last.genotype, f"epoch {last.number}")
    values = {
        "genotype": last.genotype.to_dict(),
        "last": _described(last),
        "best": _described(best),
        "collapsed": last.health.collapsed,
        "data": data,
        "recipe": asdict(recipe),
    }
    if last.health.collapsed:
        print(
            f"collapsed: {last.health.skips:.0%} of the normal cell's edges are skips, which win "
            f"in the supernet and lose when trained alone; look at {out / 'weights.png'}, take an "
            "earlier epoch of epochs.csv, or give edges.warmup or fewer epochs",
            file=sys.stderr,
        )
    found = {"family": "pocketnet", **AS_PUBLISHED, "genotype": last.genotype.to_dict()}
    write_text(out / ARCHITECTURE, json.dumps(found, indent=1) + "\n")
    write_text(out / GENOTYPE, json.dumps(values, indent=1) + "\n")
    return out / GENOTYPE


def write_epochs(path: Path, history: list[Epoch]) -> None:
    """A row an epoch: accuracy, health, genotype."""
    head = ["epoch", "held_out", "skips", "entropy", "none", "genotype"]
    rows = [
        [
            epoch.number,
            f"{epoch.accuracy:.4f}",
            *(f"{value:.3f}" for value in asdict(epoch.health).values()),
            json.dumps(epoch.genotype.to_dict()),
        ]
        for epoch in history
    ]
    write_rows(path, [head, *rows])


def read(path: Path) -> Genotype:
    """The genotype of a file that :func:`write` wrote, or of one that holds a genotype alone.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such JSON; names the file and what is malformed.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Genotype.from_dict(values.get("genotype", values))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path}: expected a genotype as JSON: {error}") from None


def _described(epoch: Epoch) -> dict[str, Any]:
    return {
        "epoch": epoch.number,
        "held_out": epoch.accuracy,
        "genotype": epoch.genotype.to_dict(),
        **asdict(epoch.health),
    }
