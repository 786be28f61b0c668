"""Pooling windows at the edges of a map, and reductions over chosen axes."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import GUILTY, Make, agrees, either, guilty, map_of


def pool(kind: str, scale: float = 0.05, zero: int = 3, **more: object) -> Make:
    """A pool of the input, 3x3 unless given; with the input's own quantisation behind it."""

    def make(net: Qdq) -> str:
        options = {"kernel_shape": [3, 3], **more}
        return net.quantised(guilty(net, kind, net.x, **options), scale, zero)

    return make


@pytest.mark.parametrize("ceil, counted", product([0, 1], [0, 1]))
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 2], [0, 1, 2, 0]])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_average(ceil: int, counted: int, pads: list[int], stride: int, tmp_path: Path) -> None:
    make = pool(
        "AveragePool", ceil_mode=ceil, count_include_pad=counted, pads=pads,
        strides=[stride, stride], scale=0.03, zero=-4,
    )  # fmt: skip
    agrees(make, tmp_path, shape=(6, 8, 9), opset=19)


@pytest.mark.parametrize("opset", [11, 17, 19, 22])
def test_average_by_opset(opset: int, tmp_path: Path) -> None:
    """ceil_mode with padding that counts changed its meaning between opsets."""
    make = pool(
        "AveragePool", ceil_mode=1, count_include_pad=1, pads=[1, 1, 1, 1], strides=[2, 2],
        kernel_shape=[2, 2],
    )  # fmt: skip
    agrees(make, tmp_path, shape=(6, 7, 8), opset=max(opset, 13))


@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 2], [0, 1, 2, 0]])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("scale", [0.05, 0.03])
def test_maximum(ceil: int, pads: list[int], stride: int, scale: float, tmp_path: Path) -> None:
    make = pool("MaxPool", scale, ceil_mode=ceil, pads=pads, strides=[stride, stride])
    agrees(make, tmp_path, shape=(6, 8, 9))


@pytest.mark.parametrize("kind", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("stride", [1, 2])
def test_automatic_padding(kind: str, mode: str, stride: int, tmp_path: Path) -> None:
    make = pool(kind, auto_pad=mode, strides=[stride, stride], kernel_shape=[2, 3])
    agrees(make, tmp_path, shape=(6, 7, 8))


AGREE: dict[str, Make] = {
    "a view behind a pool that rounds up": lambda net: net.quantised(
        net.node(
            "Reshape",
            guilty(net, "MaxPool", net.x, kernel_shape=[1, 1], strides=[3, 3], ceil_mode=1),
            net.constant(np.array([0, -1], np.int64)),
        )
    ),
    "average without its own pair": lambda net: net.quantised(
        net.conv(guilty(net, "AveragePool", net.x, kernel_shape=[2, 2]), 5, 6), 0.2, 3
    ),
    "maximum of stored values": lambda net: net.node(
        "DequantizeLinear",
        guilty(net, "MaxPool", next(n.input[0] for n in net.nodes if net.x in n.output),
               kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        *next(n.input[1:3] for n in net.nodes if net.x in n.output),
    ),
    "strides left out": pool("MaxPool"),
    "average of strides left out": pool("AveragePool"),
    "flat": pool("MaxPool", kernel_shape=[1, 4], strides=[1, 2]),
    "whole map": pool("AveragePool", kernel_shape=[8, 8]),
    "one by one": pool("MaxPool", kernel_shape=[1, 1], strides=[2, 2]),
    "storage_order": pool("MaxPool", storage_order=1),
    "all below zero": pool("MaxPool", pads=[1, 1, 1, 1], zero=127),
    "GlobalAveragePool": lambda net: net.quantised(guilty(net, "GlobalAveragePool", net.x), 0.01),
    "GlobalMaxPool": lambda net: net.quantised(guilty(net, "GlobalMaxPool", net.x), 0.05, 3),
    "GlobalMaxPool, rescaled": lambda net: net.quantised(
        guilty(net, "GlobalMaxPool", net.x), 0.07, -100
    ),
    "clamped": lambda net: net.quantised(
        net.node("Relu", guilty(net, "AveragePool", net.x, kernel_shape=[2, 2])), 0.02, -128
    ),
    "clamped maximum": lambda net: net.quantised(
        net.node("Relu", guilty(net, "MaxPool", net.x, kernel_shape=[2, 2])), 0.02, -128
    ),
    "of a convolution": lambda net: net.quantised(
        guilty(net, "MaxPool", net.node("Relu", net.conv(net.x, 5, 6)), kernel_shape=[2, 2]),
        0.03, -128,
    ),
    "of a pair that both have": lambda net: net.quantised(
        guilty(net, "MaxPool", net.quantised(net.conv(net.x, 5, 6), 0.05, 9), kernel_shape=[2, 2]),
        0.05, 9,
    ),
    "without a pair of its own": lambda net: net.quantised(
        net.conv(guilty(net, "MaxPool", net.x, kernel_shape=[2, 2]), 5, 6), 0.2, 3
    ),
}  # fmt: skip
EITHER: dict[str, Make] = {
    "dilated": pool("MaxPool", dilations=[2, 2]),
    "dilated average": pool("AveragePool", dilations=[2, 2]),
    "dilated, padded, up": pool("MaxPool", dilations=[2, 1], pads=[2, 1, 2, 1], ceil_mode=1),
    "LpPool": pool("LpPool", p=2),
    "pads as wide as the kernel": pool("MaxPool", pads=[3, 3, 3, 3]),
    "negative pads": pool("AveragePool", pads=[-1, -1, 0, 0]),
    "larger than the map": pool("AveragePool", kernel_shape=[9, 9], pads=[1, 1, 1, 1]),
}


@pytest.mark.parametrize("case", AGREE)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_pool(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(AGREE[case], tmp_path, dtype=dtype)


@pytest.mark.parametrize("case", EITHER)
def test_rarer_pool(case: str, tmp_path: Path) -> None:
    either(EITHER[case], tmp_path, opset=19, judged="pads as wide" not in case)


def indices(used: bool) -> Make:
    """MaxPool's second output, which nothing reads, or which is an output itself."""

    def make(net: Qdq) -> str:
        y = guilty(net, "MaxPool", net.x, kernel_shape=[2, 2])
        net.nodes[-1].output.append("places")
        first = net.quantised(y, 0.05, 3)
        if not used:
            return first
        more = net.node("Cast", "places", to=1, name=f"{GUILTY} cast")
        return net.quantised(net.node("Add", first, more), 1.0, 0)

    return make


def test_indices_that_nothing_reads(tmp_path: Path) -> None:
    agrees(indices(used=False), tmp_path)


def test_indices(tmp_path: Path) -> None:
    either(indices(used=True), tmp_path)


def one_axis(kind: str, **more: object) -> Make:
    def make(net: Qdq) -> str:
        return net.quantised(guilty(net, kind, net.x, kernel_shape=[3], **more), 0.05, 3)

    return make


@pytest.mark.parametrize("kind", ["AveragePool", "MaxPool"])
@pytest.mark.parametrize("more", [{}, {"strides": [2], "pads": [1, 0], "ceil_mode": 1}], ids=str)
def test_pool_of_one_axis(kind: str, more: dict, tmp_path: Path) -> None:
    agrees(one_axis(kind, **more), tmp_path, shape=(6, 16))


# ------------------------------------------------------------------------------------- reductions


def reduced(kind: str, axes: list[int] | None, keep: int, as_input: bool, **more: object) -> Make:
    def make(net: Qdq) -> str:
        inputs, options = [map_of(net)], {"keepdims": keep, **more}
        if axes is not None and as_input:
            inputs.append(net.constant(np.array(axes, np.int64)))
        elif axes is not None:
            options["axes"] = axes
        return net.quantised(guilty(net, kind, *inputs, **options), 0.01, -4)

    return make


@pytest.mark.parametrize("kind", ["ReduceMean", "ReduceMax"])
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [-1, -2], [3, 2]], ids=str)
@pytest.mark.parametrize("opset", [13, 18])
def test_reduction_of_maps(
    kind: str, keep: int, axes: list[int], opset: int, tmp_path: Path
) -> None:
    make = reduced(kind, axes, keep, as_input=opset >= 18)
    agrees(make, tmp_path, opset=opset, shape=(6, 7, 9))


@pytest.mark.parametrize(
    "kind", ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2", "ReduceL1"]
)
@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [[1], [2], [3], [1, 2, 3], [1, 3], [0], None], ids=str)
def test_rarer_reduction(kind: str, keep: int, axes: list[int] | None, tmp_path: Path) -> None:
    either(reduced(kind, axes, keep, as_input=True), tmp_path, opset=18, shape=(6, 7, 9))


@pytest.mark.parametrize("none", [0, 1])
def test_reduction_of_no_axes(none: int, tmp_path: Path) -> None:
    make = reduced("ReduceMean", [], 1, as_input=True, noop_with_empty_axes=none)
    either(make, tmp_path, opset=18)


def test_reduction_then_matrix(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = net.node("ReduceMean", map_of(net), axes=[2, 3], keepdims=0)
        y = net.quantised(y, 0.01, -4)
        return net.quantised(net.node("Gemm", y, net.weight((8, 5), axis=1)), 0.02, 3)

    agrees(make, tmp_path, opset=13)


def normalised_rows(net: Qdq) -> str:
    """x / max(|x|, a): the unit vector at the end of a face network."""
    x = net.quantised(net.node("Flatten", net.node("GlobalAveragePool", map_of(net))), 0.005, 3)
    length = net.node("ReduceL2", x, axes=[1], keepdims=1)
    length = net.node("Clip", length, net.constant(np.float32(1e-12)))
    return net.quantised(guilty(net, "Div", x, length), 1 / 128, 0)


def test_unit_vectors(tmp_path: Path) -> None:
    either(normalised_rows, tmp_path, names=(GUILTY, "ReduceL2"))
