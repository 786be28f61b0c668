"""Recipes: what a TOML file may say about a training run, checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.degrade import Degrade
from ...data.far import Far
from ...distill.views import Reach
from ...run import pictures, tables
from ...run.pictures import Data
from ...run.schedule import Optimiser


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
    """Embedding distillation: from ``teachers`` (ONNX files, ``model:weights.safetensors``, or
    names of shipped models, whose compiled form teaches).

    ``loss``: ``regression`` (direction and batch geometry), ``template`` (PocketNet's), ``angular``
    (VarGFaceNet's). Several teachers are an ensemble. ``snapshots`` names the model and the run
    (``model:folder``) whose kept snapshot of epoch e supervises epoch e (multi-step KD).
    ``cached`` takes the embedding of the plain crop and its mirror image, computed once; otherwise
    the teacher sees what the student sees. ``directions`` names the projection to a smaller
    student (a ``.npy`` of ``distill.teacher.basis``, or ``shipped``: that of the shipped
    weights), so that runs on several sets have one; without it the set's own is computed.
    ``labels``: a folder, from the working directory, in which a live teacher's targets of every
    step stay, for other runs of the same pictures, views and seed. ``memory``: how many of the
    teacher's embeddings are remembered for the terms of ``losses/memory.py``, ``relation`` and
    ``impostors`` their weights, ``hardest`` the faces of a row that the second looks at.
    """

    teachers: tuple[str, ...] = ()
    snapshots: str | None = None
    loss: str = "regression"
    weight: float = 1.0
    cached: bool = False
    directions: str | None = None
    labels: str | None = None
    memory: int = 0
    relation: float = 0.0
    impostors: float = 0.0
    hardest: int = 32


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
class Residual:
    """A student and an assistant, whose sum is the network (distill/residual.py).

    ``assistant``: a registered network, which may be the student's own. Weights: ``student`` of the
    student's squared error, ``final`` of the assistant's, ``stages`` of both of theirs at the
    teacher's stages, ``joint`` of the loss of [embedding] taken of the sum; embedding.weight is
    that of the same loss of the student alone. RIM's form is embedding.weight = 0, joint = 0.
    """

    assistant: str
    student: float = 1.0
    final: float = 1.0
    stages: float = 1.0
    joint: float = 0.0


@dataclass(frozen=True)
class Octuplet:
    """Triplets of sharp and far views (losses/octuplet.py)."""

    margin: float = 0.5
    weight: float = 1.0


@dataclass(frozen=True)
class Validate:
    """LFW's protocol every ``steps`` steps."""

    images: str
    pairs: str
    steps: int


@dataclass(frozen=True)
class Recipe:
    """One run. ``batch`` counts all ranks; one of ``steps``, ``epochs``, ``minutes`` is given.

    ``model``: a registered name, or the ``.json`` file of an architecture that a search found.

    ``phases``: (share of the run at which the phase ends, input size in pixels). ``keep``:
    ``last``, or ``epochs`` to keep a snapshot after each epoch. ``generations`` > 1 repeats the
    run from its own result with a fresh optimiser and the next ``seed`` (recursive KD).
    ``device``: ``auto`` is ``cuda`` (under torchrun the rank's own GPU) where there is one.
    ``compiled``: student and ONNX teachers through TorchInductor, which fuses what lies between
    convolutions; it takes a minute or two before the first step.
    ``mean``: decay of the moving average of the weights, such as 0.999, which is then what a run
    ends with and is validated by; 0 for the weights themselves.
    ``together``: pictures of a person come in groups of so many, where there are as many.
    ``far``: what the student alone is shown of views (data/far/); the teacher sees them sharp.
    ``keep_statistics``: batch norms keep those of ``start``, for small sets (models/layers.py).
    ``start``: weights to start from, a file below --data or ``shipped`` for those of the model that
    the installation brings.
    """

    model: str
    batch: int
    data: Data
    optimiser: Optimiser
    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    seed: int = 1
    device: str = "auto"
    precision: str = "auto"
    compiled: bool = False
    phases: tuple[tuple[float, int], ...] = ()
    views: Reach = field(default_factory=Reach)
    degrade: Degrade = field(default_factory=Degrade)
    far: Far = field(default_factory=Far)
    together: int = 1
    margin: Margin | None = None
    embedding: Embedding | None = None
    residual: Residual | None = None
    octuplet: Octuplet | None = None
    osakd: Osakd | None = None
    validate: Validate | None = None
    mean: float = 0.0
    sync_batch_norm: bool = False
    start: str | None = None
    keep_statistics: bool = False
    generations: int = 1
    checkpoint_steps: int = 100
    log_steps: int = 10
    keep: str = "last"
    task: str = "faces"


CHOICES = {
    **pictures.CHOICES,
    ("Optimiser", "schedule"): ("cosine", "steps"),
    ("Margin", "kind"): ("arcface", "cosface", "combined", "softmax"),
    ("Embedding", "loss"): ("regression", "template", "angular"),
    ("Osakd", "divergence"): ("mse", "kl"),
    ("Recipe", "task"): ("faces",),
    ("Recipe", "device"): ("auto", "cpu", "cuda"),
    ("Recipe", "precision"): ("auto", "float32", "bfloat16"),
    ("Recipe", "keep"): ("last", "epochs"),
}


SHIPPED = "shipped"


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
    """The recipe in a TOML file's table.

    Raises:
        ValueError: as :func:`read`, without the file's name.
    """
    recipe = tables.build(Recipe, table, CHOICES)
    _check(recipe)
    return recipe


def asked_live(recipe: Recipe) -> bool:
    """Whether teachers give targets of each step's views, and nothing else, which can be kept."""
    options, residual = recipe.embedding, recipe.residual
    stages = residual is not None and bool(residual.stages)
    return options is not None and bool(options.teachers) and not options.cached and not stages


def _check(recipe: Recipe) -> None:
    tables.check_length(recipe)
    counts = ("batch", "together", "generations", "checkpoint_steps", "log_steps")
    tables.check_positive(recipe, (*tables.LENGTHS, *counts))
    if recipe.keep_statistics and recipe.start is None:
        raise ValueError("keep_statistics: random weights have none; give start, or set it false")
    if recipe.optimiser.learning_rate <= 0:
        raise ValueError("optimiser.learning_rate: expected more than 0")
    if not (recipe.margin or recipe.embedding or recipe.octuplet):
        raise ValueError(
            "nothing to learn: give a [margin], an [embedding] or an [octuplet] table, or several"
        )
    _check_far(recipe)
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
        wants = recipe.embedding.relation or recipe.embedding.impostors
        if bool(recipe.embedding.memory) != bool(wants):
            raise ValueError(
                "embedding.memory: goes with a weight of embedding.relation or "
                "embedding.impostors, and they with it"
            )
        if recipe.embedding.memory < 0 or recipe.embedding.hardest < 1:
            raise ValueError("embedding: expected memory of 0 or more, hardest of 1 or more")
        if recipe.embedding.labels and not asked_live(recipe):
            raise ValueError(
                "embedding.labels: only targets of teachers that are asked live, and for nothing "
                "else, can be kept; leave it out"
            )
        if recipe.embedding.cached and (recipe.views.compose or recipe.embedding.snapshots):
            raise ValueError(
                "embedding.cached: blends and snapshots have no embedding computed once; "
                "set cached = false, or views.compose = 0 and teachers"
            )
    if recipe.minutes and recipe.embedding and recipe.embedding.snapshots:
        raise ValueError(
            "minutes, embedding.snapshots: a run by the clock has no known number of epochs; "
            "give steps or epochs"
        )
    if recipe.data.resident and (not recipe.data.cache or recipe.degrade.active):
        raise ValueError(
            "data.resident: needs data.cache = true and no [degrade] table, which works on "
            "single pictures of the host"
        )
    if not 0 <= recipe.mean < 1:
        raise ValueError(f"mean: expected a decay from 0 to below 1, got {recipe.mean}")
    ends = [share for share, _ in recipe.phases]
    if recipe.phases and (ends != sorted(ends) or ends[-1] != 1.0):
        raise ValueError(f"phases: shares must rise to 1.0, got {ends}")


def _check_far(recipe: Recipe) -> None:
    if recipe.octuplet and not recipe.far.share:
        raise ValueError("octuplet: needs a [far] table with a share, whose views it compares")
    if recipe.octuplet and recipe.octuplet.margin <= 0:
        raise ValueError(f"octuplet.margin: expected more than 0, got {recipe.octuplet.margin}")
    if recipe.together > 1 and recipe.data.resident:
        raise ValueError("together: not with data.resident, which draws singly")
    options = recipe.residual
    if options is None:
        return
    if recipe.embedding is None:
        raise ValueError("residual: needs an [embedding] table, whose teacher it learns from")
    if recipe.compiled:
        raise ValueError("residual: set compiled = false; student and assistant are called apart")
    weights = (options.student, options.final, options.stages, options.joint)
    if min(weights) < 0 or options.final + options.stages + options.joint == 0:
        raise ValueError(
            "residual: expected weights of 0 or more, one of final, stages and joint above it: "
            f"the assistant would learn nothing, got {weights}"
        )
    if options.stages and (recipe.embedding.cached or len(recipe.embedding.teachers) != 1):
        raise ValueError(
            "residual.stages: needs one teacher, asked live (cached = false), for its maps; or set "
            "residual.stages = 0"
        )
