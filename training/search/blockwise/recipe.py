"""What a TOML file may say about a block-wise search; the defaults of training are DNA's."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...models.inverted import ACTIVATIONS
from ...run import pictures, tables
from ...run.pictures import Data
from ..space import Space


@dataclass(frozen=True)
class Teacher:
    """``model``: an ONNX file that takes RGB 0..255, ``name:weights.safetensors`` of a registered
    model (both below --data), or the name of a model whose weights the installation brings.

    ``tensors``: what the first block reads and what each block is to give: names of an ONNX file's
    tensors, or of a model's modules, whose outputs they are.
    """

    model: str
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class Budget:
    """Limits of a network: sums over its parts, of ``arena`` the most. MACs and parameters are
    counted; the others need a ``table``."""

    macs: float | None = None
    parameters: float | None = None
    instructions: float | None = None
    cycles: float | None = None
    nanoseconds: float | None = None
    flash: float | None = None
    arena: float | None = None

    def given(self) -> dict[str, float]:
        """Those that there are, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Recipe:
    """One search.

    ``steps``, ``batch``: of the supernet of each cell. ``learning_rate``: of Adam, for all blocks
    or one a block; it falls exponentially to ``least`` of itself (DNA: 0.9 an epoch, 20 epochs).
    ``judged``: pictures that no supernet sees and every candidate is rated on. ``calibrated``:
    pictures that a candidate's batch norms take their statistics from first.
    ``alone``: further steps of the best candidate of each cell by itself, which make the ratings of
    different cells comparable (alone.py); 0, as DNA has it, leaves them as they are.
    ``engine``: ``joblib`` runs ``workers`` cells at a time on this machine (0: one a core), ``ray``
    on the cluster at ``address`` (none: a local one); all machines see ``--data`` and ``--out``.
    ``table``: a cost table, a file below --data or the target of one that the package brings.
    ``best``: networks that are written.
    """

    data: Data
    teacher: Teacher
    space: Space
    steps: int
    batch: int = 64
    learning_rate: tuple[float, ...] = (0.005,)
    least: float = 0.12
    weight_decay: float = 1e-4
    seed: int = 1
    judged: int = 512
    calibrated: int = 128
    alone: int = 0
    engine: str = "joblib"
    workers: int = 0
    address: str | None = None
    table: str | None = None
    budget: Budget = field(default_factory=Budget)
    best: int = 5
    precision: str = "auto"
    device: str = "auto"
    checkpoint_steps: int = 50
    log_steps: int = 10


CHOICES = {
    **pictures.CHOICES,
    ("Space", "activation"): tuple(ACTIVATIONS),
    ("Recipe", "engine"): ("joblib", "ray"),
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
    for name in ("steps", "batch", "judged", "calibrated", "best", "checkpoint_steps", "log_steps"):
        if getattr(recipe, name) < 1:
            raise ValueError(f"{name}: expected at least 1, got {getattr(recipe, name)}")
    if recipe.alone < 0:
        raise ValueError(f"alone: expected 0 or more, got {recipe.alone}")
    blocks, tensors = len(recipe.space.blocks), len(recipe.teacher.tensors)
    if tensors != blocks + 1:
        raise ValueError(
            f"teacher.tensors: expected {blocks + 1}, one before and one after each of "
            f"{blocks} blocks, got {tensors}"
        )
    if len(recipe.learning_rate) not in (1, blocks) or min(recipe.learning_rate) <= 0:
        raise ValueError(f"learning_rate: expected 1 or {blocks} numbers above 0")
    if recipe.workers < 0:
        raise ValueError(f"workers: expected 0 or more, got {recipe.workers}")
    if recipe.address is not None and recipe.engine != "ray":
        raise ValueError('address: is of a ray cluster; set engine = "ray", or leave it out')
    if not 0 < recipe.least <= 1:
        raise ValueError(f"least: expected above 0, up to 1, got {recipe.least}")
    return recipe
