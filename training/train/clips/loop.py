"""The training loop of clips: every run of a fold is this page."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from ...data.clips.opened import open_sets
from ...run import ranks, schedule, state
from ...run.accelerate import accelerate, keep_memory
from ...run.device import autocast, bfloat16, choose
from ...run.journal import Journal
from ...run.mean import Mean
from ...run.schedule import Length
from . import batches, made, outcome, plan, validate
from .objective import Objective
from .recipe import Recipe

SEEDS = 1_000_003
"""Distance of the dropout's random numbers of two seeds, in steps."""


def train(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Runs ``recipe`` in ``out``, a folder a fold, or resumes what stands there.

    Args:
        data: folder that the recipe's paths are relative to.
        stop_at: leave after this step (of the fold under way), with a resume point.

    Returns:
        The last weights' path; that of the resume point where the run has not come to its end.

    Raises:
        FileNotFoundError, ValueError: the recipe, the data or a teacher is not what it should be;
            before the first step.
        FloatingPointError: the loss is not finite; the last good resume point is kept.
        state.CheckpointError: a resume point cannot be written or read.
    """
    if stop_at is not None and stop_at < 1:
        raise ValueError(f"the step to stop after: expected at least 1, got {stop_at}")
    if ranks.world() > 1:
        raise ValueError("clips are trained by one process; run one fold on each machine instead")
    weights = out / "model.safetensors"
    folds = range(1, recipe.data.folds + 1) if recipe.data.folds else (None,)
    for fold in folds if recipe.fold is None else (recipe.fold,):
        folder = out if fold is None else out / f"fold-{fold}"
        weights = folder / "model.safetensors"
        if not weights.exists():
            _run(dataclasses.replace(recipe, fold=fold), data, folder, stop_at)
        if not weights.exists():
            return folder / state.LAST  # the next call goes on here
    if recipe.fold is None:
        print(outcome.summary(out, recipe.model), file=sys.stderr, flush=True)
    return weights


def _run(recipe: Recipe, data: Path, out: Path, stop_at: int | None) -> None:
    device = choose(recipe.device)
    if device.type == "cpu":
        keep_memory()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    options = recipe.data
    sets = open_sets(options, data, (recipe.fold or 1) - 1)
    each = len(sets.train) / recipe.batch
    total = round(recipe.epochs * each) if recipe.epochs else recipe.steps
    entry = made.entry(recipe, len(sets.train.names))
    model, start = made.network(recipe, entry, data)
    teachers = [
        made.Teacher(run, sets.train, sets.test, options.frames, device)
        for run in _teachers(recipe, data)
    ]
    _check_flow(recipe, max(part.channels for part in (model, *teachers)))
    plan.show(recipe, entry, model, sets, total, start, out)
    accelerate(model.to(device)).train()
    objective = Objective(recipe, teachers)
    optimiser = _optimiser(recipe, model)
    parts: dict[str, Any] = {"model": model, "optimiser": optimiser}
    mean = Mean(model, recipe.mean) if recipe.mean else None
    if mean:
        parts["mean"] = mean
    plateau = None
    if recipe.optimiser.schedule == "plateau":
        plateau = parts["plateau"] = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimiser, "max", recipe.optimiser.factor, recipe.optimiser.patience,
            recipe.optimiser.threshold, "abs",
        )  # fmt: skip
    final = cast(made.Network, mean.model) if mean else model
    step, spent = state.resume(out, parts)
    if step:
        print(f"goes on: after step {step}, from {out / state.LAST}", file=sys.stderr)
    half = bfloat16(recipe.precision, device)
    size = max([options.size, *(teacher.size for teacher in teachers)])
    drawn = batches.Drawn(
        sets.train, options.frames, options.stride, size, recipe.views, recipe.seed
    )
    run = Length(total, recipe.minutes, spent)
    stop = min(run.last, stop_at or run.last)
    journal = Journal(out, step)
    logged, began = step, time.monotonic()
    pin = device.type == "cuda"
    for batch in batches.batches(drawn, recipe.batch, step, stop, options.workers, pin):
        clips = batch.clips.to(device, non_blocking=True)
        labels = batch.labels.to(device, non_blocking=True)
        if plateau is None:
            rate = schedule.learning_rate(_cosine(recipe), run.progress(step), step / each)
            for group in optimiser.param_groups:
                group["lr"] = rate
        torch.manual_seed(recipe.seed * SEEDS + step)  # dropout is the same after a resume
        with autocast(device, enabled=half):
            found = model(model.scale(made.sized(clips, options.size)))
            terms = objective(found, labels, clips)
        loss = torch.stack([value for name, value in terms.items() if name != "right"]).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimiser.clip)
        over = step + 1 == stop or run.over(step + 1)
        log, keep = (
            over or (step + 1) % n == 0 for n in (recipe.log_steps, recipe.checkpoint_steps)
        )
        if (device.type == "cpu" or log or keep) and not torch.isfinite(loss):
            raise FloatingPointError(
                f"loss is {loss.item()} at step {step}; {out / state.LAST} keeps the last good "
                "state: lower optimiser.learning_rate in the recipe and start again"
            )
        optimiser.step()
        step += 1
        if mean:
            mean.follow(model)
        if log:
            now = time.monotonic()
            speed = (step - logged) * recipe.batch / (now - began)
            logged, began = step, now
            values = {name: value.item() for name, value in terms.items()}
            rate = optimiser.param_groups[0]["lr"]
            journal.add(step, {"loss": loss.item(), **values, "rate": rate, "clips/s": speed})
        if validate.due(recipe, step, each):
            judges = sets.choose or sets.test
            accuracy = validate.note(out, recipe, final, judges, step, device, half)
            if plateau:
                plateau.step(accuracy)
        if keep:
            state.save(
                out,
                {name: part.state_dict() for name, part in parts.items()}
                | {"step": step, "seconds": run.seconds},
            )
        if over:
            break
    journal.close(f"{recipe.model}, seed {recipe.seed}")
    if run.over(step):
        videos = validate.judge(recipe, final, sets.test, recipe.test.windows, device, half)
        outcome.write(out, final, recipe, entry, sets, videos, start)


def _teachers(recipe: Recipe, data: Path) -> list[Path]:
    runs = [data / name for name in recipe.distill.teachers] if recipe.distill else []
    return [run / f"fold-{recipe.fold}" if recipe.fold else run for run in runs]


def _check_flow(recipe: Recipe, channels: int) -> None:
    if channels > 3 and recipe.data.flow is None:
        raise ValueError("data.flow: missing; the network or a teacher sees optical flow")


def _optimiser(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    options, weights = recipe.optimiser, model.parameters()
    rate, decay = options.learning_rate, options.weight_decay
    if options.kind == "sgd":
        return torch.optim.SGD(
            weights, rate, options.momentum, weight_decay=decay, nesterov=options.momentum > 0
        )
    kind = torch.optim.AdamW if options.kind == "adamw" else torch.optim.Adam
    return kind(weights, rate, weight_decay=decay)


def _cosine(recipe: Recipe) -> schedule.Optimiser:
    return schedule.Optimiser(recipe.optimiser.learning_rate, warmup=recipe.optimiser.warmup)
