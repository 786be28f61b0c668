"""Activations quantised channel by channel, as NNCF does before depthwise convolutions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pocketvision.compile.frontend.load import load

from ....build_onnx import Qdq
from ...meaning.judge import Make, checked, refused, written

SCALES = np.float32([0.11, 0.04, 0.07, 0.3, 0.05, 0.09])


def pair(net: Qdq, x: str, zero: int | list[int] = 0, dtype: type = np.uint8) -> str:
    """A value through a pair that has a scale for each of six channels."""
    zeros = np.broadcast_to(np.asarray(zero, dtype), 6).copy()
    numbers = net.constant(SCALES), net.constant(zeros)
    stored = net.node("QuantizeLinear", x, *numbers, axis=1, name="guilty")
    return net.node("DequantizeLinear", stored, *numbers, axis=1)


def dense(net: Qdq) -> str:
    return net.conv(net.x, 6, 6, pads=[1, 1, 1, 1])


def six(net: Qdq) -> str:
    """A Clip whose upper end all channels reach beyond their ranges, but one."""
    return net.node("Clip", dense(net), net.constant(np.float32(0)), net.constant(np.float32(9)))


def depthwise(net: Qdq, x: str) -> str:
    return net.quantised(net.conv(x, 6, 6, group=6, pads=[1, 1, 1, 1]), 0.2, -100)


def padded(net: Qdq, x: str) -> str:
    pads = net.constant(np.array([0, 0, 1, 0, 0, 0, 1, 2], np.int64))
    return net.node("Pad", x, pads)


def two_readers(net: Qdq) -> list[str]:
    """One wants the values by channel, one all alike."""
    y = net.node("Relu", dense(net))
    return [depthwise(net, pair(net, y)), net.quantised(y, 0.1, -128)]


INTEGERS: dict[str, Make] = {
    "a convolution before it": lambda net: depthwise(net, pair(net, dense(net), 0, np.int8)),
    "a ReLU before it": lambda net: depthwise(net, pair(net, net.node("Relu", dense(net)))),
    "a Clip at zero": lambda net: depthwise(
        net, pair(net, net.node("Clip", dense(net), net.constant(np.float32(0))))
    ),
    "a Clip beyond the range": lambda net: depthwise(
        net,
        pair(net, net.node("Clip", dense(net), "", net.constant(np.float32(1000)))),
    ),
    "a pad behind it": lambda net: depthwise(
        net, padded(net, pair(net, net.node("Relu", dense(net))))
    ),
    "a maximum behind it": lambda net: depthwise(
        net, net.node("MaxPool", pair(net, dense(net), 9), kernel_shape=[2, 2])
    ),
    "two depthwise convolutions": lambda net: [
        depthwise(net, y) for y in [pair(net, dense(net), 99)] * 2
    ],
    "two outputs a channel": lambda net: net.quantised(
        net.conv(pair(net, dense(net), 99), 12, 6, group=6), 0.2
    ),
    "a weight of one scale": lambda net: net.quantised(
        net.conv(pair(net, dense(net), 99), 6, 6, group=6, per_channel=False), 0.2
    ),
}
REALS: dict[str, Make] = {
    "a Clip that cuts a channel": lambda net: depthwise(net, pair(net, six(net))),
    "a function before it": lambda net: depthwise(
        net, pair(net, net.node("HardSwish", dense(net)), 20)
    ),
    "two readers of its operand": two_readers,
    "a dense convolution behind it": lambda net: net.quantised(
        net.conv(pair(net, dense(net), 99), 5, 6), 0.2
    ),
    "an output": lambda net: pair(net, dense(net), 99),
    "a sum behind it": lambda net: net.quantised(
        net.node("Add", pair(net, dense(net), 99), net.x), 0.2
    ),
}
"""Where some of it is float32."""


def computed(make: Make, folder: Path) -> Counter[str]:
    """Kinds of operators of a file that agrees with onnxruntime."""
    path = written(make, folder, (6, 8, 8), 17, np.int8, 3)
    checked(path)
    return Counter(type(op).__name__ for op in load(path).ops)


@pytest.mark.parametrize("case", INTEGERS)
def test_all_of_it_is_integers(case: str, tmp_path: Path) -> None:
    found = computed(INTEGERS[case], tmp_path)
    assert not [kind for kind in found if kind.startswith("Real") or kind == "Quantise"], found


@pytest.mark.parametrize("case", REALS)
def test_the_rest_agrees_too(case: str, tmp_path: Path) -> None:
    computed(REALS[case], tmp_path)


def test_zero_points_that_differ_are_refused(tmp_path: Path) -> None:
    refused(
        lambda net: depthwise(net, pair(net, dense(net), [1, 2, 3, 4, 5, 6])), tmp_path,
        "guilty", "zero points", "symmetric",
    )  # fmt: skip
