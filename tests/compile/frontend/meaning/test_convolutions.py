"""Convolutions with every attribute: padding, strides, groups, dilation, rank; transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq
from .judge import GUILTY, Make, agrees, either, guilty, saved


def conv(kernel: Sequence[int] = (3, 3), outputs: int = 5, group: int = 1, **more: object) -> Make:
    """A convolution of six channels; ``kernel_shape`` is left out unless given."""

    def make(net: Qdq) -> str:
        weight = net.weight((outputs, 6 // group, *kernel))
        options = {**more, **({"group": group} if group > 1 else {})}
        return net.quantised(guilty(net, "Conv", net.x, weight, **options), 0.2, 3)

    return make


ATTRIBUTES: dict[str, Make] = {
    "plain": conv(),
    "strides": conv(strides=[2, 2]),
    "strides that differ": conv(strides=[1, 3]),
    "strides beyond the kernel": conv((2, 2), strides=[3, 3]),
    "all pads differ": conv((4, 5), pads=[1, 2, 3, 0]),
    "pads at the end": conv(pads=[0, 0, 1, 1], strides=[2, 2]),
    "pads beyond the kernel": conv((1, 1), pads=[2, 2, 2, 2]),
    "flat kernel": conv((1, 5), pads=[0, 2, 0, 2]),
    "tall kernel": conv((5, 1), pads=[2, 0, 2, 0]),
    "kernel larger than the map": conv((9, 9), pads=[1, 1, 1, 1]),
    "groups": conv(group=3, outputs=9),
    "depthwise": conv(group=6, outputs=6, pads=[1, 1, 1, 1]),
    "depthwise, two outputs each": conv(group=6, outputs=12, pads=[1, 1, 1, 1]),
    "dilated": conv(dilations=[2, 2]),
    "dilated, padded": conv(dilations=[2, 3], pads=[2, 3, 2, 3], strides=[2, 1]),
    "dilated depthwise": conv(group=6, outputs=6, dilations=[2, 2], pads=[2, 2, 2, 2]),
    "kernel_shape": conv(kernel_shape=[3, 3]),
    "one output": conv(outputs=1),
    "VALID": conv(auto_pad="VALID", strides=[2, 2]),
    "NOTSET": conv(auto_pad="NOTSET", pads=[1, 0, 0, 1]),
}


@pytest.mark.parametrize("case", ATTRIBUTES)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_attributes(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(ATTRIBUTES[case], tmp_path, dtype=dtype, shape=(6, 7, 9))


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 2), (4, 3), (1, 1)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding(mode: str, kernel: tuple[int, int], stride: int, tmp_path: Path) -> None:
    agrees(conv(kernel, auto_pad=mode, strides=[stride, stride]), tmp_path, shape=(6, 7, 8))


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_same_padding_of_dilated_kernels(mode: str, tmp_path: Path) -> None:
    make = conv((3, 3), auto_pad=mode, strides=[2, 2], dilations=[2, 2])
    either(make, tmp_path, shape=(6, 7, 8), judged=False)


@pytest.mark.parametrize(
    "make",
    [
        conv(pads=[-1, -1, 0, 0]),
        conv(pads=[-1, 2, 1, -1]),
        conv(auto_pad="SAME_UPPER", pads=[3, 3, 3, 3]),
        conv(auto_pad="VALID", pads=[1, 1, 1, 1]),
        conv(kernel_shape=[5, 5]),
        conv(kernel_shape=[1, 1]),
        conv(strides=[2]),
        conv(dilations=[0, 1]),
        conv(strides=[0, 1]),
        conv(strides=[-1, 1]),
        conv(pads=[1, 1]),
        conv(pads=[1, 1, 1, 1, 1, 1]),
        conv((15, 15)),
        conv(auto_pad="UPSIDE_DOWN"),
    ],
)
def test_attributes_that_contradict(make: Make, tmp_path: Path) -> None:
    """The shape of a convolution's result is then often unknown to those that infer shapes."""
    try:
        either(make, tmp_path)
    except CompileError as error:
        # Neither takes the file: it cannot be written with shapes, so there is nothing to judge.
        assert GUILTY in str(error)


@pytest.mark.parametrize("group, shape", [(2, (5, 3, 3, 3)), (4, (4, 1, 3, 3)), (0, (5, 6, 3, 3)),
                                          (6, (6, 2, 3, 3)), (-1, (5, 6, 3, 3))])  # fmt: skip
def test_groups_that_do_not_fit(group: int, shape: tuple[int, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        return net.quantised(guilty(net, "Conv", net.x, net.weight(shape), group=group), 0.2, 3)

    either(make, tmp_path)


def of_one_axis(**more: object) -> Make:
    """A convolution along one axis."""

    def make(net: Qdq) -> str:
        y = net.quantised(guilty(net, "Conv", net.x, net.weight((5, 6, 3)), **more), 0.2, 3)
        y = net.node("MaxPool", y, kernel_shape=[2], strides=[2])
        return net.quantised(net.node("Conv", y, net.weight((4, 5, 1))), 0.2, 3)

    return make


@pytest.mark.parametrize(
    "more",
    [{}, {"pads": [2, 1]}, {"strides": [2]}, {"dilations": [3]}, {"auto_pad": "SAME_LOWER"}],
    ids=str,
)
def test_one_axis(more: dict, tmp_path: Path) -> None:
    agrees(of_one_axis(**more), tmp_path, shape=(6, 17))


def test_three_axes(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        weight = net.weight((5, 6, 1, 3, 3))
        return net.quantised(guilty(net, "Conv", net.x, weight), 0.2, 3)

    either(make, tmp_path, shape=(6, 3, 5, 5))


def test_batch(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        net.inputs[0] = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 6, 8, 8])
        return net.quantised(guilty(net, "Conv", net.x, net.weight((5, 6, 3, 3))), 0.2, 3)

    either(make, tmp_path)


@pytest.mark.parametrize("domain", ["com.microsoft", "of.nobody", "ai.onnx.ml"])
@pytest.mark.parametrize("kind", ["Conv", "Relu", "Add", "MaxPool", "Flatten", "Concat"])
def test_operators_of_a_foreign_domain(kind: str, domain: str, tmp_path: Path) -> None:
    """A known name in a domain that is not ours is another operator."""
    net = Qdq((6, 8, 8))
    inputs = [net.x, net.weight((6, 6, 1, 1))] if kind == "Conv" else [net.x]
    inputs = [net.x, net.x] if kind in ("Add", "Concat") else inputs
    y = guilty(net, kind, *inputs, domain=domain)
    y = net.quantised(y)
    results = [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, 6, 8, 8])]
    graph = helper.make_graph(net.nodes, "small", net.inputs, results, net.constants)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    path = saved(helper.make_model(graph, opset_imports=sets, ir_version=10), tmp_path)
    with pytest.raises(CompileError, match=f"{GUILTY}|{kind}"):
        load(path)


# ------------------------------------------------------------------------------------- transposed


def transposed(kernel: int = 3, outputs: int = 4, group: int = 1, **more: object) -> Make:
    def make(net: Qdq) -> str:
        weight = net.weight((6, outputs // group, kernel, kernel), axis=1, per_channel=group == 1)
        options = {**more, **({"group": group} if group > 1 else {})}
        bias = net.constant(net.random.normal(0, 0.5, outputs).astype(np.float32))
        y = guilty(net, "ConvTranspose", net.x, weight, bias, **options)
        return net.quantised(y, 0.1, 3)

    return make


TRANSPOSED: dict[str, Make] = {
    "plain": transposed(),
    "strides": transposed(strides=[2, 2]),
    "kernel of two": transposed(2, strides=[2, 2]),
    "pads": transposed(4, strides=[2, 2], pads=[1, 1, 1, 1]),
    "pads that differ": transposed(strides=[2, 3], pads=[0, 1, 2, 0]),
    "output_padding": transposed(strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
    "strides beyond the kernel": transposed(2, strides=[3, 3]),
}
ODD_TRANSPOSED: dict[str, Make] = {
    "groups": transposed(group=2),
    "depthwise": transposed(group=6, outputs=6, strides=[2, 2]),
    "dilated": transposed(dilations=[2, 2]),
    "output_shape": transposed(strides=[2, 2], output_shape=[16, 16]),
    "output_shape, odd": transposed(strides=[2, 2], output_shape=[18, 16]),
    "SAME_UPPER": transposed(strides=[2, 2], auto_pad="SAME_UPPER"),
    "SAME_LOWER": transposed(strides=[2, 2], auto_pad="SAME_LOWER"),
    "VALID": transposed(strides=[2, 2], auto_pad="VALID"),
    "output_padding alone": transposed(strides=[3, 3], output_padding=[2, 1]),
}


@pytest.mark.parametrize("case", TRANSPOSED)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_transposed(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(TRANSPOSED[case], tmp_path, dtype=dtype)


@pytest.mark.parametrize("case", ODD_TRANSPOSED)
def test_rarer_transposed(case: str, tmp_path: Path) -> None:
    either(ODD_TRANSPOSED[case], tmp_path)
