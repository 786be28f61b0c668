"""What a TOML file may say about a DARTS search; the defaults are PocketNet's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...run import pictures, tables
from ...run.pictures import Data


@dataclass(frozen=True)
class Weights:
    """SGD of the operators' weights: from ``learning_rate`` by cosine to ``least``."""

    learning_rate: float = 0.1
    least: float = 0.004
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0


@dataclass(frozen=True)
class Edges:
    """Adam of the edges' weights; ``order``: second goes through a training step, first does not.

    ``warmup``: epochs in which the operators alone are trained, as untrained ones say little.
    """

    learning_rate: float = 1.2e-3
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3
    order: str = "second"
    warmup: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """One search.

    ``epochs`` of the training half; ``batch`` of each half. ``size``: pixels of the input.
    ``channels``, ``layers``, ``embedding``: of the supernet. ``judged``: pictures of the
    validation half that an epoch is judged by.
    """

    data: Data
    epochs: int = 50
    batch: int = 128
    size: int = 112
    seed: int = 2
    channels: int = 16
    layers: int = 8
    embedding: int = 128
    weights: Weights = field(default_factory=Weights)
    edges: Edges = field(default_factory=Edges)
    judged: int = 4096
    precision: str = "auto"
    device: str = "auto"
    checkpoint_steps: int = 50
    log_steps: int = 10


CHOICES = {
    **pictures.CHOICES,
    ("Edges", "order"): ("first", "second"),
    ("Recipe", "precision"): ("auto", "float32", "bfloat16"),
    ("Recipe", "device"): ("auto", "cpu", "cuda"),
}


def read(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, an unknown or missing key, a value of the wrong type or range.
    """
    return tables.read(path, parse)


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table; ValueError as :func:`read`."""
    recipe = tables.build(Recipe, table, CHOICES)
    for name in ("epochs", "batch", "channels", "embedding", "judged", "checkpoint_steps"):
        if getattr(recipe, name) < 1:
            raise ValueError(f"{name}: expected at least 1, got {getattr(recipe, name)}")
    if recipe.layers < 3:
        raise ValueError(f"layers: expected at least 3, got {recipe.layers}")
    if recipe.size % 16:
        raise ValueError(f"size: expected a multiple of 16 pixels, got {recipe.size}")
    for where, options in (("weights", recipe.weights), ("edges", recipe.edges)):
        if options.learning_rate <= 0:
            raise ValueError(f"{where}.learning_rate: expected more than 0")
    return recipe
