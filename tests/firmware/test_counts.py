"""Executed instructions, arena and flash of pinned layers and networks: they may not grow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile import TARGETS, pipeline
from pocketvision.compile.arithmetic import reference
from pocketvision.compile.emit import firmware
from pocketvision.compile.graph import Graph
from pocketvision.compile.inspect.validate import made_up
from pocketvision.compile.lower.lower import lower
from pocketvision.compile.lower.program import Program
from pocketvision.compile.machines import measure
from pocketvision.compile.machines.execute import execute
from pocketvision.compile.memory import fit
from pocketvision.compile.memory.plan import Plan
from pocketvision.compile.targets import Target

from ..compile.graphs import Builder
from ..compile.runners import require_board
from .test_shipped import optimised

PINNED = Path(__file__).with_name("pinned.json")
"""What a network takes by its own and its core's name; lower it by hand when a figure falls."""

GROWTH = 1.03

COUNTED = Path(__file__).parents[1] / "bench" / "results" / "cortex-m.json"
"""What ``python -m tests.bench.peers.cmsis_nn`` wrote."""

CMSIS: dict[str, dict[str, float]] = {}
"""M instructions of CMSIS-NN's kernels by layer and core, counted as ours are."""
for row in json.loads(COUNTED.read_text())["rows"]:
    CMSIS.setdefault(row["layer"], {})[row["core"]] = row["cmsis_nn"] / 1e6

SHARE = 0.55

LIMITS = {
    ("facechain-25m", "cortex-m4"): 34.0,
    ("facechain-25m", "cortex-m55"): 7.5,
    ("dna-face-m4", "cortex-m4"): 20.0,
    ("dna-face-m7", "cortex-m7"): 40.0,
    ("pocketnet-s-128", "cortex-m7"): 410.0,
    ("pocketnet-s-128", "cortex-m55"): 85.0,
}
"""M instructions that whole networks may take. On a Cortex-M7 loads of their own issue beside the
products: that takes more of them, and fewer cycles."""


def layer(name: str) -> Graph:
    kind = name.split()[0]
    if kind == "stem":
        build = Builder(0, (112, 112, 3))
        return build.graph(build.conv("input", 16, (3, 3), stride=(2, 2), pads=(1, 1, 1, 1)))
    build = Builder(0, (28, 28, 64))
    if kind == "1x1":
        return build.graph(build.conv("input", 64))
    return build.graph(build.depthwise("input", (3, 3), pads=(1, 1, 1, 1)))


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m55"])
@pytest.mark.parametrize("name", CMSIS)
def test_layers_against_cmsis_nn(name: str, core: str, capsys: pytest.CaptureFixture) -> None:
    require_board()
    target = TARGETS[core]
    program = lower(layer(name), pipeline.instruction_set(target))
    regions = measure.counted(program, target)
    # The borders and copies of a network of one layer are no part of the layer.
    (op,) = program.graph.ops
    pairs = zip(program.calls, regions, strict=True)
    ours = sum(region.executed for call, region in pairs if str(call.of) == op.name) / 1e6
    share = ours / CMSIS[name][core]
    with capsys.disabled():
        print(f"\n{name}, {core}: {ours:.3f} M, {share:.2f} of CMSIS-NN's {CMSIS[name][core]:.2f}")
    assert share <= SHARE


@pytest.mark.parametrize("name, core", LIMITS)
def test_networks_do_not_grow(
    name: str, core: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    require_board()
    target = TARGETS[core]
    program = lower(optimised(name), pipeline.instruction_set(target))
    executed = grown(f"{name} {core}", program, target, tmp_path, capsys)
    assert executed <= LIMITS[name, core] * 1e6


@pytest.mark.full
@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m55"])
def test_pocketnet_in_400_kib(core: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """In strips of rows, the bytes of the whole, for less than 15 % more instructions."""
    require_board()
    target, name = TARGETS[core], "pocketnet-s-128"
    whole = lower(optimised(name), pipeline.instruction_set(target))
    program, memory = fit.within(whole, [400 * 1024])
    executed = grown(f"{name} {core} 400K", program, target, tmp_path, capsys, memory)
    assert executed < 1.15 * json.loads(PINNED.read_text())[f"{name} {core}"]["instructions"]
    x = made_up(whole.graph, 1)
    ran = execute(program, target, x).values[whole.graph.outputs[0]]
    assert np.array_equal(ran, reference.run(whole.graph, x[0]))


def grown(
    what: str,
    program: Program,
    target: Target,
    folder: Path,
    capsys: pytest.CaptureFixture,
    memory: Plan | None = None,
) -> float:
    """Executed instructions; fails where a figure is 3 % above the pinned one of ``what``."""
    executed = sum(region.executed for region in measure.counted(program, target))
    memory = firmware.emit(program, target, folder / "model.a", memory)
    flash = json.loads((folder / "model.json").read_text())["bytes"]["flash"]
    found = {"instructions": executed, "arena": memory.bytes, "flash": flash}
    with capsys.disabled():
        print(f"\n{what}: {executed / 1e6:.2f} M instructions, arena {memory.bytes:,}, "
              f"flash {flash:,} bytes")  # fmt: skip
    pinned = json.loads(PINNED.read_text())[what]
    for figure, value in found.items():
        most = GROWTH * pinned[figure]
        assert value <= most, f"{figure} grew from {pinned[figure]:,} to {value:,}"
    return executed
