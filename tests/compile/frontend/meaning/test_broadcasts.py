"""Operands of different shapes: numpy's rule, whatever rank and side they have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import Make, agrees, either, guilty, map_of

KINDS = ("Add", "Mul", "Sub", "Div")
CHANNELS = [(), (1,), (8, 1, 1), (1, 8, 1, 1), (1, 1, 1, 1)]
OTHERS = [(9,), (1, 9), (7, 1), (7, 9), (1, 1, 7, 9), (1, 8, 7, 1), (1, 8, 1, 9), (8, 7, 9)]
SHAPE = (6, 7, 9)


def with_constant(kind: str, shape: tuple[int, ...], left: bool, quantised: bool) -> Make:
    """A map of (1, 8, 7, 9) and a constant of ``shape``, of float or behind a DequantizeLinear."""

    def make(net: Qdq) -> str:
        if quantised:
            values = net.constant(net.random.integers(40, 127, shape).astype(np.int8))
            other = net.node("DequantizeLinear", values, net.constant(np.float32(0.01)))
        else:
            other = net.constant(net.random.uniform(0.5, 2, shape).astype(np.float32))
        x = map_of(net, zero=-128) if kind == "Div" and left else map_of(net)
        return net.quantised(guilty(net, kind, *([other, x] if left else [x, other])), 0.05, 1)

    return make


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", CHANNELS, ids=str)
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("quantised", [False, True], ids=["float", "int8"])
def test_constant_of_channels(
    kind: str, shape: tuple[int, ...], left: bool, quantised: bool, tmp_path: Path
) -> None:
    agrees(with_constant(kind, shape, left, quantised), tmp_path, shape=SHAPE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", OTHERS, ids=str)
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_constant_along_the_map(
    kind: str, shape: tuple[int, ...], left: bool, tmp_path: Path
) -> None:
    either(with_constant(kind, shape, left, False), tmp_path, shape=SHAPE)


def with_activation(kind: str, shape: tuple[int, ...], left: bool) -> Make:
    """A map of (1, 8, 7, 9) and another activation of ``shape``, which the network computes."""

    def make(net: Qdq) -> str:
        x, other = map_of(net), map_of(net, scale=0.03, zero=9)
        full = (1, *(1,) * (4 - len(shape) - 1), *shape) if len(shape) < 4 else shape
        axes = [axis for axis in range(1, 4) if full[axis] == 1]
        if axes:
            other = net.node("ReduceMax", other, axes=axes, keepdims=1)
        if len(shape) < 4:
            other = net.node("Reshape", other, net.constant(np.array(shape, np.int64)))
        other = net.quantised(other, 0.03, -128 if kind == "Div" else 9)
        return net.quantised(guilty(net, kind, *([other, x] if left else [x, other])), 0.1, 1)

    return make


@pytest.mark.parametrize("kind", ["Add", "Mul", "Sub"])
@pytest.mark.parametrize("shape", [(8, 1, 1), (1, 8, 1, 1), (1, 8, 7, 9), (8, 7, 9)], ids=str)
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_activation_of_channels(
    kind: str, shape: tuple[int, ...], left: bool, tmp_path: Path
) -> None:
    agrees(with_activation(kind, shape, left), tmp_path, shape=SHAPE)


@pytest.mark.parametrize("kind", [*KINDS, "Max", "Min"])
@pytest.mark.parametrize(
    "shape", [(9,), (1, 9), (7, 1), (7, 9), (1, 1, 7, 9), (1, 8, 7, 1), (1, 8, 1, 9), (1,)], ids=str
)
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_activation_along_the_map(
    kind: str, shape: tuple[int, ...], left: bool, tmp_path: Path
) -> None:
    either(with_activation(kind, shape, left), tmp_path, shape=SHAPE, names=("guilty", "Reduce"))


def along_the_width(kind: str) -> Make:
    """(1, 6, 9, 6) and (1, 6): the last axis, though there are as many channels."""

    def make(net: Qdq) -> str:
        y = net.node("GlobalAveragePool", net.x)
        y = net.quantised(net.node("Flatten", y), 0.02, 1)
        return net.quantised(guilty(net, kind, net.x, y), 0.05, 1)

    return make


@pytest.mark.parametrize("kind", ["Mul", "Add", "Sub"])
def test_along_the_width_of_as_many_as_channels(kind: str, tmp_path: Path) -> None:
    either(along_the_width(kind), tmp_path, shape=(6, 9, 6))


@pytest.mark.parametrize("kind", ["Mul", "Add"])
@pytest.mark.parametrize("shape", [(6,), (1, 6), (6, 1), (1, 1, 6), (6, 1, 1)], ids=str)
def test_constant_beside_a_cube(kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    """As many channels as rows as columns: only the place in the shape tells."""

    def make(net: Qdq) -> str:
        other = net.constant(net.random.uniform(0.5, 2, shape).astype(np.float32))
        return net.quantised(guilty(net, kind, net.x, other), 0.08, 1)

    either(make, tmp_path, shape=(6, 6, 6))


def outer(kind: str) -> Make:
    """(1, 8, 1, 1) and (1, 1, 7, 9): neither has the result's shape."""

    def make(net: Qdq) -> str:
        x = map_of(net)
        a = net.quantised(net.node("ReduceMax", x, axes=[2, 3], keepdims=1), 0.05, -4)
        b = net.quantised(net.node("ReduceMax", x, axes=[1], keepdims=1), 0.05, -4)
        return net.quantised(guilty(net, kind, a, b), 0.1, 1)

    return make


@pytest.mark.parametrize("kind", ["Mul", "Add", "Max"])
def test_outer(kind: str, tmp_path: Path) -> None:
    either(outer(kind), tmp_path, shape=SHAPE, names=("guilty", "ReduceMax"))


def alike(kind: str) -> Make:
    """One activation on both sides."""

    def make(net: Qdq) -> str:
        x = map_of(net)
        return net.quantised(guilty(net, kind, x, x), 0.08, 1)

    return make


@pytest.mark.parametrize("kind", ["Add", "Mul", "Sub", "Max", "Min"])
def test_both_sides_alike(kind: str, tmp_path: Path) -> None:
    agrees(alike(kind), tmp_path)


@pytest.mark.parametrize("kind", ["Sum", "Mean", "Max"])
def test_three_operands(kind: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        parts = [map_of(net, scale=scale) for scale in (0.05, 0.03, 0.04)]
        return net.quantised(guilty(net, kind, *parts), 0.1, 1)

    either(make, tmp_path)


def rows(kind: str) -> Make:
    """(1, 8) and (8), after a Flatten."""

    def make(net: Qdq) -> str:
        y = net.node("Flatten", net.node("GlobalAveragePool", map_of(net)))
        y = net.quantised(y, 0.01, 1)
        other = net.constant(net.random.uniform(0.5, 2, 8).astype(np.float32))
        return net.quantised(guilty(net, kind, y, other), 0.01, 1)

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_rows(kind: str, tmp_path: Path) -> None:
    agrees(rows(kind), tmp_path)
