"""Recipes of clips: what a TOML file may say about a run, checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.clips.opened import LISTS, READERS, Data
from ...data.clips.views import Views
from ...distill.logits import TEMPERATURE
from ...run import tables

TASK = "clips"


@dataclass(frozen=True)
class Network:
    """What is changed of the registered ``model``; None leaves it (``models/vtn/network.py``)."""

    encoder: str | None = None
    modality: str | None = None
    width: int | None = None
    blocks: int | None = None
    heads: int | None = None
    inner: int | None = None


@dataclass(frozen=True)
class Start:
    """``encoder``: ``imagenet``, ``face:NAME`` or a file (``models/vtn/start.py``). ``network``: a
    whole network's weights, as of a run on a larger set, whose classifier may have other classes.
    Files are relative to --data."""

    encoder: str | None = None
    network: str | None = None


@dataclass(frozen=True)
class Optimiser:
    """``kind``: adam (with ``weight_decay`` in the gradient, as VTN's), adamw or sgd.

    ``schedule``: ``cosine`` to zero after ``warmup`` (a share of the run), or ``plateau``: times
    ``factor`` when the clip accuracy has not risen by ``threshold`` for more than ``patience``
    epochs. The gradient is clipped to norm ``clip``.
    """

    learning_rate: float
    kind: str = "adam"
    weight_decay: float = 1e-4
    momentum: float = 0.9
    clip: float = 5.0
    schedule: str = "cosine"
    warmup: float = 0.02
    patience: int = 10
    factor: float = 0.1
    threshold: float = 0.01


@dataclass(frozen=True)
class Test:
    """``windows`` a video after the run, ``chosen_windows`` in it, every ``epochs`` epochs (0 for
    never) on the clips set aside, or on the test clips where none are."""

    windows: int = 10
    chosen_windows: int = 3
    epochs: int = 0


@dataclass(frozen=True)
class Distill:
    """``weight T^2 KL`` to the mean of the ``teachers``, each the folder of a run below --data.

    Of K folds each takes the teachers' run of the same fold. ``weights``: of the teachers; none for
    equal ones. ``labels``: weight of the true classes beside it.
    """

    teachers: tuple[str, ...]
    weights: tuple[float, ...] = ()
    weight: float = 0.4
    temperature: float = TEMPERATURE
    labels: float = 1.0

    def __post_init__(self) -> None:
        if not self.teachers:
            raise ValueError("distill.teachers: expected at least one run")
        if self.weights and len(self.weights) != len(self.teachers):
            raise ValueError(
                f"distill.weights: expected {len(self.teachers)}, one a teacher, got "
                f"{len(self.weights)}"
            )
        if min((*self.weights, self.weight, self.temperature)) <= 0 or self.labels < 0:
            raise ValueError(
                "distill: expected weights and temperature above 0, labels of 0 or more"
            )


@dataclass(frozen=True)
class Recipe:
    """One run, or one a fold. One of ``steps``, ``epochs``, ``minutes`` is given.

    ``model``: a registered name of the task clips; ``fold``: only that one, counted from 1.
    ``mean``: decay of the moving average of the weights that a run ends with; 0 for none.
    """

    task: str
    model: str
    batch: int
    data: Data
    optimiser: Optimiser
    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    seed: int = 1
    fold: int | None = None
    device: str = "auto"
    precision: str = "auto"
    network: Network = field(default_factory=Network)
    start: Start = field(default_factory=Start)
    views: Views = field(default_factory=Views)
    distill: Distill | None = None
    test: Test = field(default_factory=Test)
    smoothing: float = 0.0
    mean: float = 0.0
    checkpoint_steps: int = 100
    log_steps: int = 10


CHOICES = {
    ("Recipe", "task"): (TASK,),
    ("Recipe", "device"): ("auto", "cpu", "cuda"),
    ("Recipe", "precision"): ("auto", "float32", "bfloat16"),
    ("Data", "files"): tuple(READERS),
    ("Data", "lists"): LISTS,
    ("Optimiser", "kind"): ("adam", "adamw", "sgd"),
    ("Optimiser", "schedule"): ("cosine", "plateau"),
}


def read(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML file, or one that the package brings, by its name without ``.toml``.

    Args:
        changes: ``key=value`` or ``table.key=value``, each in place of what the file says.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, an unknown or missing key, a value of the wrong type or range; the
            message names the file, the key and what was expected.
    """
    return tables.read_changed(path, parse, changes)


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table; errors as of :func:`read`, without the file's name."""
    recipe = tables.build(Recipe, table, CHOICES)
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    tables.check_length(recipe)
    counts = ("batch", "checkpoint_steps", "log_steps", "fold")
    tables.check_positive(recipe, (*tables.LENGTHS, *counts))
    if recipe.fold is not None and recipe.fold > recipe.data.folds:
        raise ValueError(f"fold: expected 1 to data.folds = {recipe.data.folds}, got {recipe.fold}")
    if recipe.optimiser.learning_rate <= 0:
        raise ValueError("optimiser.learning_rate: expected more than 0")
    if min(recipe.test.windows, recipe.test.chosen_windows) < 1 or recipe.test.epochs < 0:
        raise ValueError("test: expected at least one window, and epochs of 0 or more")
    for name in ("mean", "smoothing"):
        if not 0 <= getattr(recipe, name) < 1:
            raise ValueError(f"{name}: expected 0 to below 1, got {getattr(recipe, name)}")
    if recipe.start.encoder and recipe.start.network:
        raise ValueError("start: give an encoder's weights or a whole network's, not both")
    if recipe.optimiser.schedule == "plateau":
        if not recipe.test.epochs:
            raise ValueError('optimiser.schedule = "plateau": needs test.epochs = 1 or more')
        if recipe.data.folds and not recipe.data.aside:
            raise ValueError(
                'optimiser.schedule = "plateau": of folds the test clips would choose the rate '
                "that they then judge; set data.aside = 0.1"
            )
