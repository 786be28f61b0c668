"""Recipes: what a TOML file may say about a training run, checked before anything starts."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.degrade import Degrade
from ...distill.views import Reach


@dataclass(frozen=True)
class Data:
    """Where the pictures are, relative to $POCKETVISION_DATA.

    ``kind``: ``folder`` (root/person/picture, or only those of ``list``, a CSV with the columns
    path and identity), ``shards`` (tar files below root), ``record`` (InsightFace's train.rec and
    .idx). ``cache`` decodes all pictures once into one file of the run's folder: for sets that fit
    the disk.
    """

    root: str
    kind: str = "folder"
    list: str | None = None
    size: int = 112
    cache: bool = False
    workers: int = 0
    classes: int | None = None


@dataclass(frozen=True)
class Optimiser:
    """SGD with Nesterov momentum; the gradient of the backbone is clipped to norm ``clip``.

    ``schedule``: ``cosine`` to zero, or ``steps``: times ``decay`` at each of ``milestones``
    (epochs). ``warmup`` is a share of the run.
    """

    learning_rate: float
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    clip: float = 5.0
    schedule: str = "cosine"
    warmup: float = 0.02
    milestones: tuple[float, ...] = ()
    decay: float = 0.1


@dataclass(frozen=True)
class Margin:
    """Classification of identities: ``kind`` arcface, cosface, combined or softmax."""

    kind: str = "arcface"
    weight: float = 1.0
    scale: float = 64.0
    margins: tuple[float, float, float] | None = None
    sharded: bool = False
    sampling: float = 1.0


@dataclass(frozen=True)
class Embedding:
    """Embedding distillation: from ``teachers`` (ONNX files or ``model:weights.safetensors``).

    ``loss``: ``regression`` (direction and batch geometry), ``template`` (PocketNet's), ``angular``
    (VarGFaceNet's). Several teachers are an ensemble. ``snapshots`` names the model and the run
    (``model:folder``) whose kept snapshot of epoch e supervises epoch e (multi-step KD).
    ``cached`` takes the embedding of the plain crop and its mirror image, computed once; otherwise
    the teacher sees what the student sees.
    """

    teachers: tuple[str, ...] = ()
    snapshots: str | None = None
    loss: str = "regression"
    weight: float = 1.0
    cached: bool = False


@dataclass(frozen=True)
class Osakd:
    """Online self-acquired knowledge distillation (distill/osakd.py)."""

    neighbours: int = 6
    weight: float = 1.0
    queue: int = 0
    include_self: bool = False
    divergence: str = "mse"
    warmup: float = 0.1


@dataclass(frozen=True)
class Validate:
    """LFW's protocol every ``steps`` steps."""

    images: str
    pairs: str
    steps: int


@dataclass(frozen=True)
class Recipe:
    """One run. ``batch`` counts all ranks; either ``steps`` or ``epochs`` is given.

    ``phases``: (share of the run at which the phase ends, input size in pixels). ``keep``:
    ``last``, or ``epochs`` to keep a snapshot after each epoch. ``generations`` > 1 repeats the
    run from its own result with a fresh optimiser and the next ``seed`` (recursive KD).
    ``device``: ``auto`` is ``cuda`` (under torchrun the rank's own GPU) where there is one.
    """

    model: str
    batch: int
    data: Data
    optimiser: Optimiser
    steps: int | None = None
    epochs: float | None = None
    seed: int = 1
    device: str = "auto"
    precision: str = "auto"
    phases: tuple[tuple[float, int], ...] = ()
    views: Reach = field(default_factory=Reach)
    degrade: Degrade = field(default_factory=Degrade)
    margin: Margin | None = None
    embedding: Embedding | None = None
    osakd: Osakd | None = None
    validate: Validate | None = None
    sync_batch_norm: bool = False
    start: str | None = None
    generations: int = 1
    checkpoint_steps: int = 100
    log_steps: int = 10
    keep: str = "last"


CHOICES = {
    ("Data", "kind"): ("folder", "shards", "record"),
    ("Optimiser", "schedule"): ("cosine", "steps"),
    ("Margin", "kind"): ("arcface", "cosface", "combined", "softmax"),
    ("Embedding", "loss"): ("regression", "template", "angular"),
    ("Osakd", "divergence"): ("mse", "kl"),
    ("Recipe", "device"): ("auto", "cpu", "cuda"),
    ("Recipe", "precision"): ("auto", "float32", "bfloat16"),
    ("Recipe", "keep"): ("last", "epochs"),
}


def read(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, an unknown or missing key, a value of the wrong type or range; the
            message names the file, the key and what was expected.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not TOML ({error})") from error
    try:
        return parse(table)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe in a TOML file's table.

    Raises:
        ValueError: as :func:`read`, without the file's name.
    """
    recipe: Recipe = _build(Recipe, table, "")
    _check(recipe)
    return recipe


def _build(kind: type, table: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ValueError(
            f"{where}{unknown[0]}: no such key; known here: {', '.join(sorted(fields))}"
        )
    needed = [
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    for name in needed:
        if name not in table:
            raise ValueError(f"{where}{name}: missing; every recipe needs it")
    values = {name: _value(hints[name], table[name], where + name) for name in table}
    for (owner, name), allowed in CHOICES.items():
        if owner == kind.__name__ and name in values and values[name] not in allowed:
            raise ValueError(
                f"{where}{name}: expected one of {', '.join(allowed)}, got {values[name]!r}"
            )
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        hint = next(arm for arm in typing.get_args(hint) if arm is not type(None))
        return _value(hint, value, where)
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected a table, got {value!r}")
        return _build(typing.cast("type", hint), value, f"{where}.")
    if origin is tuple:
        inner = typing.get_args(hint)
        if not isinstance(value, list):
            raise ValueError(f"{where}: expected a list, got {value!r}")
        arms = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
        if len(arms) != len(value):
            raise ValueError(f"{where}: expected {len(arms)} values, got {len(value)}")
        return tuple(_value(arm, item, where) for arm, item in zip(arms, value, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {value}")
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise ValueError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value


def _check(recipe: Recipe) -> None:
    if (recipe.steps is None) == (recipe.epochs is None):
        raise ValueError("steps, epochs: give exactly one of the two")
    for name in ("batch", "steps", "epochs", "generations", "checkpoint_steps", "log_steps"):
        value = getattr(recipe, name)
        if value is not None and value <= 0:
            raise ValueError(f"{name}: expected more than 0, got {value}")
    if recipe.optimiser.learning_rate <= 0:
        raise ValueError("optimiser.learning_rate: expected more than 0")
    if not (recipe.margin or recipe.embedding):
        raise ValueError("nothing to learn: give a [margin] or an [embedding] table, or both")
    if recipe.osakd and not recipe.margin:
        raise ValueError("osakd: needs a [margin] table, whose classes it softens")
    if recipe.osakd and recipe.margin and recipe.margin.sharded:
        raise ValueError(
            "osakd, margin.sharded: labels are softened over all centres, and no rank of a "
            "sharded head holds them all; set margin.sharded = false"
        )
    if recipe.margin and not 0 < recipe.margin.sampling <= 1:
        raise ValueError(f"margin.sampling: expected 0 to 1, got {recipe.margin.sampling}")
    if recipe.margin and recipe.margin.sampling < 1 and not recipe.margin.sharded:
        raise ValueError("margin.sampling: only a sharded head samples; set margin.sharded = true")
    if recipe.embedding:
        one = bool(recipe.embedding.teachers) != bool(recipe.embedding.snapshots)
        if not one:
            raise ValueError("embedding: give either teachers or snapshots")
        if recipe.embedding.cached and (recipe.views.compose or recipe.embedding.snapshots):
            raise ValueError(
                "embedding.cached: blends and snapshots have no embedding computed once; "
                "set cached = false, or views.compose = 0 and teachers"
            )
    ends = [share for share, _ in recipe.phases]
    if recipe.phases and (ends != sorted(ends) or ends[-1] != 1.0):
        raise ValueError(f"phases: shares must rise to 1.0, got {ends}")
