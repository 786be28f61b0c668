"""The training loop of detectors: every run is this page."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, cast

import torch

from ... import models
from ...data.detect import read
from ...models.detector import FaceFinder, cells, flat
from ...models.registry import DETECTION
from ...run import ranks, schedule, state
from ...run.accelerate import accelerate, keep_memory
from ...run.device import autocast, bfloat16, choose
from ...run.journal import Journal
from ...run.mean import Mean
from ...run.schedule import Length
from . import batches, outcome
from .objective import Objective
from .recipe import Recipe
from .validate import Judge


def train(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Runs ``recipe`` in ``out``, or resumes what stands there.

    Args:
        data: folder that the recipe's paths are relative to.
        stop_at: leave after this step, with a resume point.

    Returns:
        ``out/model.safetensors``; or the resume point of a run that has not come to its end.

    Raises:
        FileNotFoundError, ValueError: the recipe, the data or the teacher is not what it should be;
            before the first step.
        FloatingPointError: the loss is not finite; the last good resume point is kept.
        state.CheckpointError: a resume point cannot be written or read.
    """
    if stop_at is not None and stop_at < 1:
        raise ValueError(f"the step to stop after: expected at least 1, got {stop_at}")
    if ranks.world() > 1:
        raise ValueError("detectors are trained by one process; start it without torchrun")
    done = out / "model.safetensors"
    if done.exists():
        return done
    out.mkdir(parents=True, exist_ok=True)
    device = choose(recipe.device)
    if device.type == "cpu":
        keep_memory()
    torch.manual_seed(recipe.seed)
    entry = models.entry(recipe.model)
    if entry.task != DETECTION:
        raise ValueError(
            f"model: {recipe.model} is a network for {entry.task}, not for {DETECTION}; those are "
            f"{', '.join(models.names(DETECTION))}"
        )
    height, width = entry.shape[1:]
    learnt, kept = read(data / recipe.data.root).parted()
    made = cast(FaceFinder, entry.make())
    if recipe.start:
        state.load_weights(data / recipe.start, made)
    model = cast(FaceFinder, accelerate(made.to(device)).train())
    where = cells(height, width).to(device)
    objective = Objective(recipe, where, data)
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=recipe.optimiser.weight_decay)
    parts: dict[str, Any] = {"model": model, "optimiser": optimiser}
    mean = Mean(model, recipe.mean) if recipe.mean else None
    if mean:
        parts["mean"] = mean
    final = cast(FaceFinder, mean.model) if mean else model
    step, spent = state.resume(out, parts)
    each = len(learnt) / recipe.batch
    total = round(recipe.epochs * each) if recipe.epochs else recipe.steps
    print(
        f"pictures: {len(learnt)} to learn from, {len(kept)} to judge by; {recipe.model}, "
        f"{sum(value.numel() for value in model.parameters()):,} parameters; after step {step}",
        file=sys.stderr, flush=True,
    )  # fmt: skip
    judge = Judge(kept, out, height, width)
    drawn = batches.Drawn(recipe, learnt, data, out, (height, width))
    half = bfloat16(recipe.precision, device)
    run = Length(total, recipe.minutes, spent)
    stop = min(run.last, stop_at or run.last)
    journal = Journal(out, step)
    rates = schedule.Optimiser(recipe.optimiser.learning_rate, warmup=recipe.optimiser.warmup)
    logged, began = step, time.monotonic()
    for batch in (rows.to(device) for rows in batches.batches(drawn, step, stop)):
        rate = schedule.learning_rate(rates, run.progress(step), step / each)
        for group in optimiser.param_groups:
            group["lr"] = rate
        planes = batch.pixels.permute(0, 3, 1, 2).float().sub(127.5).div(127.5)
        with autocast(device, enabled=half):
            maps = model.maps(planes.contiguous(memory_format=torch.channels_last))
        terms = objective(flat(maps).float(), batch)
        loss = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimiser.clip)
        over = step + 1 == stop or run.over(step + 1)
        log, keep, score = (
            over or (step + 1) % n == 0
            for n in (recipe.log_steps, recipe.checkpoint_steps, recipe.validate_steps)
        )
        if not torch.isfinite(loss):
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
            journal.add(step, {"loss": loss.item(), **values, "rate": rate, "views/s": speed})
        if score:
            judge(final, step)
        if keep:
            state.save(
                out,
                {name: part.state_dict() for name, part in parts.items()}
                | {"step": step, "seconds": run.seconds},
            )
        if over:
            break
    journal.close(f"{recipe.model}, seed {recipe.seed}")
    if not run.over(step):
        return out / state.LAST
    return outcome.write(out, final, recipe, entry, learnt, judge(final, step))
