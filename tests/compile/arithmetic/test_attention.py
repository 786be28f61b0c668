"""The rules of softmax, of products of two activations and of norms against float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pocketvision.compile.arithmetic import curves, reference
from pocketvision.compile.arithmetic.scales import Norm
from pocketvision.compile.graph import Graph, Softmax, Tensor

from ..wide_graphs import WideBuilder

EPSILONS: tuple[dict[str, Any], ...] = (
    {"inside": 1e-5}, {"beside": 1e-3, "factor": 1.25}, {}, {"inside": 2.0, "beside": 0.5},
    {"inside": 1e-5, "centred": False}, {"factor": 64.0, "centred": False},
)  # fmt: skip


def real(values: np.ndarray, x: Tensor) -> np.ndarray:
    """float64 of stored values."""
    return np.asarray((values.astype(np.float64) - x.zero_point) * x.scale)


def farthest(build: WideBuilder, y: str, wanted: np.ndarray) -> float:
    """How many steps results are off float64 at most; 0.5 is a rounding."""
    tensor = build.tensors[y]
    steps = np.clip(wanted / tensor.scale + tensor.zero_point, -128, 127)
    return float(np.abs(build.values[y] - steps).max())


@pytest.mark.parametrize("size", [2, 16, 64, 513, 2048])
@pytest.mark.parametrize("options", EPSILONS)
def test_norms_of_every_spread(size: int, options: dict[str, Any]) -> None:
    """From one step to all of int8, at every place of it."""
    build = WideBuilder(size, (1, 255, size), samples=1)
    random, x = build.random, build.tensors["input"]
    norm = Norm(random.normal(0, 1, size), random.normal(0, 1, size), **options)
    spans = np.arange(1, 256)[:, None]
    values = random.integers(0, spans + 1, (255, size))
    values[:, :2] = 0, 1  # no two alike, so that there is a deviation
    values = (values + random.integers(-128, 128 - spans)).astype(np.int8)
    build.values["input"] = values[None, None]
    centred = real(values, x)
    if norm.centred:
        centred = centred - centred.mean(axis=1, keepdims=True)
    square = norm.factor * (centred**2).mean(axis=1, keepdims=True) + norm.inside
    wanted = norm.gain * centred / (np.sqrt(square) + norm.beside) + norm.shift
    assert farthest(build, build.layer_norm("input", norm), wanted[None, None]) < 0.51


def test_norm_of_equal_values_is_its_shift() -> None:
    for options in EPSILONS[:4]:
        build = WideBuilder(5, (1, 256, 8), samples=1)
        build.values["input"] = np.repeat(np.arange(-128, 128), 8).astype(np.int8)[None, None]
        build.values["input"] = build.values["input"].reshape(1, 1, 256, 8)
        norm = Norm(np.ones(8), np.linspace(-2, 2, 8), **options)
        wanted = np.broadcast_to(norm.shift, (1, 1, 256, 8))
        assert farthest(build, build.layer_norm("input", norm), wanted) < 0.51


def test_an_epsilon_that_is_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="epsilon"):
        Norm(np.ones(8), np.ones(8), inside=1e30).numbers(8, 1e-3, 1.0)


@pytest.mark.parametrize("inner", [1, 64, 3000])
def test_products_of_ends(inner: int) -> None:
    """Random rows, and rows of the ends of int8, whose sums are the largest."""
    for seed in range(4):
        build = WideBuilder(seed, (2, 9, inner), samples=1)
        other = build.more_input((2, 7, inner))
        for name in ("input", other):
            build.values[name][:, :, 0], build.values[name][:, :, 1] = -128, 127
        y = build.matmul("input", other, 2)
        a, b = (real(build.values[name], build.tensors[name]) for name in ("input", other))
        steps = build.ops[-1].scale * build.tensors[y].scale  # type: ignore[attr-defined]
        scale = steps / (build.tensors["input"].scale * build.tensors[other].scale)
        wanted = a @ b.swapaxes(2, 3) * scale.astype(np.float64).reshape(-1, 1, 1)
        assert farthest(build, y, wanted) < 0.51


@pytest.mark.parametrize("size", [3, 16, 900])
def test_softmax_of_every_step(size: int) -> None:
    """Every distance below the largest value, at scales from one result to a single one."""
    for scale in np.geomspace(2e-3, 2.0, 12):
        x = Tensor("x", 1, 256, size, float(np.float32(scale)), 3)
        y = Tensor("y", 1, 256, size, 1 / 256, -128)
        values = np.full((1, 1, 256, size), 127, np.int8)
        values[..., 1:] = np.random.default_rng(size).integers(-128, 128, size - 1)
        values[..., 1] = np.arange(-128, 128)
        table = curves.softmax_table(x.scale, size)
        op = Softmax(name="softmax", inputs=("x",), output="y", table=table)
        graph = Graph("one", {"x": x, "y": y}, (op,), ("x",), ("y",))
        powers = np.exp(real(values, x))
        wanted = powers / powers.sum(axis=3, keepdims=True)
        steps = np.clip(wanted / y.scale + y.zero_point, -128, 127)
        assert np.abs(reference.run(graph, values) - steps).max() < 0.51
