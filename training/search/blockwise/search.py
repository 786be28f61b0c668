"""A whole block-wise search: the cells that are not done yet, then the networks in the budget."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

from ...run import pictures, state
from ...run.device import CPU
from ..prices import Rated
from . import engines, outcome
from .job import Job, run, split
from .recipe import Recipe
from .teacher import open_features


def search(recipe: Recipe, data: Path, out: Path, stop_at: int | None = None) -> Path:
    """Runs ``recipe`` in ``out``, or does what is left of it there.

    Args:
        data: folder that the recipe's paths are relative to.
        stop_at: leave each cell after this step, with a resume point.

    Returns:
        ``out/found.json``; the folder of the cells where they have not all come to their end.

    Raises:
        FileNotFoundError, ValueError, CompileError: recipe, data, teacher or cost table are not
            what they should be; ImpossibleError: no network is within the budget.
        FloatingPointError, state.CheckpointError: as :func:`job.run`.
    """
    out.mkdir(parents=True, exist_ok=True)
    workers = engines.cores(recipe.workers)
    shared = recipe.engine == "joblib" and workers > 1  # ray tells its workers itself
    threads = max(1, engines.cores(0) // workers) if shared else 0
    jobs = [Job(recipe, data, out, cell, stop_at, threads) for cell in recipe.space.cells()]
    left = [job for job in jobs if outcome.read_cell(job.folder, job.identity) is None]
    outcome.write_recipe(out, recipe)
    outcome.write_keys(out, recipe.space)  # first, for a table may have to be made of them
    outcome.check_budget(recipe, data)
    faces = pictures.open_set(recipe.data, data, out)  # decoded once, before jobs want them all
    count = len(faces.labels)
    split(count, recipe.judged, recipe.batch, recipe.seed)
    check_teacher(recipe, data)
    left.sort(key=_work, reverse=True)  # the longest first, so that none is worked on alone at last
    began, done, whole = time.monotonic(), 0.0, sum(map(_work, left))
    names = {job.folder: job for job in left}
    for ended in engines.run_all(run, left, recipe.engine, workers, recipe.address):
        done += _work(names[ended.parent])
        spent = time.monotonic() - began
        if ended.name != state.LAST:
            print(
                f"{ended.parent.name} rated; about {spent * (whole / done - 1) / 60:.0f} min left",
                file=sys.stderr,
            )
    found = collect(recipe, out)
    if found is None:
        return out / "cells"
    described = f"{count:,} pictures, {recipe.judged:,} of them to rate by"
    return outcome.write(out, recipe, found, data, described)


def collect(recipe: Recipe, out: Path) -> list[Rated] | None:
    """The rated candidates of each block, of all its cells; None where a cell is not done.

    Raises:
        ValueError: ratings are of another space or recipe, or damaged.
    """
    blocks: list[list] = [[] for _ in recipe.space.blocks]
    for cell in recipe.space.cells():
        job = Job(recipe, Path(), out, cell)
        found = outcome.read_cell(job.folder, job.identity)
        if found is None:
            return None
        blocks[cell.block] += found
    return list(blocks)


def rated(out: Path) -> tuple[Recipe, list[Rated]]:
    """Recipe and ratings of the search in ``out``.

    Raises:
        FileNotFoundError: there was none, or it has not come to its end.
        ValueError: a file of it is damaged or of another recipe.
    """
    recipe = outcome.read_recipe(out)
    found = collect(recipe, out)
    if found is None:
        raise FileNotFoundError(
            f"{out}: not all cells are rated yet; go on with `pocketvision search dna RECIPE "
            f"--out {out}`"
        )
    return recipe, found


def check_teacher(recipe: Recipe, data: Path) -> None:
    """ValueError where a tensor is not in the teacher, or its map is not that of the space."""
    names, size = recipe.teacher.tensors, recipe.data.size
    found = open_features(recipe.teacher.model, data, names, CPU)(torch.zeros(1, 3, size, size))
    for index, (name, tensor) in enumerate(zip(names, found, strict=True)):
        side = recipe.space.side(index) * size // recipe.space.size
        if tensor.ndim != 4 or tensor.shape[2:] != (side, side):
            raise ValueError(
                f"teacher.tensors: {name}: expected a map of {side} x {side} at {size} pixels, "
                f"as the space has {'before its first block' if not index else ''}"
                f"{f'after its block {index}' if index else ''}, got "
                f"{' x '.join(map(str, tensor.shape[1:]))}"
            )


def _work(job: Job) -> float:
    """About how long a cell takes, in no unit: pixels and channels of its layers."""
    cell, space = job.cell, job.recipe.space
    wide = space.side(cell.block) ** 2 * 32 + (cell.depth - 1) * (
        space.side(cell.block + 1) ** 2 * cell.width
    )
    return float(wide)
