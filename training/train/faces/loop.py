"""The training loop: every run of the product is this page."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ...data import joined
from ...data.folder import Landmarks
from ...distill import views
from ...distill.multi_step import snapshot
from ...distill.residual import Watched
from ...models.layers import keep_statistics
from ...models.stored.checkpoint import shipped
from ...run import pictures, ranks, schedule, state
from ...run.accelerate import accelerate, keep_memory
from ...run.device import autocast, bfloat16, choose
from ...run.journal import Journal
from ...run.mean import Mean
from ...run.schedule import Length
from . import batches, outcome, plan, student, validate
from .objective import Objective, labeller
from .recipe import SHIPPED, Recipe


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    stop_at: int | None = None,
    landmarks: Landmarks | None = None,
) -> Path:
    """Runs ``recipe`` in ``out``, or resumes what stands there; says on stderr what it will do.

    Args:
        data: folder that the recipe's paths are relative to.
        stop_at: leave after this step, with a resume point (a quick look).
        landmarks: of the faces, where the folder's pictures are no aligned crops.

    Returns:
        The weights' path; that of the resume point where the run has not come to its end.

    Raises:
        FileNotFoundError, ValueError: the recipe, the data or a teacher is not what it should be;
            before the first step.
        FloatingPointError: the loss is not finite; the last good resume point is kept.
        state.CheckpointError: a resume point cannot be written or read.
    """
    if stop_at is not None and stop_at < 1:
        raise ValueError(f"the step to stop after: expected at least 1, got {stop_at}")
    weights = out / "model.safetensors"
    last = out / f"generation-{recipe.generations}" / weights.name
    if (weights if recipe.generations == 1 else last).exists():
        plan.show(iter([f"{out}: this run is through; give --out another folder to train anew"]))
    for generation in range(1, recipe.generations + 1):
        folder = out if recipe.generations == 1 else out / f"generation-{generation}"
        start = weights if generation > 1 else _start(recipe, data)
        weights = folder / "model.safetensors"
        if not weights.exists():
            # A generation that saw the views of the last again would learn them by heart.
            own = dataclasses.replace(recipe, seed=recipe.seed + generation - 1)
            _run(own, data, folder, start, stop_at, landmarks)
            ranks.barrier()
        if not weights.exists():
            return folder / state.LAST  # the next call goes on here
    return weights


def _start(recipe: Recipe, data: Path) -> Path | None:
    """The weights that the first generation starts from."""
    if recipe.start == SHIPPED:
        return shipped(recipe.model)
    return data / recipe.start if recipe.start else None


def _run(
    recipe: Recipe,
    data: Path,
    out: Path,
    start: Path | None,
    stop_at: int | None,
    landmarks: Landmarks | None,
) -> None:
    device = choose(recipe.device)
    if device.type == "cpu":
        keep_memory()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    faces = pictures.open_set(recipe.data, data, out, landmarks)
    length = joined.length(faces.weights)
    if recipe.margin and faces.classes == 1:
        raise ValueError(
            "margin: the set has one person only, and nobody to tell that one from; add a folder "
            "of another person, or give an [embedding] table alone"
        )
    if recipe.margin and faces.classes == len(faces.labels):
        raise ValueError(
            "margin: every picture of the set is a person of its own, so there is nobody to tell "
            "apart; give a list with a column identity, or an [embedding] table alone"
        )
    total = recipe.steps
    if recipe.epochs:
        total = round(recipe.epochs * length / recipe.batch)
    if total is None and ranks.world() > 1:
        raise ValueError("minutes: ranks have clocks of their own; give steps or epochs")
    entry = student.entry(recipe)
    model = entry.make()
    if start is not None:
        student.begin(model, start)
    if recipe.sync_batch_norm:
        model = ranks.synchronised(model, device)
    # Drawn on the host and moved: a seed starts from the same weights and centres on any device.
    model = accelerate(model.to(device)).train()
    if recipe.keep_statistics:
        keep_statistics(model)
    plan.show(plan.plan(recipe, faces, model, out, total, device))
    teachers = labeller(recipe, entry.embedding, data, out, faces, total, device)
    objective = Objective(recipe, entry.embedding, faces.classes, teachers).to(device)
    called = student.watched(recipe, model, objective.tap)
    # Of the network that is called; it holds the model, and what fits its stages to a teacher's.
    optimiser = torch.optim.SGD(
        [*called.parameters(), *objective.parameters()],
        lr=0.0,
        momentum=recipe.optimiser.momentum,
        weight_decay=recipe.optimiser.weight_decay,
        nesterov=recipe.optimiser.nesterov,
    )
    parts: dict[str, Any] = {"model": model, "objective": objective, "optimiser": optimiser}
    if isinstance(called, Watched):
        parts["fits"] = called.fits
    mean = Mean(model, recipe.mean) if recipe.mean else None
    if mean:
        parts["mean"] = mean
    final = mean.model if mean else model
    step, spent = _resume(out, parts)
    if step:
        plan.show(iter([f"goes on:  after step {step}, from {out / state.LAST}"]))
    compiled: Any = torch.compile(called, dynamic=False) if recipe.compiled else called
    network = ranks.parallel(compiled)
    journal = Journal(out, step) if ranks.rank() == 0 else None
    judge = validate.Judge(recipe, data, out) if recipe.validate and ranks.rank() == 0 else None
    half = bfloat16(recipe.precision, device)
    run = Length(total, recipe.minutes, spent)
    stop = min(run.last, stop_at or run.last)
    source = _source(recipe, faces, step, stop, device)
    logged, began = step, time.monotonic()
    clock = plan.Clock(total, recipe.minutes)
    for batch in (rows.to(device) for rows in source):
        progress, epoch = run.progress(step), step * recipe.batch / length
        draws = views.draw(recipe.batch, recipe.seed, step)[ranks.share(recipe.batch)]
        there = draws.to(device, non_blocking=True)
        whole = views.make(batch.first, batch.second, there, recipe.views)
        size = schedule.input_size(recipe.phases, progress, recipe.data.size)
        small = student.shown(recipe, whole, step, size)
        rate = schedule.learning_rate(recipe.optimiser, progress, epoch)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with autocast(device, enabled=half):
            outputs = network(small)
        terms = objective(outputs, batch, whole, draws, step, progress)
        loss = sum(value for name, value in terms.items() if not name.startswith("agreement"))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimiser.clip)
        over = step + 1 == stop or run.over(step + 1)
        log, keep = (
            over or (step + 1) % n == 0 for n in (recipe.log_steps, recipe.checkpoint_steps)
        )
        # A GPU that has to tell its loss at every step idles until the host has asked for the next.
        if (device.type == "cpu" or log or keep) and not torch.isfinite(loss):
            raise FloatingPointError(
                f"loss is {loss.item()} at step {step}; {out / state.LAST} keeps the last good "
                "state: lower optimiser.learning_rate in the recipe and start again"
            )
        optimiser.step()
        step += 1
        if mean:
            mean.follow(model)
        if line := clock.tick(step):
            plan.show(iter([line]))
        if journal and log:
            now = time.monotonic()
            speed = (step - logged) * recipe.batch / (now - began)
            logged, began = step, now
            values = {name: value.item() for name, value in terms.items()}
            journal.add(step, {"loss": loss.item(), **values, "rate": rate, "images/s": speed})
        if keep:
            _save(out, parts, step, run.seconds)
        ended = over and run.over(step)
        if judge and (step % judge.every == 0 or ended):
            judge(final, step)
        if journal and recipe.keep == "epochs":
            for done in _ended(recipe, step, ended, length):
                state.save_weights(snapshot(out, done), final)
        if over:
            break
    if journal:
        journal.close(f"{recipe.model}, seed {recipe.seed}")
    if run.over(step) and ranks.rank() == 0:
        outcome.write(out, final, recipe, data, faces, judge.scores if judge else [])


def _ended(recipe: Recipe, step: int, ended: bool, length: int) -> range:
    """The epochs, counted from 1, that end with ``step``.

    The run's end ends its last epoch, also where whole batches leave some of it over.
    """
    before, after = ((step - late) * recipe.batch / length for late in (1, 0))
    return range(int(before) + 1, (math.ceil(after) if ended else int(after)) + 1)


def _source(
    recipe: Recipe, faces: pictures.Pictures, step: int, stop: int, device: torch.device
) -> Iterator[batches.Batch]:
    pairs = recipe.views.compose > 0
    common = (faces, recipe.batch, recipe.seed, step, stop)
    if recipe.data.resident:
        return batches.resident(*common, pairs=pairs, device=device)
    return batches.batches(
        *common, pairs=pairs, workers=recipe.data.workers,
        options=recipe.degrade, pin=device.type == "cuda", together=recipe.together,
    )  # fmt: skip


def _resume(out: Path, parts: dict[str, Any]) -> tuple[int, float]:
    """Steps done, and the seconds that they took."""
    stored = state.load(out)
    if stored is None:
        return 0, 0.0
    with state.fitting(out):
        parts["objective"].scatter(stored)
        for name, part in parts.items():
            part.load_state_dict(stored[name])
        return int(stored["step"]), float(stored.get("seconds", 0.0))


def _save(out: Path, parts: dict[str, Any], step: int, seconds: float) -> None:
    stored = {name: part.state_dict() for name, part in parts.items()}
    stored |= {"step": step, "seconds": seconds}
    parts["objective"].gather(stored)
    if ranks.rank() == 0:
        state.save(out, stored)
