"""Attention as exporters write it: products of two activations, layer norms in many nodes, GELU."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq
from .judge import agrees, guilty, refused, written

STEPS, WIDTH, HEADS = 6, 32, 2
SHAPE = (STEPS, WIDTH)


def number(net: Qdq, value: float) -> str:
    return net.constant(np.float32(value))


def kinds(make: object, folder: Path, shape: tuple[int, ...] = SHAPE) -> Counter[str]:
    """How many operators of each kind a file becomes."""
    graph = load(written(make, folder, shape, 17, np.int8, 3))  # type: ignore[arg-type]
    return Counter(type(op).__name__ for op in graph.ops)


# ------------------------------------------------------------------------------------- products


def split(net: Qdq, x: str, order: list[int]) -> str:
    """Heads of (1, T, d) in front; ``order`` of (1, T, heads, d / heads)."""
    shape = net.constant(np.array([1, STEPS, HEADS, WIDTH // HEADS]))
    return net.node("Transpose", net.node("Reshape", x, shape), perm=order)


def linear(net: Qdq, zero: int) -> str:
    return net.quantised(net.node("MatMul", net.x, net.weight((WIDTH, WIDTH), axis=1)), 0.02, zero)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("turned", [True, False])
def test_heads(turned: bool, dtype: type, tmp_path: Path) -> None:
    """The key transposed with its heads, or apart from them; the scale is a Div behind or none."""

    def make(net: Qdq) -> str:
        query = split(net, linear(net, 5), [0, 2, 1, 3])
        key = split(net, linear(net, -7), [0, 2, 3, 1] if turned else [0, 2, 1, 3])
        key = key if turned else net.node("Transpose", key, perm=[0, 1, 3, 2])
        value = split(net, linear(net, 0), [0, 2, 1, 3])
        scores = guilty(net, "MatMul", query, key)
        scores = net.node("Div", scores, number(net, math.sqrt(WIDTH))) if turned else scores
        scores = net.quantised(scores, 0.05 if turned else 0.2, 9)
        shares = net.quantised(net.node("Softmax", scores, axis=-1), 1 / 256, -128)
        found = net.quantised(net.node("MatMul", shares, value), 0.01, 3)
        found = net.node("Transpose", found, perm=[0, 2, 1, 3])
        return net.node("Reshape", found, net.constant(np.array([1, STEPS, WIDTH])))

    agrees(make, tmp_path, shape=SHAPE, dtype=dtype)
    found = kinds(make, tmp_path)
    assert found["MatMul"] == 2 and found["Move"] == 1  # the values, whose columns it reads


@pytest.mark.parametrize("shapes", [
    ((6, 8), (8, 5)), ((3, 6, 8), (3, 8, 5)), ((3, 6, 8), (8, 5)), ((2, 3, 1, 8), (2, 1, 8, 4)),
    ((1, 8), (8, 1)), ((6, 1), (1, 5)),
])  # fmt: skip
def test_products_of_any_rank(shapes: tuple[tuple[int, ...], ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        x = net.x
        y = net.more_input("other", shapes[1], 0.03, -20)
        return net.quantised(guilty(net, "MatMul", x, y), 0.05, -3)

    agrees(make, tmp_path, shape=shapes[0])


def test_a_product_with_itself_turned(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        turned = net.node("Transpose", net.x, perm=[0, 2, 1])
        return net.quantised(guilty(net, "MatMul", net.x, turned), 1.0, -3)

    agrees(make, tmp_path, shape=SHAPE)


def test_float_products_are_refused(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        other = net.more_input("other", (WIDTH, 4), 0.03, 0)
        return net.node("Exp", guilty(net, "MatMul", net.x, other))

    refused(make, tmp_path, "guilty", "QuantizeLinear behind it", shape=SHAPE)


# ---------------------------------------------------------------------------------------- norms


def row(net: Qdq, spread: float = 0.3, middle: float = 0.0) -> str:
    return net.constant(net.random.normal(middle, spread, WIDTH).astype(np.float32))


def mean(net: Qdq, x: str) -> str:
    return net.node("ReduceMean", x, axes=[-1], keepdims=1)


def torch(net: Qdq, x: str) -> str:
    """torch.nn.LayerNorm below opset 17."""
    centred = net.node("Sub", x, mean(net, x))
    square = mean(net, net.node("Pow", centred, number(net, 2)))
    root = net.node("Sqrt", net.node("Add", square, number(net, 1e-5)))
    found = net.node("Mul", net.node("Div", centred, root), row(net, middle=1))
    return net.node("Add", found, row(net), name="guilty")


def squared(net: Qdq, x: str) -> str:
    """A product for the square, and a reciprocal."""
    centred = net.node("Sub", x, mean(net, x))
    square = mean(net, net.node("Mul", centred, centred))
    root = net.node("Sqrt", net.node("Add", number(net, 1e-3), square))
    return guilty(net, "Mul", net.node("Reciprocal", root), centred)


def unbiased(net: Qdq, x: str) -> str:
    """VTN's: the epsilon beside the unbiased deviation, whose square is clamped."""
    centred = net.node("Sub", x, mean(net, x))
    square = net.node("Mul", centred, centred)
    total = net.node("ReduceSum", square, net.constant(np.array([-1])), keepdims=1)
    square = net.node("Div", total, number(net, WIDTH - 1))
    root = net.node("Sqrt", net.node("Clip", square, number(net, 1e-12)))
    below = net.node("Add", root, number(net, 1e-3))
    found = net.node("Div", net.node("Mul", row(net, middle=1), centred), below)
    return net.node("Add", found, row(net), name="guilty")


def one(net: Qdq, x: str) -> str:
    return guilty(net, "LayerNormalization", x, row(net, middle=1), row(net), axis=-1)


def plain(net: Qdq, x: str) -> str:
    return guilty(net, "LayerNormalization", x, row(net, middle=1), axis=2, epsilon=0.1)


def mean_square(net: Qdq, x: str) -> str:
    """RMSNorm: without the mean."""
    square = mean(net, net.node("Pow", x, number(net, 2)))
    inverse = net.node("Reciprocal", net.node("Sqrt", net.node("Add", square, number(net, 1e-4))))
    return guilty(net, "Mul", net.node("Mul", x, inverse), row(net, middle=1))


def length(net: Qdq, x: str) -> str:
    """torch's F.normalize."""
    whole = net.node("ReduceL2", x, axes=[-1], keepdims=1)
    whole = net.node("Clip", whole, number(net, 1e-12))
    whole = net.node("Expand", whole, net.constant(np.array([1, *SHAPE])))
    return guilty(net, "Div", x, whole)


NORMS = {f.__name__: f for f in (torch, squared, unbiased, one, plain, mean_square, length)}
"""All of a scale at which what they give fits int8."""


@pytest.mark.parametrize("form", NORMS)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_norms(form: str, dtype: type, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        return net.quantised(NORMS[form](net, net.x), 0.03, 3)

    agrees(make, tmp_path, shape=SHAPE, dtype=dtype)
    assert kinds(make, tmp_path) == {"LayerNorm": 1}


@pytest.mark.parametrize("form", NORMS)
def test_norms_in_float32(form: str, tmp_path: Path) -> None:
    """Behind what is float, and in front of it."""

    def make(net: Qdq) -> str:
        x = net.node("MatMul", net.x, net.weight((WIDTH, WIDTH), axis=1))
        return NORMS[form](net, x)

    agrees(make, tmp_path, shape=SHAPE)


@pytest.mark.parametrize("axes", [[1], [1, 2]])
def test_over_other_axes_it_is_none(axes: list[int], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        centred = net.node("Sub", net.x, net.node("ReduceMean", net.x, axes=axes, keepdims=1))
        square = net.node("ReduceMean", net.node("Mul", centred, centred), axes=axes, keepdims=1)
        root = net.node("Sqrt", net.node("Add", square, number(net, 1e-3)))
        return net.quantised(guilty(net, "Div", centred, root), 0.03, 3)

    agrees(make, tmp_path, shape=SHAPE)
    assert not kinds(make, tmp_path)["LayerNorm"]


def test_a_clamp_that_counts_stays(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        centred = net.node("Sub", net.x, mean(net, net.x))
        square = net.node("Clip", mean(net, net.node("Mul", centred, centred)), number(net, 4.0))
        return net.quantised(guilty(net, "Div", centred, net.node("Sqrt", square)), 0.03, 3)

    agrees(make, tmp_path, shape=SHAPE)
    assert not kinds(make, tmp_path)["LayerNorm"]


# ----------------------------------------------------------------------------------------- GELU


def erf(net: Qdq, x: str) -> str:
    inner = net.node("Erf", net.node("Div", x, number(net, math.sqrt(2))))
    product = net.node("Mul", x, net.node("Add", inner, number(net, 1)))
    return guilty(net, "Mul", product, number(net, 0.5))


def tanh(net: Qdq, x: str) -> str:
    cube = net.node("Mul", net.node("Pow", x, number(net, 3)), number(net, 0.044715))
    inner = net.node("Mul", net.node("Add", x, cube), number(net, math.sqrt(2 / math.pi)))
    product = net.node("Mul", x, net.node("Add", net.node("Tanh", inner), number(net, 1)))
    return guilty(net, "Mul", product, number(net, 0.5))


@pytest.mark.parametrize("form", [erf, tanh])
def test_gelu_is_a_table(form: object, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        return net.quantised(form(net, net.x), 0.02, -100)  # type: ignore[operator]

    agrees(make, tmp_path, shape=SHAPE)
    assert kinds(make, tmp_path) == {"Table": 1}


# ------------------------------------------------------------------------------------ constants


def test_a_table_of_positions_in_int8(tmp_path: Path) -> None:
    """A sum with a constant that differs along the steps: in integers where the file has it so."""

    def make(net: Qdq) -> str:
        return net.quantised(guilty(net, "Add", net.x, net.weight(SHAPE, per_channel=False)), 0.05)

    agrees(make, tmp_path, shape=SHAPE)
    assert kinds(make, tmp_path) == {"Constant": 1, "Add": 1}
