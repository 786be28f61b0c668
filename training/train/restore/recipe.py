"""Recipes of restoration: what a TOML file with ``task = "restoration"`` may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.far import Far
from ...distill.views import Reach
from ...run import pictures, tables
from ...run.pictures import Data

TASK = "restoration"


@dataclass(frozen=True)
class Rates:
    """Adam's learning rates of generator and discriminators, cosine to zero; RIM's betas."""

    generator: float = 1e-3
    discriminators: float = 5e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-5
    clip: float = 5.0


@dataclass(frozen=True)
class Losses:
    """Weights. ``pixel``: mean absolute errors of both pictures. ``feature``: 1 - cosine of the
    recogniser's embeddings of restored and sharp face. ``parts``: cross-entropy of parsing.
    ``image``, ``domain``: against the discriminators of pictures and of features."""

    pixel: float = 50.0
    feature: float = 1.0
    parts: float = 1.0
    image: float = 0.0
    domain: float = 0.0


@dataclass(frozen=True)
class Parsing:
    """A set with masks (data/priors/masks.py): ``rows`` of each batch come from it."""

    root: str
    rows: int
    parts: int = 19


@dataclass(frozen=True)
class Validate:
    """Every ``steps`` steps the PSNR of ``faces`` faces that the run never trains on, of ``side``
    pixels (area) against bicubic interpolation; the best weights are what the run ends with."""

    steps: int
    faces: int = 64
    side: int = 14


@dataclass(frozen=True)
class Recipe:
    """One run. ``model``: an architecture of the family fhn. ``recogniser``: as a teacher of the
    face recipes, in torch. ``batch`` counts the faces of [data], without those of [parsing].
    ``discriminator``: width of both discriminators; ``every``: steps from one of the generator to
    the next (RIM: 2)."""

    task: str
    model: dict[str, Any]
    batch: int
    steps: int
    data: Data
    validate: Validate
    recogniser: str | None = None
    parsing: Parsing | None = None
    far: Far = field(default_factory=lambda: Far(share=1.0))
    views: Reach = field(default_factory=Reach)
    rates: Rates = field(default_factory=Rates)
    losses: Losses = field(default_factory=Losses)
    discriminator: int = 32
    every: int = 1
    seed: int = 1
    device: str = "auto"
    checkpoint_steps: int = 100
    log_steps: int = 10


CHOICES = {
    **pictures.CHOICES,
    ("Recipe", "task"): (TASK,),
    ("Recipe", "device"): ("auto", "cpu", "cuda"),
}


def read(path: Path, changes: tuple[str, ...] | list[str] = ()) -> Recipe:
    """The recipe in a TOML file, with ``key=value`` of ``changes`` in place of what it says.

    Raises:
        FileNotFoundError: no such file.
        ValueError: as of the face recipes; the message names the file and the key.
    """
    return tables.read_changed(path, parse, changes)


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table; ValueError names the key."""
    recipe = tables.build(Recipe, table, CHOICES)
    counts = ("batch", "steps", "discriminator", "every", "checkpoint_steps", "log_steps")
    tables.check_positive(recipe, counts)
    losses, judge = recipe.losses, recipe.validate
    if min(vars(losses).values()) < 0 or losses.pixel == 0:
        raise ValueError("losses: expected weights of 0 or more, and pixel above it")
    if min(judge.steps, judge.faces, judge.side) < 1 or judge.side > recipe.data.size:
        raise ValueError(
            "validate: expected steps, faces and a side of 1 or more, at most data.size"
        )
    if recipe.far.share != 1.0:
        raise ValueError("far.share: expected 1, as a sharp face has nothing to be restored")
    if losses.feature and recipe.recogniser is None:
        raise ValueError("losses.feature: needs a recogniser; name one, or set it to 0")
    if recipe.parsing is None and losses.parts:
        raise ValueError("losses.parts: needs a [parsing] table; give one, or set it to 0")
    if recipe.parsing is not None and recipe.parsing.rows < 1:
        raise ValueError(f"parsing.rows: expected 1 or more, got {recipe.parsing.rows}")
    if recipe.views.compose:
        raise ValueError("views.compose: blends of two faces are no faces; set it to 0")
    return recipe
