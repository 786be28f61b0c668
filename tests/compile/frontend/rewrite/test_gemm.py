"""Gemm's factors go into constants, its transposed operand gets a Transpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ..small import kinds, model, node, same

RANDOM = np.random.default_rng(1)
B = RANDOM.normal(0, 1, (8, 5)).astype(np.float32)
C = RANDOM.normal(0, 1, 5).astype(np.float32)


def options(made) -> dict[str, float]:
    return {a.name: a.f or a.i for a in made.graph.node[-1].attribute}


@pytest.mark.parametrize("inputs", [["x", "b", "c"], ["x", "b"]], ids=["offset", "none"])
@pytest.mark.parametrize("turned", [False, True])
def test_factors_of_floats(tmp_path: Path, inputs: list[str], turned: bool) -> None:
    gemm = node("Gemm", inputs, ["y"], alpha=0.3, beta=-1.7, transB=int(turned))
    made = model([gemm], {"b": B.T if turned else B, "c": C}, x=(1, 8))
    after = same(tmp_path, made, steps=1e-5)
    assert kinds(after) == ["Gemm"]
    assert options(after) == ({"transB": 1} if turned else {})


def test_a_transposed_operand(tmp_path: Path) -> None:
    gemm = node("Gemm", ["x", "b", "c"], ["y"], transA=1)
    after = same(tmp_path, model([gemm], {"b": B, "c": C}, x=(8, 3)))
    assert kinds(after) == ["Transpose", "Gemm"]


def test_an_offset_times_nothing(tmp_path: Path) -> None:
    gemm = node("Gemm", ["x", "b", "c"], ["y"], beta=0.0)
    after = same(tmp_path, model([gemm], {"b": B, "c": C}, x=(1, 8)))
    assert list(after.graph.node[0].input) == ["x", "b"]


def test_factors_of_integers_stay(tmp_path: Path) -> None:
    nodes = [
        node("DequantizeLinear", ["q", "s"], ["b"], axis=1),
        node("Gemm", ["x", "b", "c"], ["y"], alpha=0.5, beta=2.0),
    ]
    values = {"q": RANDOM.integers(-99, 99, (8, 5)).astype(np.int8), "c": C,
              "s": np.linspace(0.01, 0.02, 5, dtype=np.float32)}  # fmt: skip
    after = same(tmp_path, model(nodes, values, x=(1, 8)), steps=1e-6)
    assert options(after) == {"alpha": 0.5}
