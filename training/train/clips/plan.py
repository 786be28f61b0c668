"""What a run of clips is about to do, said before its first step."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from torch import nn

from ...data.clips.opened import Sets
from ...models.registry import Entry
from ...run import state
from .recipe import Recipe


def show(
    recipe: Recipe, found: Entry, network: nn.Module, sets: Sets, steps: int | None, start: str,
    out: Path,
) -> None:  # fmt: skip
    """Prints on stderr: clips, what lists name and disks lack, model, teachers, length, weights."""
    parameters = sum(value.numel() for value in network.parameters())
    chosen = len(sets.choose) if sets.choose else 0
    lines = [
        f"clips:   {len(sets.train)} to learn from, {chosen} to choose by, {len(sets.test)} to "
        f"judge by; {len(sets.train.names)} classes"
    ]
    skipped = list(dict.fromkeys(sets.train.skipped + sets.test.skipped))
    if skipped:
        lines.append(f"absent:  {len(skipped)} clips of the lists, the first: {skipped[0]}")
    lines.append(
        f"model:   {recipe.model} {json.dumps(found.architecture)}, {parameters:,} parameters, "
        f"from {start}"
    )
    if recipe.distill:
        lines.append(f"teacher: {json.dumps(asdict(recipe.distill))}")
    length = f"{steps} steps" if steps is not None else f"{recipe.minutes:g} minutes"
    lines += [
        f"length:  {length} of {recipe.batch} clips",
        f"leaves:  {out / 'model.safetensors'}, and every {recipe.checkpoint_steps} steps "
        f"{state.LAST}, from which the same command goes on",
    ]
    for line in lines:
        print(line, file=sys.stderr, flush=True)
