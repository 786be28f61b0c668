"""Executed instructions, arena and flash of pinned layers and networks: they may not grow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pocketvision.compile import TARGETS, firmware, measure, pipeline
from pocketvision.compile.graph import Graph
from pocketvision.compile.lower import lower

from ..compile.graphs import Builder
from ..compile.machines import require_board
from .test_shipped import load

PINNED = Path(__file__).with_name("pinned.json")
"""What a network takes by its own and its core's name; lower it by hand when a figure falls."""

GROWTH = 1.03

CMSIS = {
    "1x1 28x28x64 to 64": {"cortex-m4": 6.61, "cortex-m7": 6.50, "cortex-m55": 1.25},
    "depthwise 3x3 28x28x64": {"cortex-m4": 3.94, "cortex-m7": 3.88, "cortex-m55": 1.02},
    "stem 3x3 /2 112x112x3 to 16": {"cortex-m4": 6.53, "cortex-m7": 6.59, "cortex-m55": 1.78},
}
"""M instructions of CMSIS-NN's kernels, the better of gcc and clang, as DESIGN.md counted them."""

SHARE = 0.55

LIMITS = {
    ("facechain-25m", "cortex-m4"): 34.0,
    ("facechain-25m", "cortex-m55"): 7.5,
    ("pocketnet-s-128", "cortex-m7"): 380.0,
    ("pocketnet-s-128", "cortex-m55"): 85.0,
}
"""M instructions that whole networks may take."""


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
    ours = sum(region.executed for call, region in pairs if call.op == op.name) / 1e6
    share = ours / CMSIS[name][core]
    with capsys.disabled():
        print(f"\n{name}, {core}: {ours:.3f} M, {share:.2f} of CMSIS-NN's {CMSIS[name][core]}")
    assert share <= SHARE


@pytest.mark.parametrize("name, core", LIMITS)
def test_networks_do_not_grow(
    name: str, core: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    require_board()
    target = TARGETS[core]
    graph = load(name)
    program = lower(graph, pipeline.instruction_set(target))
    executed = sum(region.executed for region in measure.counted(program, target))
    memory = firmware.emit(program, target, tmp_path / f"{name}.{core}.a")
    flash = json.loads((tmp_path / f"{name}.{core}.json").read_text())["bytes"]["flash"]
    found = {"instructions": executed, "arena": memory.bytes, "flash": flash}
    with capsys.disabled():
        print(f"\n{name}, {core}: {executed / 1e6:.2f} M instructions, arena {memory.bytes:,}, "
              f"flash {flash:,} bytes")  # fmt: skip
    pinned = json.loads(PINNED.read_text())[f"{name} {core}"]
    for what, value in found.items():
        assert value <= GROWTH * pinned[what], f"{what} grew from {pinned[what]:,} to {value:,}"
    assert executed <= LIMITS[name, core] * 1e6
