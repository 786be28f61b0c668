"""Images per second of a recipe's whole step, part by part: views, teacher, student.

    python -m pocketvision.training.train.faces.step_speed RECIPE.toml --data $POCKETVISION_DATA

The pictures are made up, so that only the teacher has to lie in the folder. Beside the time on the
clock stands that of the processor, which other work on the machine disturbs less; compare commits
by it, with ``--threads 1`` and ``OMP_WAIT_POLICY=PASSIVE`` (threads that spin count as work).
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from ... import models
from ...distill import teacher, views
from ...losses.embedding import embedding_regression
from ...run.accelerate import accelerate, keep_memory
from ...run.device import autocast, bfloat16, choose
from .recipe import Recipe, read

T = TypeVar("T")


@dataclass(frozen=True)
class Spent:
    """Milliseconds of one part of a step: on the clock, and of all processor cores."""

    wall: float
    cores: float


def measure(recipe: Recipe, data: Path, size: int, rounds: int) -> dict[str, Spent]:
    """Medians over ``rounds`` steps of ``recipe`` with the student's input at ``size`` pixels.

    Raises:
        ValueError: the recipe has no teacher that is asked live.
    """
    if recipe.embedding is None or not recipe.embedding.teachers:
        raise ValueError("embedding.teachers: a recipe with a teacher is needed")
    device = choose(recipe.device)
    if device.type == "cpu":
        keep_memory()
    entry = models.entry(recipe.model)
    model = accelerate(entry.make().to(device)).train()
    optimiser = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, nesterov=True)
    half = bfloat16(recipe.precision, device)
    teachers = [teacher.open_teacher(name, data, device) for name in recipe.embedding.teachers]
    directions = torch.eye(teacher.width(teachers), entry.embedding, device=device)
    first, second = (_faces(recipe.batch, recipe.data.size, which).to(device) for which in (0, 1))

    def seen(step: int) -> tuple[Tensor, Tensor]:
        draws = views.draw(recipe.batch, recipe.seed, step).to(device)
        whole = views.make(first, second, draws, recipe.views)
        return whole, views.shrunk(whole, size)

    def taught(whole: Tensor) -> Tensor:
        found = teacher.ensemble(teachers, whole * 127.5 + 127.5)
        return teacher.project(found.to(device), directions)

    def learn(small: Tensor, target: Tensor) -> None:
        with autocast(device, enabled=half):
            embedding = model(small)
        optimiser.zero_grad()
        embedding_regression(embedding.float(), target).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.optimiser.clip)
        optimiser.step()

    found: dict[str, list[Spent]] = {"views": [], "teacher": [], "student": []}
    for step in range(rounds + 1):
        (whole, small), first_spent = _timed(lambda step=step: seen(step))  # type: ignore[misc]
        target, second_spent = _timed(lambda whole=whole: taught(whole))  # type: ignore[misc]
        _, third_spent = _timed(lambda a=small, b=target: learn(a, b))  # type: ignore[misc]
        if step:  # the first one compiles, and fills caches
            for spent, name in zip((first_spent, second_spent, third_spent), found, strict=True):
                found[name].append(spent)
    return {
        name: Spent(
            statistics.median(spent.wall for spent in rows),
            statistics.median(spent.cores for spent in rows),
        )
        for name, rows in found.items()
    }


def _timed(part: Callable[[], T]) -> tuple[T, Spent]:
    wall, cores = time.perf_counter(), time.process_time()
    result = part()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    spent = Spent(1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cores))
    return result, spent


def _faces(count: int, size: int, seed: int) -> Tensor:
    """Uint8 (count, size, size, 3), as smooth as faces."""
    coarse = torch.rand(count, 3, 7, 7, generator=torch.Generator().manual_seed(seed)) * 255
    whole = F.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 255)
    return whole.byte().permute(0, 2, 3, 1).contiguous()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument("--data", type=Path, default=os.environ.get("POCKETVISION_DATA"))
    parser.add_argument("--size", type=int, help="pixels of the student's input")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.data is None:
        parser.error("--data: missing; name the folder that the recipe's teachers lie in")
    if given.threads:
        torch.set_num_threads(given.threads)
    recipe = read(given.recipe)
    size = given.size or recipe.data.size
    try:
        parts = measure(recipe, given.data, size, given.rounds)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    sums = Spent(*(sum(getattr(p, n) for p in parts.values()) for n in ("wall", "cores")))
    table = Table(
        "part", "ms", "ms of all cores",
        title=f"{recipe.model}, {recipe.batch} pictures a step at {size} pixels, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
    )  # fmt: skip
    for name, spent in (parts | {"step": sums}).items():
        table.add_row(name, f"{spent.wall:.0f}", f"{spent.cores:.0f}")
    speeds = (f"{1e3 * recipe.batch / value:.1f}" for value in (sums.wall, sums.cores))
    table.add_row("images/s", *speeds)
    Console().print(table)


if __name__ == "__main__":
    main()
