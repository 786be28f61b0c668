"""One cell's supernet, trained alone and then rated: every block-wise search is this page, often.

A job needs nothing of other jobs, so that cells may run at the same time, on any machine that sees
the same folders. It resumes at its last resume point, or in the middle of its rating.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
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
from ..darts.halves import augmented, plain
from ..space import Candidate, Cell
from . import alone, outcome
from .rate import deviation, rating_of, ratings
from .recipe import Recipe
from .supernet import Supernet, draw
from .teacher import open_features


@dataclass(frozen=True)
class Job:
    """A cell of a search in ``out``. ``stop_at``: leave after this step, with a resume point;
    ``threads``: of torch, 0 for its own choice."""

    recipe: Recipe
    data: Path
    out: Path
    cell: Cell
    stop_at: int | None = None
    threads: int = 0

    @property
    def folder(self) -> Path:
        return self.out / "cells" / self.cell.name

    @property
    def identity(self) -> dict[str, Any]:
        """All that its weights and ratings depend on; JSON data."""
        recipe, block = self.recipe, self.cell.block
        values = {
            "cell": asdict(self.cell),
            "block": asdict(recipe.space.blocks[block]) | {"widths": None, "depths": None},
            "activation": recipe.space.activation,
            "squeeze": recipe.space.squeeze,
            "data": [recipe.data.named, recipe.data.list, recipe.data.size],
            "teacher": recipe.teacher.model,
            "tensors": recipe.teacher.tensors[block : block + 2],
            "rate": recipe.learning_rate[block % len(recipe.learning_rate)],
        }
        for name in (
            "steps",
            "batch",
            "least",
            "weight_decay",
            "seed",
            "judged",
            "calibrated",
            "alone",
        ):
            values[name] = getattr(recipe, name)
        found: dict[str, Any] = json.loads(json.dumps(values))
        return found


def run(job: Job) -> Path:
    """Trains and rates the cell of ``job``, or goes on with it.

    Returns:
        The ratings' file; the resume point where the cell has not come to its end.

    Raises:
        FloatingPointError: a loss is not finite; the last good resume point is kept.
        state.CheckpointError: a resume point cannot be written or read, or is of another space.
        FileNotFoundError, ValueError: recipe, data or teacher are not what they should be.
    """
    recipe, cell, out = job.recipe, job.cell, job.folder
    if outcome.read_cell(out, job.identity) is not None:
        return out / outcome.RATING
    if job.threads:
        torch.set_num_threads(job.threads)
    device = choose(recipe.device)
    if device.type == "cpu":
        keep_memory()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    faces = pictures.open_set(recipe.data, job.data, job.out)
    training, held = split(len(faces.labels), recipe.judged, recipe.batch, recipe.seed)
    names = recipe.teacher.tensors[cell.block : cell.block + 2]
    features = open_features(recipe.teacher.model, job.data, names, device)

    scales = torch.ones(2)

    def batch(indices: np.ndarray, moved: bool, step: int = 0) -> tuple[Tensor, Tensor]:
        crops = np.stack([faces.image(int(index)) for index in indices])
        size = recipe.data.size
        x = augmented(crops, size, recipe.seed, step) if moved else plain(crops, size)
        before, after = (f / s for f, s in zip(features(x.to(device)), scales, strict=True))
        return before, after

    # In units of their deviation, so that one learning rate does for features of any size; a
    # rating, which is relative, stays what it is.
    first_rows = Order(faces.weights[training], recipe.seed + 1).rows(recipe.calibrated, 0)
    before, after = batch(training[first_rows], False)
    scales = torch.tensor([deviation([before]), deviation([after])])
    net = Supernet(recipe.space, cell, before.shape[1], after.shape[1])
    accelerate(net.to(device)).train()
    adam = torch.optim.Adam(net.parameters(), lr=0.0, weight_decay=recipe.weight_decay)
    step, rated = _resume(out, job.identity, net, adam)
    journal = Journal(out, step)
    half = bfloat16(recipe.precision, device)
    stop = min(recipe.steps, job.stop_at or recipe.steps)
    highest = recipe.learning_rate[cell.block % len(recipe.learning_rate)]
    choices = recipe.space.blocks[cell.block].choices
    order = Order(faces.weights[training], recipe.seed)
    began, first = time.monotonic(), step
    while step < stop:
        rate = falling(highest, recipe.least, step / recipe.steps)
        adam.param_groups[0]["lr"] = rate
        given, wanted = batch(training[order.rows(recipe.batch, step)], True, step)
        path = draw(len(choices), cell.depth, recipe.seed, step)
        with autocast(device, enabled=half):
            made = net(given, path)
        loss = F.mse_loss(made.float(), wanted)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"{cell.name}: loss is {loss.item()} at step {step}; {out / state.LAST} keeps the "
                "last good state: lower learning_rate in the recipe and start again"
            )
        adam.zero_grad()
        loss.backward()
        adam.step()
        step += 1
        if step == stop or step % recipe.log_steps == 0:
            left = (time.monotonic() - began) / (step - first) * (recipe.steps - step) / 60
            relative = loss.item() / float(wanted.var())
            journal.add(
                step,
                {"loss": loss.item(), "relative": relative, "rate": rate, "minutes left": left},
            )
        if step == stop or step % recipe.checkpoint_steps == 0:
            _save(out, job.identity, net, adam, step, rated)
    journal.close(f"{cell.name}, seed {recipe.seed}")
    if step < recipe.steps:
        return out / state.LAST
    seen = before / scales[0]
    shown = [batch(held[at : at + recipe.batch], False) for at in range(0, len(held), recipe.batch)]
    inputs, targets = [x for x, _ in shown], [y for _, y in shown]
    for choice in range(len(choices)):
        if any(path[0] == choice for path, _ in rated):
            continue
        rated += [(list(p), r) for p, r in ratings(net, seen, inputs, targets, choice, half)]
        _save(out, job.identity, net, adam, step, rated)
    shift = 0.0
    if recipe.alone:
        path, before_it = min(rated, key=lambda pair: pair[1])
        own = alone.train(
            net,
            path,
            lambda at: batch(
                training[order.rows(recipe.batch, recipe.steps + at)], True, recipe.steps + at
            ),
            lambda at: falling(highest, recipe.least, at / recipe.alone),
            recipe.alone,
            recipe.weight_decay,
            half,
        )
        shift = rating_of(own, path, seen, inputs, targets, half) - before_it
    found = [
        (Candidate(cell.width, tuple(choices[index] for index in path)), rating + shift)
        for path, rating in rated
    ]
    return outcome.write_cell(
        out, job.identity, found, deviation(targets), shift, time.monotonic() - began
    )


def falling(highest: float, least: float, done: float) -> float:
    """The learning rate after a share ``done`` of the steps: exponentially to ``least`` of it."""
    return highest * float(least**done)


def split(count: int, judged: int, batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the pictures that train, and of those that candidates are rated on.

    Raises:
        ValueError: too few pictures for both.
    """
    if count < judged + batch:
        raise ValueError(
            f"data: expected at least {judged + batch} pictures, {judged} to judge by and a batch "
            f"of {batch}, got {count}; lower judged or batch"
        )
    mixed = np.random.default_rng(seed).permutation(count)
    return np.sort(mixed[judged:]), np.sort(mixed[:judged])


Rated = list[tuple[list[int], float]]


def _resume(
    out: Path, identity: dict[str, Any], net: nn.Module, adam: torch.optim.Adam
) -> tuple[int, Rated]:
    """Steps done, and what is rated."""
    stored = state.load(out)
    if stored is None:
        return 0, []
    try:
        known = json.loads(stored["identity"])
        if known != identity:
            raise ValueError(outcome.difference(known, identity))
        net.load_state_dict(stored["net"])
        adam.load_state_dict(stored["adam"])
        return int(stored["step"]), [(path, rating) for path, rating in stored["rated"]]
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise state.CheckpointError(
            f"{out / state.LAST}: a supernet of another space or recipe ({error}); give --out "
            "another folder, or delete this one to start the cell over"
        ) from error


def _save(
    out: Path, identity: dict[str, Any], net: nn.Module, adam: torch.optim.Adam, step: int,
    rated: Rated,
) -> None:  # fmt: skip
    stored = {"net": net.state_dict(), "adam": adam.state_dict(), "step": step}
    state.save(out, stored | {"identity": json.dumps(identity), "rated": rated})
