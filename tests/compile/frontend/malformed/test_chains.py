"""Thousands of operators in a row: they compile, or are refused like any other file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq
from ..meaning.judge import saved
from .files import raw


@pytest.mark.parametrize("kind", ["Identity", "Relu", "Neg", "Transpose"])
@pytest.mark.parametrize("length", [3000])
def test_long_chains(kind: str, length: int, tmp_path: Path) -> None:
    """Thousands of operators in a row are no reason for a RecursionError."""
    net = Qdq((6, 8, 8))
    y = net.x
    for _ in range(length):
        y = net.node(kind, y)
    path = saved(raw(net, net.quantised(y)), tmp_path)
    try:
        pipeline.optimise(load(path))
    except CompileError as error:
        assert path.name in str(error)


def test_a_long_network(tmp_path: Path) -> None:
    net = Qdq((2, 3, 3))
    y = net.x
    for _ in range(600):
        y = net.quantised(net.node("Relu", y), 0.05, 3)
    pipeline.optimise(load(saved(raw(net, y), tmp_path)))
