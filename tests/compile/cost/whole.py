"""Random networks of the committed space, compiled whole and counted, beside their table's sum."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from pocketvision.compile.cost import blocks, keys, space
from pocketvision.compile.cost.table import Price, Table
from pocketvision.compile.emit import firmware
from pocketvision.compile.frontend.load import load
from pocketvision.compile.lower.program import Program
from pocketvision.compile.machines import measure
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import plan
from pocketvision.compile.pipeline import lowered, optimise
from pocketvision.compile.targets import Target

DEEPEST = {56: 2, 28: 4, 14: 5, 7: 4}
"""Layers that keep the map, at most, by its side."""

ROUNDS = 60


@dataclass(frozen=True)
class Whole:
    """What a network costs as a whole; None where it was not measured."""

    instructions: int | None
    nanoseconds: float | None
    flash: int | None
    arena: int


def network(draw: random.Random) -> list[str]:
    """The keys of a network: a stem, layers of any kernel and expansion, a head."""
    layers = [(key, keys.parse(key)) for key in space.faces()]
    steps: list[str] = []

    def step(kind: type, inputs: int, side: int, stride: int) -> int:
        fitting = [
            (key, layer) for key, layer in layers
            if isinstance(layer, kind) and (layer.inputs, layer.size) == (inputs, side)
            and getattr(layer, "stride", stride) == stride
        ]  # fmt: skip
        key, layer = draw.choice(fitting)
        steps.append(key)
        return getattr(layer, "outputs", 0)

    width = step(keys.Stem, 3, 112, 2)
    for side, most in DEEPEST.items():
        for _ in range(draw.randrange(most + 1)):
            width = step(keys.Residual, width, side, 1)
        if side > 7:
            width = step(keys.Residual, width, side, 2)
    step(keys.Head, width, 7, 1)
    return steps


def program_of(layers: Sequence[str], target: Target, folder: Path) -> Program:
    """The network of these keys, compiled."""
    path = folder / "whole.int8.onnx"
    onnx.save(blocks.network(layers, seed=1), path)
    return lowered(optimise(load(path)), target)


def measured(program: Program, target: Target, folder: Path) -> Whole:
    """Executed instructions on ARM, time where this machine runs the target, flash of firmware."""
    instructions = nanoseconds = flash = None
    if measure.native(target):
        times = measure.timed(program, target, ROUNDS).sum(axis=1)
        nanoseconds = 1e3 * float(np.median(times))
    else:
        instructions = sum(region.executed for region in measure.counted(program, target))
    if target.firmware:
        firmware.emit(program, target, folder / "whole.a")
        made = (folder / "whole.json").read_text()
        flash = int(__import__("json").loads(made)["bytes"]["flash"])
    return Whole(instructions, nanoseconds, flash, plan(spans(program.calls)).bytes)


def compared(
    table: Table, target: Target, count: int, folder: Path
) -> Iterator[tuple[Price, Whole]]:
    """``count`` networks, always the same: what the table says, and what they take."""
    draw = random.Random(21)
    for _ in range(count):
        layers = network(draw)
        yield table.price(layers), measured(program_of(layers, target, folder), target, folder)
