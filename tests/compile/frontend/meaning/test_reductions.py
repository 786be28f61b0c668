"""Reductions over any axes, softmaxes and ArgMax, of int8 and of float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import Make, agrees, guilty, refused

AXES = [[1], [2], [3], [-1], [1, 2], [1, 3], [2, 3], [1, 2, 3], [0, 1], [0, 1, 2, 3]]
STORED = ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum")
KINDS = (*STORED, "ReduceL1", "ReduceL2", "ReduceSumSquare")


def reduced(net: Qdq, kind: str, x: str, axes: list[int], keep: int) -> str:
    """Axes are an attribute in opset 17, but for ReduceSum."""
    if kind == "ReduceSum":
        return guilty(net, kind, x, net.constant(np.array(axes, np.int64)), keepdims=keep)
    return guilty(net, kind, x, axes=axes, keepdims=keep)


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_of_float32(kind: str, axes: list[int], keep: int, tmp_path: Path) -> None:
    agrees(lambda net: reduced(net, kind, net.conv(net.x, 5, 6), axes, keep), tmp_path)


@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_of_int8(kind: str, axes: list[int], dtype: type, tmp_path: Path) -> None:
    scale = 0.9 if kind == "ReduceSum" else 0.05
    make: Make = lambda net: net.quantised(reduced(net, kind, net.x, axes, 1), scale, 3)  # noqa: E731
    agrees(make, tmp_path, dtype=dtype)


@pytest.mark.parametrize("kind", ["ReduceMax", "ReduceMin"])
def test_extremes_need_no_pair(kind: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        return net.quantised(net.conv(reduced(net, kind, net.x, [3], 1), 5, 6, kernel=1), 0.2)

    agrees(make, tmp_path)


@pytest.mark.parametrize("rank", [2, 3, 5])
def test_of_other_ranks(rank: int, tmp_path: Path) -> None:
    shape = {2: (1, 384), 3: (1, 48, 8), 5: (1, 2, 3, 8, 8)}[rank]

    def make(net: Qdq) -> str:
        x = net.node("Reshape", net.x, net.constant(np.array(shape, np.int64)))
        return reduced(net, "ReduceMean", x, [rank - 2], 0)

    agrees(make, tmp_path)


def test_all_axes_if_none_is_named(tmp_path: Path) -> None:
    agrees(lambda net: guilty(net, "ReduceMean", net.x), tmp_path)


def test_a_norm_as_exporters_write_it(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        x = net.node("Flatten", net.x)
        length = guilty(net, "ReduceL2", x, axes=[1], keepdims=1)
        length = net.node("Clip", length, net.constant(np.float32(1e-12)))
        length = net.node("Expand", length, net.constant(np.array([1, 384], np.int64)))
        return net.node("Div", x, length)

    agrees(make, tmp_path)


# ---------------------------------------------------------------------------- softmaxes and ArgMax


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("stored", [False, True])
def test_softmax(kind: str, axis: int, stored: bool, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        x = net.conv(net.x, 5, 6)
        return guilty(net, kind, net.quantised(x, 0.1) if stored else x, axis=axis)

    agrees(make, tmp_path)


def test_a_log_softmax_that_is_quantised(tmp_path: Path) -> None:
    agrees(lambda net: net.quantised(guilty(net, "LogSoftmax", net.x, axis=1), 0.06, 127), tmp_path)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
@pytest.mark.parametrize("kind", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("form", ["stored", "behind a pair", "float32"])
def test_places_of_extremes(kind: str, axis: int, form: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        x = {
            "stored": lambda: next(n.input[0] for n in net.nodes if net.x in n.output),
            "behind a pair": lambda: net.x,
            "float32": lambda: net.conv(net.x, 5, 6),
        }[form]()
        return guilty(net, kind, x, axis=axis, keepdims=0 if axis else 1)

    agrees(make, tmp_path)


def test_the_last_of_equal_values(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        x = net.node("Clip", net.x, net.constant(np.float32(-1)), net.constant(np.float32(1)))
        return guilty(net, "ArgMax", net.quantised(x), axis=1, select_last_index=1)

    agrees(make, tmp_path)


@pytest.mark.parametrize("kind", ["ArgMax", "LogSoftmax", "ReduceL2"])
def test_an_axis_beyond(kind: str, tmp_path: Path) -> None:
    axis = {"axes": [7]} if kind == "ReduceL2" else {"axis": 7}
    refused(lambda net: guilty(net, kind, net.x, **axis), tmp_path, "guilty")
