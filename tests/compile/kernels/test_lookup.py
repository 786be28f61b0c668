"""Look-ups of all 256 values against the reference, byte for byte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ..runners import Machines
from ..wide_graphs import WideBuilder
from .cases import on_every_target


def every_value(channels: int) -> np.ndarray:
    """int8 (2, 16, 17, channels): each value in each channel, and beside others each time."""
    steps = np.arange(2 * 16 * 17 * channels, dtype=np.int64).reshape(2, 16, 17, channels)
    return ((steps // channels + 37 * (steps % channels)) % 256 - 128).astype(np.int8)


@on_every_target
@pytest.mark.parametrize("channels", [1, 8, 16, 24, 40, 64, 72])
def test_every_value(machines: Machines, target: str, channels: int) -> None:
    build = WideBuilder(channels, (16, 17, channels))
    first = build.table("input")
    graph = build.graph(first, build.table(first, clamp=(-100, 31)))
    machines.check(graph, target, every_value(channels))


@on_every_target
def test_between_a_border_and_other_channels(machines: Machines, target: str) -> None:
    """Rows that do not follow each other, and pixels wider than their channels."""
    build = WideBuilder(5, (16, 17, 48))
    padded = build.table("input")
    parts = [build.table(padded), build.table("input"), build.tables(padded)]
    for part in parts[1:]:
        first = build.tensors[parts[0]]
        build.tensors[part] = replace(first, name=part)
    graph = build.graph(
        build.conv(padded, 16, kernel=(3, 3), pads=(1, 1, 1, 1)), build.concat(*parts)
    )
    machines.check(graph, target, every_value(48))
