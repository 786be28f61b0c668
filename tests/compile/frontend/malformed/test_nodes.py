"""Nodes that no one should have written: one CompileError each, with file, node and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from pocketvision.compile import CompileError, pipeline
from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq
from ..meaning.judge import GUILTY, checked, saved
from .files import raw, refused


def node(kind: str, *more: object, opset: int = 17, inputs: int = 1, **attributes: object):
    """The operator in question on a map (1, 6, 8, 8); ``more`` are constants behind it."""

    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        names = [net.x] * inputs
        for value in more:
            known = value is None or isinstance(value, str)
            names.append("" if value is None else value if known else net.constant(value))
        y = net.node(kind, *names, name=GUILTY, **attributes)
        return raw(net, net.quantised(y), opset=opset)

    return make


def conv(shape: tuple[int, ...] = (5, 6, 3, 3), bias: int = 0, **attributes: object):
    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        more = [net.constant(np.ones(bias, np.float32))] if bias else []
        weight = net.weight(shape, per_channel=False)
        y = net.node("Conv", net.x, weight, *more, name=GUILTY, **attributes)
        return raw(net, net.quantised(y))

    return make


def qlinear_conv() -> onnx.ModelProto:
    net = Qdq((6, 8, 8))
    (stored,) = (n.input[0] for n in net.nodes if net.x in n.output)
    numbers = [net.constant(np.float32(0.1)), net.constant(np.int8(0))]
    weight = net.constant(np.ones((5, 6, 3, 3), np.int8))
    y = net.node("QLinearConv", stored, *numbers, weight, *numbers, *numbers, name=GUILTY)
    return raw(net, net.node("DequantizeLinear", y, *numbers))


def emptied(make: Callable[[], onnx.ModelProto], name: str) -> Callable[[], onnx.ModelProto]:
    """The same with an attribute of no numbers, which onnx's own helper does not write."""

    def made() -> onnx.ModelProto:
        model = make()
        (guilty,) = (n for n in model.graph.node if n.name == GUILTY)
        guilty.attribute.add(name=name, type=onnx.AttributeProto.INTS)
        return model

    return made


WINDOW = ("strides", "pads", "dilations", "kernel_shape")


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def reals(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


HUGE = 2**62
NODES = {
    "Conv: pads of two values": conv(pads=[1, 1]),
    "Conv: pads of five values": conv(pads=[1, 1, 1, 1, 1]),
    "Conv: stride 0": conv(strides=[0, 1]),
    "Conv: negative stride": conv(strides=[-1, 1]),
    "Conv: three strides": conv(strides=[1, 1, 1]),
    "Conv: dilation 0": conv(dilations=[0, 1]),
    "Conv: group 0": conv(group=0),
    "Conv: negative group": conv(group=-2),
    "Conv: huge group": conv(group=HUGE),
    "Conv: huge pads": conv(pads=[HUGE] * 4),
    "Conv: huge stride": conv(strides=[HUGE, HUGE], pads=[1, 1, 1, 1]),
    "Conv: kernel 0": conv((5, 6, 0, 3)),
    "Conv: no outputs": conv((0, 6, 3, 3)),
    "Conv: kernel larger than the map": conv((5, 6, 11, 11)),
    "Conv: weight of rank 2": conv((5, 6)),
    "Conv: weight of rank 5": conv((5, 6, 3, 3, 3)),
    "Conv: channels that do not fit": conv((5, 7, 3, 3)),
    "Conv: bias that does not fit": conv(bias=4),
    "Conv: kernel_shape that contradicts": conv(kernel_shape=[5, 5]),
    "Conv: unknown padding": conv(auto_pad="UPSIDE_DOWN"),
    **{f"Conv: empty {name}": emptied(conv(), name) for name in WINDOW},
    **{f"QLinearConv: empty {name}": emptied(qlinear_conv, name) for name in WINDOW},
    "Conv: weight that is not finite": node("Conv", np.full((5, 6, 3, 3), np.nan, np.float32)),
    "Conv: no weight": node("Conv"),
    "MaxPool: no kernel": node("MaxPool"),
    "MaxPool: kernel of one value": node("MaxPool", kernel_shape=[2]),
    "MaxPool: kernel 0": node("MaxPool", kernel_shape=[0, 2]),
    "MaxPool: negative kernel": node("MaxPool", kernel_shape=[-2, 2]),
    "MaxPool: huge kernel": node("MaxPool", kernel_shape=[HUGE, HUGE]),
    "MaxPool: kernel larger than the map": node("MaxPool", kernel_shape=[9, 9]),
    "MaxPool: stride 0": node("MaxPool", kernel_shape=[2, 2], strides=[0, 0]),
    "MaxPool: pads of two values": node("MaxPool", kernel_shape=[2, 2], pads=[1, 1]),
    "AveragePool: stride 0": node("AveragePool", kernel_shape=[2, 2], strides=[0, 0]),
    "AveragePool: pads beyond the kernel": node("AveragePool", kernel_shape=[2, 2], pads=[2] * 4),
    "AveragePool: huge pads": node("AveragePool", kernel_shape=[2, 2], pads=[HUGE] * 4),
    "Clip: NaN": node("Clip", np.float32(np.nan), np.float32(1)),
    "Clip: two bounds": node("Clip", reals(0, 1)),
    "Clip: bound of another type": node("Clip", np.int64(0)),
    "Clip: absent bound": node("Clip", "nothing"),
    "PRelu: slope that does not fit": node("PRelu", np.ones((5, 1, 1), np.float32)),
    "PRelu: no slope": node("PRelu"),
    "Softmax: axis beyond": node("Softmax", axis=7),
    "Concat: no axis": node("Concat", inputs=2),
    "Concat: axis beyond": node("Concat", inputs=2, axis=4),
    "Concat: nothing": node("Concat", inputs=0, axis=1),
    "Flatten: axis beyond": node("Flatten", axis=5),
    "Transpose: order of three": node("Transpose", perm=[0, 1, 2]),
    "Transpose: an axis twice": node("Transpose", perm=[0, 1, 1, 2]),
    "Transpose: axis beyond": node("Transpose", perm=[0, 1, 2, 9]),
    "Reshape: no shape": node("Reshape"),
    "Reshape: another size": node("Reshape", ints(1, 7, 8, 8)),
    "Reshape: does not divide": node("Reshape", ints(1, 7, -1)),
    "Reshape: two open axes": node("Reshape", ints(-1, -1)),
    "Reshape: negative": node("Reshape", ints(1, -5)),
    "Reshape: shape of floats": node("Reshape", reals(1, 384)),
    "Reshape: huge": node("Reshape", ints(HUGE, HUGE)),
    "Squeeze: axis that is not 1": node("Squeeze", ints(2)),
    "Squeeze: axis beyond": node("Squeeze", ints(9)),
    "Unsqueeze: an axis twice": node("Unsqueeze", ints(0, 0)),
    "Unsqueeze: axis beyond": node("Unsqueeze", ints(9)),
    "Slice: no ends": node("Slice", ints(0)),
    "Slice: step 0": node("Slice", ints(0), ints(4), ints(2), ints(0)),
    "Slice: more ends than starts": node("Slice", ints(0), ints(4, 4), ints(2)),
    "Slice: axis beyond": node("Slice", ints(0), ints(4), ints(7)),
    "Slice: nothing left": node("Slice", ints(4), ints(4), ints(2)),
    "Split: sizes that do not fit": node("Split", ints(2, 2), axis=1),
    "Split: axis beyond": node("Split", ints(3, 3), axis=8),
    "Gather: index beyond": node("Gather", ints(17), axis=1),
    "Gather: axis beyond": node("Gather", ints(0), axis=9),
    "Gather: index of floats": node("Gather", reals(0), axis=1),
    "Pad: four values": node("Pad", ints(1, 1, 1, 1)),
    "Pad: crops all": node("Pad", ints(0, 0, -9, 0, 0, 0, 0, 0)),
    "Pad: huge": node("Pad", ints(0, 0, HUGE, 0, 0, 0, HUGE, 0)),
    "Pad: unknown mode": node("Pad", ints(*[0, 0, 1, 0, 0, 0, 0, 0]), mode="sideways"),
    "Pad: reflects more than there is": node("Pad", ints(0, 0, 30, 0, 0, 0, 0, 0), mode="reflect"),
    "DepthToSpace: block 0": node("DepthToSpace", blocksize=0),
    "DepthToSpace: block that does not fit": node("DepthToSpace", blocksize=5),
    "DepthToSpace: huge block": node("DepthToSpace", blocksize=HUGE),
    "SpaceToDepth: block that does not fit": node("SpaceToDepth", blocksize=3),
    "Resize: scale 0": node("Resize", None, reals(1, 1, 0, 0)),
    "Resize: NaN": node("Resize", None, reals(1, 1, np.nan, 2)),
    "Resize: negative": node("Resize", None, reals(1, 1, -2, 2)),
    "Resize: huge": node("Resize", None, reals(1, 1, 1e9, 1e9)),
    "Resize: two scales": node("Resize", None, reals(2, 2)),
    "Resize: neither": node("Resize", None, None),
    "Resize: sizes 0": node("Resize", None, None, ints(1, 6, 0, 8)),
    "Resize: unknown mode": node("Resize", None, reals(1, 1, 2, 2), mode="wild"),
    "Expand: does not fit": node("Expand", ints(1, 6, 9, 8)),
    "Expand: huge": node("Expand", ints(HUGE, 6, 8, 8)),
    "ReduceMean: axis beyond": node("ReduceMean", axes=[2, 9]),
    "ReduceMean: an axis twice": node("ReduceMean", axes=[2, -2]),
    "Gemm: a map": node("Gemm", np.ones((6, 5), np.float32)),
    "MatMul: does not fit": node("MatMul", np.ones((7, 5), np.float32)),
    "MatMul: one operand": node("MatMul"),
    "Add: does not fit": node("Add", np.ones((7,), np.float32)),
    "Add: one operand": node("Add"),
    "Add: an absent operand": node("Add", "nothing"),
    "Relu: no operand": node("Relu", inputs=0),
    "LeakyRelu: NaN": node("LeakyRelu", alpha=float("nan")),
    "HardSigmoid: infinite": node("HardSigmoid", alpha=float("inf")),
    "Resize: mode that is no text": node("Resize", None, reals(1, 1, 2, 2), mode=b"\xff\xfe"),
    "Resize: places that are no text": node(
        "Resize", None, reals(1, 1, 2, 2), coordinate_transformation_mode=b"\xff"
    ),
    "Pad: mode that is no text": node("Pad", ints(0, 0, 1, 0, 0, 0, 0, 0), mode=b"\xff"),
    "DepthToSpace: unknown mode": node("DepthToSpace", blocksize=1, mode="ABC"),
    "MaxPool: padding that is no text": node("MaxPool", kernel_shape=[2, 2], auto_pad=b"\xff"),
    "ArgMax: axis beyond": node("ArgMax", axis=9),
    "LogSoftmax: axis beyond": node("LogSoftmax", axis=-9),
    "ReduceL2: axis beyond": node("ReduceL2", axes=[9]),
    "ReduceSum: axes of floats": node("ReduceSum", reals(1)),
    "Pow: exponent of another type": node("Pow", "nothing"),
    "Celu: divisor 0": node("Celu", alpha=0.0),
    "If": node("If"),
    "Loop": node("Loop"),
    "no kind": node(""),
}  # fmt: skip
TAKEN = {
    "LeakyRelu: NaN", "HardSigmoid: infinite", "ReduceMean: an axis twice", "Conv: huge stride",
    "Pad: reflects more than there is",
}  # fmt: skip
"""What may be taken, if it is taken as the file means it."""


@pytest.mark.parametrize("case", [name for name in NODES if name not in TAKEN])
def test_node(case: str, tmp_path: Path) -> None:
    kind = case.partition(":")[0]
    named = () if case == "no kind" else (GUILTY, kind, "DequantizeLinear")
    refused(NODES[case](), tmp_path, *named)


@pytest.mark.parametrize("case", sorted(TAKEN))
def test_odd_node(case: str, tmp_path: Path) -> None:
    path = saved(NODES[case](), tmp_path)
    try:
        pipeline.optimise(load(path))
    except CompileError as error:
        assert GUILTY in str(error)
        return
    checked(path)


# ------------------------------------------------------------------------------------ quantisations


def activation(scale: object, zero: object = np.int8(3), **attributes: object):
    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        numbers = [net.constant(scale), net.constant(zero)]
        y = net.node("QuantizeLinear", net.conv(net.x, 5, 6), *numbers, name=GUILTY, **attributes)
        return raw(net, net.node("DequantizeLinear", y, *numbers, name="guilty too"))

    return make


def weight(scale: object, zero: object = np.int8(0), **attributes: object):
    def make() -> onnx.ModelProto:
        net = Qdq((6, 8, 8))
        values = net.constant(np.ones((5, 6, 3, 3), np.int8))
        names = [net.constant(scale), net.constant(zero)]
        found = net.node("DequantizeLinear", values, *names, name="guilty weight", **attributes)
        bias = net.constant(np.ones(5, np.float32))
        y = net.node("Conv", net.x, found, bias, name=GUILTY)
        return raw(net, net.quantised(y))

    return make


QUANTISATIONS = {
    "scale 0": activation(np.float32(0)),
    "negative scale": activation(np.float32(-0.1)),
    "NaN": activation(np.float32(np.nan)),
    "infinite": activation(np.float32(np.inf)),
    "denormal": activation(np.float32(1e-41)),
    "scale of integers": activation(np.int32(1)),
    "scale of doubles": activation(np.float64(0.1)),
    "no scales": activation(np.zeros(0, np.float32)),
    "two scales": activation(reals(0.1, 0.2)),
    "scales of rank 2": activation(np.full((1, 2), 0.1, np.float32)),
    "float zero point": activation(np.float32(0.1), np.float32(3)),
    "int64 zero point": activation(np.float32(0.1), np.int64(3)),
    "bool zero point": activation(np.float32(0.1), np.bool_(True)),
    "two zero points": activation(np.float32(0.1), np.int8([1, 2])),
    "weight of NaN": weight(np.float32(np.nan)),
    "weight of infinite scale": weight(np.float32(np.inf)),
    "weight of two scales": weight(reals(0.1, 0.2), np.int8([0, 0]), axis=0),
    "weight of an axis beyond": weight(np.full(5, 0.1, np.float32), np.zeros(5, np.int8), axis=9),
    "weight of zero points that do not fit": weight(
        np.full(5, 0.1, np.float32), np.zeros(4, np.int8), axis=0
    ),
    "weight of a zero point of another type": weight(np.float32(0.1), np.uint8(3)),
    "weight of no scale": weight(np.zeros(0, np.float32)),
}


@pytest.mark.parametrize("case", QUANTISATIONS)
def test_quantisation(case: str, tmp_path: Path) -> None:
    refused(QUANTISATIONS[case](), tmp_path, GUILTY, "Linear", "weight")
