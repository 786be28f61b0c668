"""Gemm and MatMul: transposition, factors, every form of C, and how a flattened map stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import Make, agrees, either, guilty, map_of


def rows(net: Qdq, values: int = 8) -> str:
    """(1, values), quantised."""
    y = net.node("Flatten", net.node("GlobalAveragePool", net.conv(net.x, values, 6)))
    return net.quantised(y, 0.006, 3)


def gemm(
    bias: tuple[int, ...] | None = None, *, kind: type = np.float32, axis: int = 1, **more: object
) -> Make:
    """(1, 8) times a matrix of 5 columns."""

    def make(net: Qdq) -> str:
        x, turned = rows(net), bool(more.get("transB"))
        weight = net.weight((5, 8) if turned else (8, 5), axis=1 - axis if turned else axis)
        inputs = [x, weight]
        if bias is not None:
            values = net.random.normal(0, 0.2, bias).astype(np.float32)
            inputs.append(net.constant(values))
        return net.quantised(guilty(net, "Gemm", *inputs, **more), 0.02, 3)

    return make


GEMM: dict[str, Make] = {
    "plain": gemm(),
    "transB": gemm(transB=1),
    "transB, scales along the columns": gemm((5,), transB=1),
    "alpha": gemm((5,), alpha=0.3),
    "alpha, negative": gemm((5,), alpha=-1.7),
    "alpha 0": gemm((5,), alpha=0.0),
    "beta": gemm((5,), beta=0.25),
    "beta 0": gemm((5,), beta=0.0),
    "alpha and beta": gemm((5,), alpha=0.5, beta=2.0, transB=1),
    "C (5)": gemm((5,)),
    "C (1, 5)": gemm((1, 5)),
    "C (1, 1)": gemm((1, 1)),
    "C (1)": gemm((1,)),
    "C ()": gemm(()),
}


@pytest.mark.parametrize("case", GEMM)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_gemm(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(GEMM[case], tmp_path, dtype=dtype)


def turned_input(net: Qdq) -> str:
    """transA: the input stands as (8, 1)."""
    y = net.node("Reshape", rows(net), net.constant(np.array([8, 1], np.int64)))
    return net.quantised(guilty(net, "Gemm", y, net.weight((8, 5), axis=1), transA=1), 0.02, 3)


def turned_square(net: Qdq) -> str:
    """transA of as many rows as columns, where no shape tells."""
    y = net.node("Reshape", map_of(net), net.constant(np.array([64, 8], np.int64)))
    y = net.node("Slice", y, *(net.constant(np.array([n], np.int64)) for n in (0, 8, 0)))
    y = net.quantised(y, 0.05, -4)
    return net.quantised(guilty(net, "Gemm", y, net.weight((8, 5), axis=1), transA=1), 0.2, 3)


def square_with_the_other_axis(transposed: int) -> Make:
    """Scales along the inputs of a square matrix, whose number does not tell."""

    def make(net: Qdq) -> str:
        weight = net.weight((8, 8), axis=1 if transposed else 0)
        return net.quantised(guilty(net, "Gemm", rows(net), weight, transB=transposed), 0.02, 3)

    return make


@pytest.mark.parametrize(
    "make",
    [
        turned_input, turned_square, gemm(axis=0), gemm((5,), axis=0, transB=1),
        square_with_the_other_axis(0), square_with_the_other_axis(1),
    ],
)  # fmt: skip
def test_rarer_gemm(make: Make, tmp_path: Path) -> None:
    either(make, tmp_path)


# ----------------------------------------------------------------------------------------- MatMul


def matmul(
    shape: tuple[int, ...], weight: tuple[int, ...], bias: str = "", left: bool = False
) -> Make:
    """An array of ``shape``, made of the map's 512 values, times a matrix."""

    def make(net: Qdq) -> str:
        y = net.node("Reshape", map_of(net), net.constant(np.array(shape, np.int64)))
        matrix = net.weight(weight, axis=len(weight) - 1, typical=0.004)
        y = guilty(net, "MatMul", *([matrix, y] if left else [y, matrix]))
        if bias:
            real = net.constant(net.random.normal(0, 0.3, weight[-1]).astype(np.float32))
            y = net.node("Add", *([y, real] if bias == "behind" else [real, y]))
        return net.quantised(y, 0.1, 3)

    return make


MATMUL: dict[str, Make] = {
    "(1, K)": matmul((1, 512), (512, 5)),
    "(1, K) with a bias": matmul((1, 512), (512, 5), "behind"),
    "(1, K) with a bias before it": matmul((1, 512), (512, 5), "before"),
    "rank 3": matmul((1, 16, 32), (32, 5)),
    "rank 3 with a bias": matmul((1, 16, 32), (32, 5), "behind"),
    "rank 4": matmul((1, 4, 8, 16), (16, 5)),
    "rank 4 with a bias": matmul((1, 4, 8, 16), (16, 5), "before"),
    "(T, K)": matmul((32, 16), (16, 5)),
}
ODD_MATMUL: dict[str, Make] = {
    "rank 1": matmul((512,), (512, 5)),
    "vector": matmul((1, 512), (512,)),
    "matrix of rank 3": matmul((1, 16, 32), (1, 32, 5)),
    "a matrix for each": matmul((2, 16, 16), (2, 16, 5)),
    "matrix on the left": matmul((16, 32), (5, 16), left=True),
    "vector on the left": matmul((16, 32), (16,), left=True),
    "batch": matmul((4, 128), (128, 5)),
}


@pytest.mark.parametrize("case", MATMUL)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_matmul(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(MATMUL[case], tmp_path, dtype=dtype)


@pytest.mark.parametrize("case", ODD_MATMUL)
def test_rarer_matmul(case: str, tmp_path: Path) -> None:
    either(ODD_MATMUL[case], tmp_path)


def attention(net: Qdq) -> str:
    """A product of two activations."""
    y = net.node("Reshape", map_of(net), net.constant(np.array([1, 16, 32], np.int64)))
    turned = net.node("Transpose", y, perm=[0, 2, 1])
    return net.quantised(guilty(net, "MatMul", y, turned), 0.5, 3)


def test_two_activations(tmp_path: Path) -> None:
    agrees(attention, tmp_path)


# --------------------------------------------------------------------------- how a map is flattened


def flattened(*nodes: tuple[str, object], quantised: bool = False, kind: str = "Gemm") -> Make:
    """A map through such nodes, then a matrix; ``quantised``: with a pair of its own between."""

    def make(net: Qdq) -> str:
        y = map_of(net)
        for name, value in nodes:
            if name == "Reshape":
                y = net.node(name, y, net.constant(np.array(value, np.int64)))
            else:
                y = net.node(name, y, **({"axis": value} if name == "Flatten" else {"perm": value}))
        y = net.quantised(y, 0.05, -4) if quantised else y
        weight = net.weight((8 * 7 * 9, 5), axis=1, typical=0.003)
        return net.quantised(guilty(net, kind, y, weight), 0.1, 3)

    return make


WAYS = {
    "Flatten": [("Flatten", 1)],
    "Flatten from the end": [("Flatten", -3)],
    "Reshape": [("Reshape", [1, -1])],
    "Reshape with 0": [("Reshape", [0, -1])],
    "channels last": [("Transpose", [0, 2, 3, 1]), ("Reshape", [1, -1])],
    "columns first": [("Transpose", [0, 3, 2, 1]), ("Flatten", 1)],
    "Reshape in between": [("Reshape", [1, 8, 63]), ("Transpose", [0, 2, 1]), ("Flatten", 1)],
    "Reshape across": [("Reshape", [1, 7, 8, 9]), ("Transpose", [0, 2, 1, 3]), ("Flatten", 1)],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("quantised", [False, True])
@pytest.mark.parametrize("kind", ["Gemm", "MatMul"])
def test_flattened(way: str, quantised: bool, kind: str, tmp_path: Path) -> None:
    make = flattened(*WAYS[way], quantised=quantised, kind=kind)
    agrees(make, tmp_path, shape=(6, 7, 9))


def test_flattened_before_its_pair(tmp_path: Path) -> None:
    """conv, Flatten, Q, DQ, Gemm."""

    def make(net: Qdq) -> str:
        y = net.quantised(net.node("Flatten", net.node("Relu", net.conv(net.x, 4, 6))), 0.03, -128)
        return net.quantised(guilty(net, "Gemm", y, net.weight((144, 5), axis=1)), 0.1, 3)

    agrees(make, tmp_path)


def test_stored_values_flattened(tmp_path: Path) -> None:
    """Q, Flatten, DQ: integers move as well."""

    def make(net: Qdq) -> str:
        numbers = net.constant(np.float32(0.05)), net.constant(np.int8(3))
        stored = net.node("QuantizeLinear", net.conv(net.x, 4, 6), *numbers)
        y = net.node("DequantizeLinear", net.node("Flatten", stored), *numbers)
        return net.quantised(guilty(net, "Gemm", y, net.weight((144, 5), axis=1)), 0.1, 3)

    agrees(make, tmp_path)
