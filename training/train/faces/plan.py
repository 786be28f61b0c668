"""What a run is about to do, said before its first step, and how long it will take, soon after."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...run import ranks
from ...run.pictures import Pictures
from ...run.state import LAST
from .recipe import SHIPPED, Recipe

SHOWN = 20
"""Names of files that are printed; all of them stand in a file or are counted."""

FEW_PEOPLE, FEW_PICTURES = 10, 100
"""Below either a set says little: nothing was ever measured to gain from so few."""

WARM, TIMED = 2, 5
"""Steps whose time says nothing, as code is still compiled then, and those that tell the speed."""


def show(lines: Iterator[str]) -> None:
    """Prints ``lines`` on stderr, of one rank."""
    if ranks.rank() == 0:
        for line in lines:
            print(line, file=sys.stderr, flush=True)


def plan(
    recipe: Recipe, faces: Pictures, model: nn.Module, out: Path, steps: int | None,
    device: torch.device,
) -> Iterator[str]:  # fmt: skip
    """The lines: pictures, files left out, model, teacher, steps, and where the weights go."""
    count = len(faces.labels)
    held = np.bincount(faces.labels, minlength=faces.classes)
    least, most = int(held.min()), int(held.max())
    each = f"{least}" if least == most else f"{least} to {most}"
    yield f"pictures: {_many(count, 'picture')} of {_people(faces.classes)}, {each} each"
    if faces.skipped:
        yield f"left out: {_many(len(faces.skipped), 'file')}"
        yield from (f"  {why}" for why in faces.skipped[:SHOWN])
        if len(faces.skipped) > SHOWN:
            yield f"  and {len(faces.skipped) - SHOWN} more"
    parameters = sum(value.numel() for value in model.parameters())
    start = {None: "from random weights", SHIPPED: "from the shipped weights"}.get(
        recipe.start, f"from {recipe.start}"
    )
    yield f"model:    {recipe.model}, {parameters:,} parameters, {start}"
    yield f"learns:   {_learns(recipe, out)}"
    seen = (steps or 0) * recipe.batch / count
    length = f"{steps} steps of {recipe.batch} pictures, each picture about {seen:.3g} times"
    if steps is None:
        length = f"{recipe.minutes:g} minutes, in steps of {recipe.batch} pictures"
    threads = f", {_many(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else ""
    yield f"length:   {length}, on {device.type}{threads}"
    yield (
        f"leaves:   {out / 'model.safetensors'}, and every {recipe.checkpoint_steps} steps {LAST}, "
        "from which the same command goes on"
    )
    yield from _warnings(recipe, faces, held)


def _learns(recipe: Recipe, out: Path) -> str:
    parts = []
    if recipe.embedding is not None:
        names = ", ".join(recipe.embedding.teachers) or f"snapshots of {recipe.embedding.snapshots}"
        cached = recipe.embedding.cached
        how = (
            f"its embeddings are kept in {out / 'teacher.npy'}" if cached else "asked step by step"
        )
        parts.append(f"a teacher's embeddings ({names}; {how})")
    if recipe.margin is not None:
        parts.append(f"who is who ({recipe.margin.kind} margin)")
    if recipe.octuplet is not None:
        parts.append("triplets of sharp and far views")
    if recipe.residual is not None:
        parts.append(f"what it misses, by an assistant ({recipe.residual.assistant})")
    if recipe.far.share:
        far = recipe.far
        parts.append(f"all that at {far.smallest} to {far.largest} pixels in {far.share:.0%} of it")
    return " and ".join(parts)


def _warnings(recipe: Recipe, faces: Pictures, held: np.ndarray) -> Iterator[str]:
    count = len(faces.labels)
    if faces.classes < FEW_PEOPLE or count < FEW_PICTURES:
        yield (
            f"warning: {_many(count, 'picture')} of {_people(faces.classes)} are too few to learn "
            f"from (expected {FEW_PICTURES} of {FEW_PEOPLE} at least); the shipped model as it is "
            "will most likely do as well"
        )
    if recipe.margin is not None and count > faces.classes and np.median(held) < 2:
        yield (
            "warning: most people have one picture only, which says nothing of how one person's "
            "pictures differ; add some, or leave [margin] out"
        )


@dataclass
class Clock:
    """Says once, a few steps after the start, when the run will be through."""

    steps: int | None
    minutes: float | None
    marks: list[float] = field(default_factory=list)

    def tick(self, step: int) -> str | None:
        """The line, after the step that tells it; ``step``: how many are done."""
        if len(self.marks) > WARM + TIMED:
            return None
        self.marks.append(time.monotonic())
        if len(self.marks) <= WARM + TIMED:
            return None
        each = (self.marks[-1] - self.marks[WARM]) / TIMED
        if self.steps is None:
            return (
                f"time:     {_seconds(each)} a step; ends by the clock after {self.minutes:g} min"
            )
        left = self.steps - step
        if left <= 0:
            return None
        return f"time:     {_seconds(each)} a step, about {_seconds(each * left)} for {left} more"


def _seconds(value: float) -> str:
    if value < 90:
        return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"
    minutes = value / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} hours"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"
