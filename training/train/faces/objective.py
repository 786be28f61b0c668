"""The loss of a recipe: identities by margin, a teacher's embedding, neighbours' soft labels."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...data import joined
from ...distill import osakd, parts, residual, teacher, views
from ...distill.kept import Kept
from ...distill.multi_step import MultiStep
from ...distill.template import angular, template
from ...losses.embedding import embedding_regression
from ...losses.margin import Margin, MarginHead
from ...losses.memory import Memory, impostors, relation
from ...losses.octuplet import octuplet
from ...losses.partial_fc import PartialFC
from ...models.stored.checkpoint import shipped_directions
from ...models.stored.describe import digest
from ...run import ranks
from ...run.device import CPU
from ...run.pictures import Pictures
from .batches import Batch
from .recipe import SHIPPED, Embedding, Recipe

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "regression": embedding_regression,
    "template": template,
    "angular": angular,
}


class Objective(nn.Module):
    """Terms of the loss by name; class centres are its parameters.

    Args:
        labeller: gives the teacher's unit targets (B, D) of this rank's rows, on any device.
    """

    def __init__(self, recipe: Recipe, embedding: int, classes: int, labeller: Labeller | None):
        super().__init__()
        self.recipe, self.labeller, self.classes = recipe, labeller, classes
        self.tap = labeller.tap if isinstance(labeller, Live) else None
        self.head: nn.Module | None = None
        if recipe.margin is not None:
            self.head = _head(recipe, embedding, classes)
        self.queue = osakd.Queue(recipe.osakd.queue) if recipe.osakd else None
        remembered = recipe.embedding.memory if recipe.embedding else 0
        self.memory = Memory(remembered, embedding) if remembered else None

    def forward(
        self,
        outputs: Tensor | residual.Outputs,
        batch: Batch,
        whole: Tensor,
        draws: Tensor,
        step: int,
        progress: float,
    ) -> dict[str, Tensor]:
        """Weighted scalars whose sum is the loss of the whole batch, the same on every rank.

        ``outputs``: embeddings (B, D), with octuplets (2 B, D), the sharp views' first; or those of
        a student and its assistant. Names that begin with "agreement" are cosines to the teacher,
        and no part of the loss.
        All are on one device but ``draws`` and ``batch.indices``, which look things up on the host.
        ``progress`` is the share of the run, for the terms that come in slowly.
        """
        recipe = self.recipe
        terms: dict[str, Tensor] = {}
        split = outputs if isinstance(outputs, residual.Outputs) else None
        embedding = outputs if isinstance(outputs, Tensor) else outputs.student + outputs.assistant
        sharp: Tensor | None = None
        if recipe.octuplet is not None:
            sharp, embedding = embedding.chunk(2)
        everyone, labels = ranks.gathered(embedding.float()), ranks.gathered(batch.labels)
        if recipe.margin is not None and self.head is not None:
            if isinstance(self.head, PartialFC):
                terms["margin"] = recipe.margin.weight * self.head(embedding, batch.labels)
            else:
                terms["margin"] = recipe.margin.weight * self.head(everyone, labels)
        if recipe.embedding is not None and self.labeller is not None:
            found = self.labeller(batch, whole, draws, step)
            target = ranks.gathered(found.to(everyone.device, non_blocking=True))
            learner = (
                everyone if split is None else ranks.gathered(self._far(split.student.float()))
            )
            loss = LOSSES[recipe.embedding.loss](learner, target)
            terms["embedding"] = recipe.embedding.weight * loss
            terms |= self._remembered(recipe.embedding, everyone, target)
            if split is not None:
                terms |= self._residual(split, learner, everyone, target)
            with torch.no_grad():
                terms["agreement"] = F.cosine_similarity(everyone, target).mean()
        if recipe.octuplet is not None and sharp is not None:
            loss = octuplet(ranks.gathered(sharp.float()), everyone, labels, recipe.octuplet.margin)
            terms["octuplet"] = recipe.octuplet.weight * loss
        if recipe.osakd is not None:
            terms["osakd"] = self._neighbours(everyone, labels, progress)
        return terms

    def _far(self, rows: Tensor) -> Tensor:
        return rows if self.recipe.octuplet is None else rows.chunk(2)[1]

    def _residual(
        self, split: residual.Outputs, learner: Tensor, everyone: Tensor, target: Tensor
    ) -> dict[str, Tensor]:
        options, taught = self.recipe.residual, self.recipe.embedding
        assert options is not None and taught is not None
        student, assistant = residual.final(learner, everyone - learner, target)
        terms = {"student": options.student * student, "assistant": options.final * assistant}
        if self.tap is not None:
            # Of this rank's rows; the mean over ranks is that of the batch.
            maps = self.tap.taken()
            own, added = ([self._far(rows) for rows in part] for part in split[2:])
            first, second = residual.stages(own, added, maps)
            terms["stages"] = options.stages * (first + second)
        if options.joint:
            terms["joint"] = options.joint * LOSSES[taught.loss](everyone, target)
        with torch.no_grad():
            terms["agreement of student"] = F.cosine_similarity(learner, target).mean()
        return terms

    def gather(self, stored: dict[str, Any]) -> None:
        """Puts whole tables in place of this rank's shards in a resume point; collective."""
        self._replace(stored, lambda head, rows: head.whole(rows))

    def scatter(self, stored: dict[str, Any]) -> None:
        """The reverse: this rank's shards in place of whole tables."""
        self._replace(stored, lambda head, rows: head.shard(rows))

    def _replace(
        self, stored: dict[str, Any], change: Callable[[PartialFC, Tensor], Tensor]
    ) -> None:
        if not isinstance(self.head, PartialFC):
            return
        stored["objective"]["head.weight"] = change(self.head, stored["objective"]["head.weight"])
        # The centres are the optimiser's last parameter.
        known, last = (
            stored["optimiser"]["state"],
            stored["optimiser"]["param_groups"][0]["params"][-1],
        )
        if last in known:  # SGD without momentum keeps nothing
            momentum = change(self.head, known[last]["momentum_buffer"])
            known[last] = known[last] | {"momentum_buffer": momentum}

    def _remembered(
        self, options: Embedding, everyone: Tensor, target: Tensor
    ) -> dict[str, Tensor]:
        if self.memory is None:
            return {}
        known = self.memory.rows
        terms = {
            "relation": options.relation * relation(everyone, target, known),
            "impostors": options.impostors * impostors(everyone, target, known, options.hardest),
        }
        self.memory.push(target)
        return terms

    def _neighbours(self, everyone: Tensor, labels: Tensor, progress: float) -> Tensor:
        options, queue = self.recipe.osakd, self.queue
        assert options is not None and queue is not None and isinstance(self.head, MarginHead)
        queue.to(everyone.device)  # a resume point leaves it on the host
        logits = self.head.logits(everyone)
        shares = osakd.soft_labels(
            everyone, labels, self.classes, options.neighbours, queue.bank,
            include_self=options.include_self,
        )  # fmt: skip
        if options.queue:
            queue.push(everyone, labels)
        weight = options.weight * min(1.0, progress / options.warmup if options.warmup else 1.0)
        return weight * osakd.divergence(logits, shares, options.divergence)


def _head(recipe: Recipe, embedding: int, classes: int) -> nn.Module:
    options = recipe.margin
    assert options is not None
    known: dict[str, Callable[..., Margin]] = {
        "arcface": Margin.arcface, "cosface": Margin.cosface, "softmax": Margin.softmax,
    }  # fmt: skip
    if options.kind == "combined":
        if options.margins is None:
            raise ValueError("margin.margins: kind = 'combined' needs its three numbers m1, m2, m3")
        margin = Margin(*options.margins, scale=options.scale)
    else:
        margin = known[options.kind](scale=options.scale)
    if options.sharded:
        return PartialFC(embedding, classes, margin, sampling=options.sampling)
    return MarginHead(embedding, classes, margin)


Labeller = Callable[[Batch, Tensor, Tensor, int], Tensor]
"""Unit targets float32 (B, size) of a batch, its whole views, its draws and the step."""


def labeller(
    recipe: Recipe,
    embedding: int,
    data: Path,
    out: Path,
    faces: Pictures,
    steps: int | None,
    device: torch.device = CPU,
) -> Labeller | None:
    """The labeller of a recipe's [embedding] table, its teachers on ``device``; None without one.

    A student whose embedding is smaller than the teacher's takes the directions that keep most of
    the teacher's inner products on the set's plain crops, embedded once into ``out/teacher.npy``,
    in parts that stay where the run is interrupted.
    """
    options = recipe.embedding
    if options is None:
        return None
    if options.snapshots:
        assert steps is not None  # recipes by the clock take no snapshots
        per_epoch = joined.length(faces.weights) / recipe.batch
        staged = MultiStep(options.snapshots, data, math.ceil(steps / per_epoch), device)
        return lambda batch, whole, draws, step: staged(_pixels(whole), int(step / per_epoch))
    compiled = recipe.compiled and not options.cached
    teachers = [teacher.open_teacher(name, data, device, compiled) for name in options.teachers]
    directions: np.ndarray | None = None
    wide = teacher.width(teachers)
    if options.directions:
        shipped = options.directions == SHIPPED
        file = shipped_directions() if shipped else data / options.directions
        directions = teacher.directions(file, wide, embedding)
    if options.cached or (directions is None and wide != embedding):
        cache = out / "teacher.npy"
        ranks.once(cache, lambda: parts.embed(teachers, faces.crops(), cache))
        known = teacher.embedded(cache, len(faces.labels))
        parts.check(teachers, faces.crops(), known, cache)
        if directions is None:
            directions = teacher.basis(known, embedding)
        if options.cached:
            plain = teacher.project(torch.from_numpy(known), torch.from_numpy(directions))
            return lambda batch, whole, draws, step: plain[
                views.mirrored(draws, recipe.views).long(), batch.indices
            ]
    along = None if directions is None else torch.from_numpy(directions).to(device)

    tap = None
    if recipe.residual is not None and recipe.residual.stages:
        tap = residual.Tap(residual.network_of(teachers[0]), recipe.data.size, copy=True)
    kept = None
    if options.labels:
        shape = recipe.batch // ranks.world(), embedding
        depends = _depends(recipe, data, len(faces.labels), directions)
        kept = Kept(Path(options.labels), depends, shape)
    return Live(teachers, along, tap, device, kept)


def _depends(
    recipe: Recipe, data: Path, pictures: int, directions: np.ndarray | None
) -> dict[str, Any]:
    """All that the targets of a step depend on, but for the step."""
    assert recipe.embedding is not None
    files = [data / name for name in recipe.embedding.teachers]
    names = ("seed", "batch", "data", "views", "degrade", "together")
    values = {name: getattr(recipe, name) for name in names}
    values |= {"rank": ranks.rank(), "ranks": ranks.world(), "pictures": pictures}
    values |= {"teachers": recipe.embedding.teachers, "directions": directions}
    values["files"] = [digest(path) for path in files if path.is_file()]
    found: dict[str, Any] = json.loads(json.dumps(values, default=_plain))
    return found


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()


class Live:
    """Asks teachers about each batch, or takes what is ``kept`` of it; ``tap`` has the maps of the
    last one's stages."""

    def __init__(
        self,
        teachers: list[teacher.Embedder],
        along: Tensor | None,
        tap: residual.Tap | None,
        device: torch.device,
        kept: Kept | None = None,
    ):
        self.teachers, self.along, self.tap, self.device = teachers, along, tap, device
        self.kept = kept

    def __call__(self, batch: Batch, whole: Tensor, draws: Tensor, step: int) -> Tensor:
        if self.kept is None:
            return self._ask(whole)
        return self.kept(step, lambda: self._ask(whole)).to(self.device)

    def _ask(self, whole: Tensor) -> Tensor:
        with self.tap or contextlib.nullcontext():
            found = teacher.ensemble(self.teachers, _pixels(whole))
        if self.along is None:
            return found
        return teacher.project(found.to(self.device), self.along)


def _pixels(views_: Tensor) -> Tensor:
    return views_ * 127.5 + 127.5
