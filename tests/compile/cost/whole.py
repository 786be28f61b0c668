"""Random networks of the committed space, compiled whole and counted, beside their table's sum."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from pocketvision.compile.cost import blocks, kernels, keys, space
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
        flash = int(json.loads(made)["bytes"]["flash"])
    return Whole(instructions, nanoseconds, flash, plan(spans(program.calls)).bytes)


def networks(count: int) -> list[list[str]]:
    """The keys of random networks, always the same."""
    draw = random.Random(21)
    return [network(draw) for _ in range(count)]


def by_kernel(programs: Sequence[Program], target: Target) -> list[int]:
    """Executed instructions of whole networks, each kernel of all of them measured once.

    A network's kernels are compiled with its own layouts; what a call executes is its kernel's.
    """
    meter = kernels.Meter(target)
    for program in programs:
        for call in program.calls:
            meter.want(program, [call])
            if meter.full:
                meter.measure()
    meter.measure()
    return [
        sum(meter.known[kernels.name(p, call)].instructions or 0 for call in p.calls)
        for p in programs
    ]
