"""SMMLA's pairs of pixels: tables laid out like the sums, odd ends, and what it saves."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.compile.graph import Graph
from pocketvision.compile.kernels.conv import pixel_pairs
from pocketvision.compile.lower import lower
from pocketvision.compile.machines import measure
from pocketvision.compile.pipeline import instruction_set
from pocketvision.compile.targets import TARGETS

from ..graphs import Builder, inputs
from ..runners import Machines

I8MM, DOTPROD = "aarch64-i8mm", "aarch64-dotprod"


def test_a_table_has_every_two_channels_for_each_pixel() -> None:
    channels = np.arange(8, dtype=np.int16)
    found = pixel_pairs.table(channels)
    assert found.tolist() == [0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7]
    assert found.dtype == np.int16 and len(found) == pixel_pairs.entries(len(channels))


@pytest.mark.qemu
@pytest.mark.parametrize("channels", [3, 8, 12, 20])
@pytest.mark.parametrize("width", [1, 2, 5])
def test_odd_pixels_and_odd_blocks(machines: Machines, width: int, channels: int) -> None:
    """One to four blocks of four channels, with activation and with add, in rows of their own."""
    build = Builder(3, (3, width, 24))
    x = build.conv("input", channels, two_scales=True)
    y = build.conv(x, channels, (3, 3), pads=(1, 1, 1, 1))
    y = build.conv(y, channels, add=x)
    y = build.conv(y, channels, (3, 1), pads=(1, 0, 1, 0), add=x, two_scales=True)
    graph = build.graph(y)
    machines.check(graph, I8MM, inputs(build.random, 2, graph.tensors["input"]))


def layers() -> Graph:
    """1x1 layers as the networks have them: narrow to wide with a PReLU, back with an add."""
    build = Builder(4, (28, 28, 64), tame=True)
    x = build.conv("input", 64)
    y = build.conv(x, 128, two_scales=True)
    y = build.conv(y, 64, add=x)
    y = build.pool(y, "max", (2, 2), stride=(2, 2))
    x = build.conv(y, 128)
    y = build.conv(x, 256, two_scales=True)
    return build.graph(build.conv(y, 128, add=x))


def instructions(graph: Graph, target: str) -> int:
    """What the convolutions of ``graph`` execute."""
    program = lower.lower(graph, instruction_set(TARGETS[target]))
    regions = measure.counted(program, TARGETS[target])
    return sum(
        region.executed
        for call, region in zip(program.calls, regions, strict=True)
        if str(call.of).startswith("conv")
    )


@pytest.mark.qemu
def test_pairs_only_where_they_save_steps(machines: Machines) -> None:
    """Three inputs fill no step of eight, and a single pixel would be its own partner."""
    build = Builder(5, (6, 9, 3))
    x = build.conv("input", 16, (3, 3), pads=(1, 1, 1, 1))
    x = build.conv(x, 24)
    x = build.pool(x, "average", (6, 9))
    graph = build.graph(build.conv(x, 20))
    program = lower.lower(graph, instruction_set(TARGETS[I8MM]))
    shapes = [
        program.kernels[call.kernel] for call in program.calls if str(call.of).startswith("conv")
    ]
    assert [shape.single for shape in shapes] == [True, False, True]
    machines.check(graph, I8MM, inputs(build.random, 3, graph.tensors["input"]))


@pytest.mark.qemu
def test_three_quarters_of_the_instructions_of_dot_products() -> None:
    graph = layers()
    pairs, dots = instructions(graph, I8MM), instructions(graph, DOTPROD)
    print(f"1x1 layers: {pairs:,} instructions with SMMLA, {dots:,} with SDOT: {pairs / dots:.3f}")
    assert pairs <= 0.75 * dots
