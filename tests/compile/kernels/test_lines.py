"""Convolutions rescaled by lines on Cortex-M: those that have some, all, or no channel with one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pocketvision.compile.arithmetic import fixedpoint, scales
from pocketvision.compile.arithmetic.lines import lines
from pocketvision.compile.graph import Conv
from pocketvision.compile.kernels.conv.shape import ConvShape
from pocketvision.compile.kernels.depthwise.shape import DepthwiseShape
from pocketvision.compile.kernels.epilogue import Line, Rounding
from pocketvision.compile.lower import lower
from pocketvision.compile.pipeline import instruction_set
from pocketvision.compile.targets import FAMILIES, TARGETS

from ..graphs import Builder, inputs
from ..runners import Machines

on_every_core = pytest.mark.parametrize("target", FAMILIES["cortex-m"])


def rescaled(build: Builder, scales: list[float], *, add: str = "") -> None:
    """Gives the last convolution these scales, by turns."""
    op = build.ops[-1]
    assert isinstance(op, Conv)
    scale = np.resize(np.float32(scales), len(op.bias))
    build.ops[-1] = replace(op, scale=scale)


def lined(build: Builder) -> None:
    """Gives the last convolution scales that have lines; not all of them have factors."""
    op = build.ops[-1]
    assert isinstance(op, Conv)
    y = build.tensors[op.output]
    ends = op.low - y.zero_point, op.high - y.zero_point
    reach = scales.reach(op.weight, op.bias)
    while True:
        drawn = np.exp2(build.random.uniform(-9.5, -8, (200, len(reach)))).astype(np.float32)
        right = np.stack([lines(row, reach, *ends).exact for row in drawn])
        scale = np.take_along_axis(drawn, right.argmax(axis=0)[None], axis=0)[0]
        if (fixedpoint.factors(scale, reach, *ends) < 0).any():
            break
    rescaled(build, scale.tolist())


def roundings(build: Builder, output: str, target: str) -> list[Rounding]:
    shapes = lower.lower(build.graph(output), instruction_set(TARGETS[target])).kernels
    return [k.rounding for k in shapes if isinstance(k, ConvShape | DepthwiseShape)]


FINE = [0.00271828, 0.00314159, 0.0021]
"""Scales that have lines, if not factors."""

NONE = 2.0**-9
"""A scale of which every second tie is rounded up: no line."""

COARSE = 0.0612
"""One that leaves no room for a fraction."""


@on_every_core
def test_every_form_of_a_layer(machines: Machines, target: str) -> None:
    build = Builder(31, (7, 9, 24), zero=0)
    forms: list[Line | None] = []

    def layer(x: str, scales: list[float], form: Line | None) -> str:
        rescaled(build, scales)
        forms.append(form)
        return x

    wide = {"kernel": (3, 3), "pads": (1, 1, 1, 1)}
    x = build.conv("input", 30, **wide, zero=-7)  # type: ignore[arg-type]
    x = layer(x, [*FINE, NONE, *FINE], Line(4, True))
    x = layer(build.conv(x, 21, zero=0, clamp=(0, 127)), [*FINE, NONE, NONE, *FINE], Line(4, True))
    x = layer(
        build.depthwise(x, zero=0, pads=(1, 1, 1, 1), clamp=(0, 127)), [*FINE, NONE], Line(4, True)
    )
    x = layer(build.depthwise(x, zero=5, pads=(1, 1, 1, 1)), [COARSE, *FINE, NONE], Line(0, True))
    x = layer(
        build.conv(x, 24, zero=9, clamp=(-100, 90)),
        [COARSE, COARSE, *FINE, *FINE, NONE],
        Line(0, True),
    )
    x = layer(build.conv(x, 24, zero=-3, two_scales=True), [*FINE, *FINE, NONE], Line(4, True))
    x = layer(build.conv(x, 24, zero=0, add=x), [*FINE, *FINE, NONE], Line(4, True))
    x = layer(build.depthwise(x, stride=(2, 2), zero=2, two_scales=True), [NONE], None)
    found = roundings(build, x, target)
    if target != "cortex-m55":  # which rescales floats by vectors
        assert [rounding.line for rounding in found] == forms
        assert [rounding.rectified for rounding in found] == [False, True, True] + [False] * 5
    machines.check(build.graph(x), target, inputs(build.random, 3, build.tensors["input"]))


@on_every_core
def test_layers_whose_channels_all_have_lines(machines: Machines, target: str) -> None:
    build = Builder(32, (8, 8, 16), zero=0, tame=True)
    x = build.conv("input", 24, (3, 3), pads=(1, 1, 1, 1), zero=-128)
    lined(build)
    x = build.conv(x, 16, zero=0, clamp=(0, 127))
    lined(build)
    x = build.depthwise(x, (5, 5), pads=(2, 2, 2, 2))
    lined(build)
    found = roundings(build, x, target)
    if target != "cortex-m55":
        assert [rounding.line for rounding in found] == [Line(4, False)] * 3
    machines.check(build.graph(x), target, inputs(build.random, 3, build.tensors["input"]))
