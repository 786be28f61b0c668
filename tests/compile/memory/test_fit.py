"""Networks whose arena does not fit: strips of rows, what they cost, and what stays too large."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.graph import Graph
from pocketvision.compile.lower.lower import lower
from pocketvision.compile.lower.program import Program
from pocketvision.compile.memory import entries, fit
from pocketvision.compile.memory.lifetimes import spans
from pocketvision.compile.memory.plan import Span, plan
from pocketvision.compile.targets import TARGETS

from ..graphs import Builder, inputs
from ..runners import Machines

SAME = (1, 1, 1, 1)
ROOT = Path(__file__).resolve().parents[3]


def network() -> Graph:
    """Two levels of inverted residuals: the wide maps between are what takes the arena."""
    build = Builder(1, (24, 20, 16))
    x = build.conv("input", 16)
    for _ in range(2):
        wide = build.conv(x, 64)
        x = build.conv(build.depthwise(wide, (3, 3), pads=SAME), 16, add=x)
    x = build.conv(x, 32, (2, 2), stride=(2, 2))
    wide = build.conv(x, 96)
    x = build.conv(build.depthwise(wide, (5, 5), pads=(2, 2, 2, 2)), 32)
    return build.graph(x)


def lowered(target: str) -> Program:
    return lower(pipeline.optimise(network()), pipeline.instruction_set(TARGETS[target]))


def arena(program: Program) -> int:
    return plan(spans(program.calls)).bytes


def apart(program: Program) -> int:
    """What it would need if no result lay over an input."""
    return plan([replace(span, over=None) for span in spans(program.calls)]).bytes


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55", "x86-64-portable"])
def test_less_than_half_of_the_arena_suffices(machines: Machines, target: str) -> None:
    program = lowered(target)
    limit = apart(program) // 2
    found = fit.fit(program, limit)
    assert found is not None and arena(found.program) <= limit
    assert 0 < found.recomputed < 0.5 and found.strips > 1
    graph = program.graph
    x = inputs(np.random.default_rng(0), 3, graph.tensors[graph.inputs[0]])
    assert np.array_equal(reference.run(graph, x), reference.run(found.program.graph, x))
    machines.check(found.program.graph, target, x)


def test_the_same_limit_gives_the_same_strips() -> None:
    program = lowered("cortex-m4")
    limit = arena(program) * 2 // 3
    first, second = (fit.fit(program, limit) for _ in range(2))
    assert first is not None and second is not None
    assert (first.between, first.strips) == (second.between, second.strips)
    assert first.program.calls == second.program.calls


@pytest.mark.full
def test_other_hash_seeds_give_the_same_strips() -> None:
    """Sets of names have another order in every process."""
    code = """
from pocketvision.compile.memory import entries, fit
from tests.compile.memory.test_fit import arena, lowered
program = lowered("cortex-m55")
found = fit.fit(program, arena(program) * 3 // 5)
print(sorted(found.between), found.strips, found.program.calls)
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, cwd=ROOT,
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert said[0] == said[1] != ""


def test_what_fits_stays_whole() -> None:
    program = lowered("cortex-m4")
    assert fit.within(program, [arena(program)])[0] is program


def test_what_stands_around_takes_its_part() -> None:
    program = lowered("cortex-m4")
    around = [Span("stack", 4096, 0, len(program.calls) - 1)]
    found, _ = fit.within(program, [arena(program)], around)
    assert found is not program and arena(found) <= arena(program) - 4096
    (note,) = set(found.graph.notes) - set(program.graph.notes)
    assert "strips of rows" in note and "more multiply-accumulates" in note


def test_several_banks_hold_strips() -> None:
    program = lowered("cortex-m4")
    banks = [arena(program) // 3, arena(program) // 3]
    assert fit.within(program, banks)[0] is not program


def test_what_no_strips_make_fit_is_said() -> None:
    program = lowered("cortex-m4")
    with pytest.raises(CompileError, match=r"bytes are missing.*; in strips of rows it was not"):
        fit.within(program, [9000])


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m55", "x86-64-portable", "x86-64-vnni"])
@pytest.mark.parametrize("channels", [1, 3, 16])
def test_an_input_enters_by_strips(machines: Machines, target: str, channels: int) -> None:
    """It alone is more than the limit, padded at all sides, and read a second time."""
    machines.require(TARGETS[target])
    build = Builder(5, (64, 48, channels))
    x = build.conv("input", 16, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1))
    wide = build.conv(x, 32)
    x = build.depthwise(wide, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1))
    graph = pipeline.optimise(build.graph(build.conv(x, 16)))
    program = lower(graph, pipeline.instruction_set(TARGETS[target]))
    program = lower(entries.run(graph), program.isa)
    limit = apart(program) // 2
    found = fit.fit(program, limit)
    assert found is not None and arena(found.program) <= limit
    assert found.program.graph.lent() == {"input"}
    machines.check(found.program.graph, target, inputs(build.random, 2, graph.tensors["input"]))


def test_an_input_that_leaves_has_a_place_of_its_own() -> None:
    build = Builder(6, (8, 8, 16))
    graph = build.graph("input", build.conv("input", 16))
    assert entries.run(graph) == graph
