"""The search loop: every DARTS search of the product is this page."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...data.order import Order
from ...run import pictures, state
from ...run.accelerate import accelerate, keep_memory
from ...run.device import autocast, bfloat16, choose
from ...run.journal import Journal
from . import outcome
from .architect import first_order, next_step, second_order
from .halves import augmented, plain, split
from .recipe import Recipe
from .supernet import Supernet

Batch = Callable[[np.ndarray, bool], tuple[Tensor, Tensor]]
"""Pictures and labels by index; whether as the training half sees them, moved."""


def search(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Runs ``recipe`` in ``out``, or resumes what stands there.

    Args:
        data: folder that the recipe's paths are relative to.
        stop_at: leave after this step, with a resume point.

    Returns:
        ``out/genotype.json``; the resume point where the search has not come to its end.

    Raises:
        FileNotFoundError, ValueError: the recipe or the data is not what it should be.
        FloatingPointError: a loss is not finite; the last good resume point is kept.
        state.CheckpointError: a resume point cannot be written or read, or is of another search.
    """
    if (out / outcome.GENOTYPE).exists():
        return out / outcome.GENOTYPE
    device = choose(recipe.device)
    if device.type == "cpu":
        keep_memory()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    faces = pictures.open_set(recipe.data, data, out)
    labels = np.asarray(faces.labels)
    training, validation = split(labels, recipe.seed)
    net = Supernet(faces.classes, recipe.channels, recipe.layers, recipe.embedding)
    accelerate(net.to(device)).train()
    options, edges = recipe.weights, recipe.edges
    sgd = torch.optim.SGD(
        net.weights, lr=0.0, momentum=options.momentum, weight_decay=options.weight_decay
    )
    adam = torch.optim.Adam(
        net.architecture, edges.learning_rate, edges.betas, weight_decay=edges.weight_decay
    )
    parts = {"net": net, "sgd": sgd, "adam": adam}
    mine = Order(faces.weights[training], recipe.seed)
    theirs = Order(faces.weights[validation], recipe.seed + 1)
    per_epoch = math.ceil(mine.length / recipe.batch)
    total = recipe.epochs * per_epoch
    step, history = _resume(out, parts)
    journal = Journal(out, step)
    half = bfloat16(recipe.precision, device)
    stop = min(total, stop_at or total)
    judges = np.random.default_rng(recipe.seed).permutation(validation)[: recipe.judged]

    def batch(indices: np.ndarray, moved: bool) -> tuple[Tensor, Tensor]:
        pictures = np.stack([faces.image(int(index)) for index in indices])
        x = (
            augmented(pictures, recipe.size, recipe.seed, step)
            if moved
            else plain(pictures, recipe.size)
        )
        return x.to(device), torch.from_numpy(labels[indices]).to(device)

    while step < stop:
        rate = options.least + 0.5 * (options.learning_rate - options.least) * (
            1 + math.cos(math.pi * (step // per_epoch) / recipe.epochs)
        )
        sgd.param_groups[0]["lr"] = rate
        x, y = batch(training[mine.rows(recipe.batch, step)], True)
        held = math.nan
        if step >= edges.warmup * per_epoch:
            other = batch(validation[theirs.rows(recipe.batch, step)], False)
            _point(net, sgd if edges.order == "second" else None, (x, y), other)
            adam.step()
        with autocast(device, enabled=half):
            logits = net(x)
        trained = F.cross_entropy(logits.float(), y)
        if not torch.isfinite(trained):
            raise FloatingPointError(
                f"loss is {trained.item()} at step {step}; {out / state.LAST} keeps the last good "
                "state: lower weights.learning_rate in the recipe and start again"
            )
        sgd.zero_grad()
        trained.backward()
        nn.utils.clip_grad_norm_(net.weights, options.clip)
        sgd.step()
        step += 1
        right = float((logits.argmax(dim=1) == y).float().mean())
        ended = step % per_epoch == 0
        if ended:
            held = _accuracy(net, batch, judges, recipe.batch)
            history.append(outcome.Epoch.of(step // per_epoch, net, held))
        if ended or step == stop or step % recipe.log_steps == 0:
            journal.add(
                step, {"loss": trained.item(), "accuracy": right, "held out": held, "rate": rate}
            )
        if ended or step == stop or step % recipe.checkpoint_steps == 0:
            _save(out, parts, step, history)
    journal.close(f"DARTS, seed {recipe.seed}")
    if step < total:
        return out / state.LAST
    return outcome.write(
        out, history, recipe, f"{len(labels):,} pictures of {faces.classes:,} people"
    )


def _point(
    net: Supernet,
    ahead: torch.optim.SGD | None,
    trained: tuple[Tensor, Tensor],
    held: tuple[Tensor, Tensor],
) -> None:
    """Gives the edges' weights their gradient: of ``held``, one step of ``ahead`` on ``trained``.

    In float32: the finite difference is far below bfloat16's steps.
    """

    def loss(pair: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(net(pair[0]), pair[1])

    if ahead is None:
        found = first_order(net.architecture, lambda: loss(held))
    else:
        step = next_step(ahead, lambda: loss(trained))
        rate = ahead.param_groups[0]["lr"]
        found = second_order(
            net.architecture, net.weights, lambda: loss(trained), lambda: loss(held), step, rate
        )
    for parameter, gradient in zip(net.architecture, found, strict=True):
        parameter.grad = gradient


def _accuracy(net: Supernet, batch: Batch, chosen: np.ndarray, size: int) -> float:
    """Of the first answer on held-out pictures, with the statistics of their own batches.

    Running means of a supernet are those of no architecture (DNA's rating does the same).
    """
    right = count = 0
    with torch.no_grad():
        for start in range(0, len(chosen), size):
            x, y = batch(chosen[start : start + size], False)
            right += int((net(x).argmax(dim=1) == y).sum())
            count += len(y)
    return right / count


def _resume(out: Path, parts: dict[str, Any]) -> tuple[int, list[outcome.Epoch]]:
    stored = state.load(out)
    if stored is None:
        return 0, []
    try:
        for name, part in parts.items():
            part.load_state_dict(stored[name])
        rows = zip(stored["epochs"], stored["accuracies"], strict=True)
        return int(stored["step"]), [
            outcome.Epoch(number, raw, held) for number, (raw, held) in enumerate(rows, start=1)
        ]
    except (KeyError, RuntimeError, ValueError) as error:
        raise state.CheckpointError(
            f"{out / state.LAST}: a resume point of another search ({type(error).__name__}); give "
            "--out another folder, or delete it to start over"
        ) from error


def _save(out: Path, parts: dict[str, Any], step: int, history: list[outcome.Epoch]) -> None:
    stored: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    stored["step"] = step
    stored["epochs"] = [epoch.raw for epoch in history]
    stored["accuracies"] = [epoch.accuracy for epoch in history]
    state.save(out, stored)
