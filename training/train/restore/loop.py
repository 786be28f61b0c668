"""The loop of restoration, with two optimisers: generator and discriminators in turn."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.files import rename, write_text
from pocketvision.record import Record
from pocketvision.record.restoration import Restoration

from ... import models
from ...data import far
from ...data.order import Order
from ...data.priors.masks import Masks
from ...distill import views
from ...models.rim.generator import FHN
from ...models.stored.describe import digest
from ...run import pictures, state
from ...run.device import choose
from ...run.journal import Journal
from . import objective, validate
from .recipe import TASK, Recipe


def train(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Runs ``recipe`` in ``out``, or resumes what stands there.

    Args:
        data: folder that the recipe's paths are relative to.
        stop_at: leave after this step, with a resume point.

    Returns:
        ``out/model.safetensors``, the best weights by the held-out faces; or the resume point of a
        run that has not come to its end.

    Raises:
        FileNotFoundError, ValueError: the recipe or the data is not what it should be.
        FloatingPointError: a loss is no number; the last good resume point is kept.
        state.CheckpointError: a resume point cannot be written or read.
    """
    done = out / "model.safetensors"
    if done.exists():
        return done
    out.mkdir(parents=True, exist_ok=True)
    device = choose(recipe.device)
    torch.manual_seed(recipe.seed)
    faces = pictures.open_set(recipe.data, data, out)
    judge = validate.Judge(recipe, faces, out)
    entry = models.built("fhn", {"family": "fhn", "embedding": 3, **recipe.model})
    generator = cast(FHN, entry.make()).to(device).train()
    masks = _masks(recipe, data)
    embed = None
    if recipe.recogniser is not None:
        embed = objective.recogniser(recipe.recogniser, data, device)
    adversaries = objective.Adversaries(recipe, generator).to(device)
    first, second = (
        torch.optim.Adam(
            [*part.parameters()] or [torch.zeros(1, requires_grad=True)],
            betas=recipe.rates.betas, weight_decay=recipe.rates.weight_decay,
        )
        for part in (generator, adversaries)
    )  # fmt: skip
    parts: dict[str, Any] = {
        "generator": generator, "adversaries": adversaries, "first": first, "second": second,
    }  # fmt: skip
    step = _resume(out, parts)
    journal, watch = Journal(out, step), objective.Watch()
    order = Order(np.where(judge.held_out, 0.0, faces.weights), recipe.seed)
    stop = min(recipe.steps, stop_at or recipe.steps)
    while step < stop:
        sharp, own = _sharp(recipe, faces, order, masks, step, generator.grid)
        sharp, own = sharp.to(device), None if own is None else own.to(device)
        table = far.draw(len(sharp), recipe.seed, step)
        small = far.seen(sharp, far.shots(table, recipe.far))
        fade = 0.5 * (1 + math.cos(math.pi * step / recipe.steps))
        found = generator.restored(small)
        # Discriminators first: the generator is then judged by what they have just learnt.
        told, right = _discriminate(recipe, generator, adversaries, found, sharp)
        objective.finite(told, "discriminators", step, out / state.LAST)
        if told:
            _step(
                second, sum(told.values()), adversaries, recipe.rates.discriminators * fade, recipe
            )
        adversaries.requires_grad_(False)
        terms = objective.generator_terms(recipe, found, sharp, own, embed, adversaries)
        objective.finite(terms, "generator", step, out / state.LAST)
        if step % recipe.every == 0:
            _step(first, sum(terms.values()), generator, recipe.rates.generator * fade, recipe)
        adversaries.requires_grad_(True)
        step += 1
        for line in watch.look(right):
            print(line, file=sys.stderr, flush=True)
        over = step == stop
        if over or step % recipe.log_steps == 0:
            values = {name: value.item() for name, value in (terms | told).items()}
            journal.add(step, values | {f"{name} right": share for name, share in right.items()})
        if step % recipe.validate.steps == 0 or step == recipe.steps:
            judge(generator, step)
        if over or step % recipe.checkpoint_steps == 0:
            state.save(
                out, {name: part.state_dict() for name, part in parts.items()} | {"step": step}
            )
    journal.close(f"fhn, seed {recipe.seed}")
    if step < recipe.steps:
        return out / state.LAST
    return _finish(recipe, entry, judge, out)


def _discriminate(
    recipe: Recipe, generator: FHN, adversaries: objective.Adversaries, found: Any, sharp: Tensor
) -> tuple[dict[str, Tensor], dict[str, float]]:
    features = None
    if adversaries.domain is not None:
        # In training mode as the far faces' are, or the norm's mode would tell the two apart; the
        # running statistics see sharp faces as often as far ones by it.
        with torch.no_grad():
            features = generator.restored(sharp).features
    return objective.adversary_terms(adversaries, found, sharp, features)


def _step(
    optimiser: torch.optim.Optimizer,
    loss: Any,
    network: torch.nn.Module,
    rate: float,
    recipe: Recipe,
) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.rates.clip)
    optimiser.step()


def _sharp(
    recipe: Recipe,
    faces: pictures.Pictures,
    order: Order,
    masks: Masks | None,
    step: int,
    grid: int,
) -> tuple[Tensor, Tensor | None]:
    """Views in [-1, 1] of a step's faces, then of those with masks, and these masks at ``grid``."""
    rows = order.rows(recipe.batch, step)
    crops = torch.from_numpy(np.stack([faces.image(int(row)) for row in rows]))
    sharp = views.make(crops, None, views.draw(recipe.batch, recipe.seed, step), recipe.views)
    if masks is None or recipe.parsing is None:
        return sharp, None
    random = np.random.default_rng([recipe.seed, step, 7])
    chosen = random.integers(0, len(masks.pictures), recipe.parsing.rows)
    more = (
        torch.from_numpy(masks.pictures[chosen]).permute(0, 3, 1, 2).float().sub(127.5).div(127.5)
    )
    own = torch.from_numpy(masks.masks[chosen])[:, None].float()
    own = F.interpolate(own, (grid, grid), mode="nearest")[:, 0].long()
    return torch.cat([sharp, more]), own


def _masks(recipe: Recipe, data: Path) -> Masks | None:
    options = recipe.parsing
    if options is None:
        return None
    if options.parts != recipe.model.get("parts", 19):
        raise ValueError(
            f"parsing.parts: {options.parts}, but model.parts is {recipe.model.get('parts', 19)}; "
            "give both the same"
        )
    return Masks(data / options.root, recipe.data.size, options.parts)


def _resume(out: Path, parts: dict[str, Any]) -> int:
    stored = state.load(out)
    if stored is None:
        return 0
    with state.fitting(out):
        for name, part in parts.items():
            part.load_state_dict(stored[name])
        return int(stored["step"])


def _record(recipe: Recipe, entry: models.Entry, weights: Path) -> Record:
    side = recipe.data.size
    return Record(
        name="fhn",
        tag=f"run.seed-{recipe.seed}",
        task=TASK,
        paper=entry.paper,
        preprocess={
            "size": [side, side], "colour": "RGB", "mean": [127.5] * 3, "std": [127.5] * 3,
            "template": [list(point) for point in ARCFACE_TEMPLATE],
        },
        part=Restoration(recipe.far.smallest, recipe.far.largest),
        data=recipe.data.named,
        licence="not stated: that of the training pictures",
        sha256={"float_weights": digest(weights)},
        architecture=dict(entry.architecture or {}),
    )  # fmt: skip


def _finish(recipe: Recipe, entry: models.Entry, judge: validate.Judge, out: Path) -> Path:
    """The best weights under the name that says that all is done; what they are stands beside."""
    network = entry.make()
    state.load_weights(judge.best, network)
    pending = out / "model.pending.safetensors"
    state.save_weights(pending, network)
    write_text(out / "architecture.json", judge.described(entry))
    write_text(out / "model.json", _record(recipe, entry, pending).to_json() + "\n")
    rename(pending, out / "model.safetensors")
    return out / "model.safetensors"
