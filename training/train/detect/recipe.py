"""Recipes of detectors: what a TOML file with ``task = "face-detection"`` may say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.degrade import Degrade
from ...data.detect import Views
from ...run import tables

TASK = "face-detection"


@dataclass(frozen=True)
class Data:
    """Below --data: ``root``, a folder that ``data/detect/faces.py`` reads. ``crops``: folders of
    aligned crops of 112 pixels, pasted into pictures without faces by ``views.pasted``; ``boxes``:
    the kind of label whose boxes these get. ``workers``: processes that draw views."""

    root: str
    crops: tuple[str, ...] = ()
    boxes: str = "gt68"
    workers: int = 1


@dataclass(frozen=True)
class Teacher:
    """YuNet's ``file`` below --data, asked about every view.

    ``cells``: weight of cross-entropy with its probabilities, of all cells; ``places``: of edges
    and points, where its score is at least ``sure``, by the score.
    """

    file: str
    cells: float = 0.5
    places: float = 0.5
    sure: float = 0.3

    def __post_init__(self) -> None:
        if min(self.cells, self.places) < 0 or not 0 < self.sure < 1:
            raise ValueError("teacher: expected weights of 0 or more, and 0 < sure < 1")


@dataclass(frozen=True)
class Losses:
    """Weights, each by the number of cells that have a face. ``focal``: power of the error that
    weighs the cross-entropy of objectness (focal loss, arXiv 1708.02002); 0 for plain."""

    object: float = 1.0
    cls: float = 1.0
    box: float = 3.0
    points: float = 10.0
    focal: float = 1.0


@dataclass(frozen=True)
class Optimiser:
    """AdamW; cosine to zero after ``warmup``, a share of the run; gradients clipped to ``clip``."""

    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: float = 0.02
    clip: float = 10.0


@dataclass(frozen=True)
class Recipe:
    """One run. One of ``steps``, ``epochs``, ``minutes`` is given.

    ``model``: a registered detector. ``start``: weights to start from, below --data.
    ``mean``: decay of the average of the weights that the run ends with; 0 for none.
    ``validate_steps``: from one score of the pictures kept aside to another.
    """

    task: str
    model: str
    batch: int
    data: Data
    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    teacher: Teacher | None = None
    start: str | None = None
    seed: int = 1
    device: str = "auto"
    precision: str = "auto"
    views: Views = field(default_factory=Views)
    degrade: Degrade = field(default_factory=Degrade)
    losses: Losses = field(default_factory=Losses)
    optimiser: Optimiser = field(default_factory=Optimiser)
    mean: float = 0.998
    validate_steps: int = 500
    checkpoint_steps: int = 200
    log_steps: int = 20


CHOICES = {
    ("Recipe", "task"): (TASK,),
    ("Recipe", "device"): ("auto", "cpu", "cuda"),
    ("Recipe", "precision"): ("auto", "float32", "bfloat16"),
}


def read(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML file, with ``key=value`` of ``changes`` in place of what it says.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as of the face recipes; the message names the file and the key.
    """
    return tables.read_changed(path, parse, changes)


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table; ValueError names the key."""
    recipe = tables.build(Recipe, table, CHOICES)
    tables.check_length(recipe)
    counts = ("batch", "checkpoint_steps", "log_steps", "validate_steps")
    tables.check_positive(recipe, (*tables.LENGTHS, *counts))
    if not 0 <= recipe.mean < 1:
        raise ValueError(f"mean: expected 0 to below 1, got {recipe.mean}")
    if min(vars(recipe.losses).values()) < 0 or recipe.losses.object == 0:
        raise ValueError("losses: expected weights of 0 or more, and object above it")
    if recipe.optimiser.learning_rate <= 0:
        raise ValueError("optimiser.learning_rate: expected more than 0")
    if recipe.data.workers < 0:
        raise ValueError(f"data.workers: expected 0 or more, got {recipe.data.workers}")
    return recipe
