"""Damaged files: each is one CompileError that names the file, or still a network."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend import shapes
from pocketvision.compile.frontend.normalise import UNFORESEEN, normalise

from .small import MICROSOFT, model, node

SIZES = (0, -1, 1, 3, 1 << 20, (1 << 31) - 1, 1 << 40, (1 << 63) - 1, -(1 << 63))
KINDS = ("Conv", "Relu", "Reshape", "Transpose", "If", "Resize", "Gemm", "QuantizeLinear", "Shape",
         "DequantizeLinear", "QLinearConv", "QLinearAdd", "QLinearConcat", "FusedConv", "Concat",
         "BatchNormalization", "Dropout", "Constant", "Pad", "Slice", "Squeeze", "Softmax",
         "ConstantOfShape", "Split", "Upsample", "Loop", "", "\x00")  # fmt: skip
NUMBERS = np.random.default_rng(7)


def quantised() -> onnx.ModelProto:
    """QDQ form, with something for every rewrite."""
    graph = helper.make_graph(
        [node("Relu", ["b"], ["br"])], "then", [], [helper.make_tensor_value_info("br", 1, None)]
    )
    other = helper.make_graph(
        [node("Neg", ["b"], ["bn"])], "else", [], [helper.make_tensor_value_info("bn", 1, None)]
    )
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantise"),
        node("DequantizeLinear", ["q", "s", "z"], ["d"], "dequantise"),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], "weights", axis=1),
        node("Transpose", ["wd"], ["wt"], "turn", perm=[1, 0, 2, 3]),
        node("Conv", ["d", "wt"], ["c"], "conv", pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        node("BatchNormalization", ["c", "g", "g", "g", "g"], ["b"], "norm", epsilon=1e-3),
        node("If", ["t"], ["i"], "fork", then_branch=graph, else_branch=other),
        node("MaxPool", ["i"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", ["p"], ["h"], "measure"),
        node("Gather", ["h", "n"], ["k"], "pick"),
        node("Concat", ["k", "m"], ["r"], "join", axis=0),
        node("Reshape", ["p", "r"], ["f"], "flat"),
        node("Gemm", ["f", "e", "g2"], ["l"], "gemm", alpha=0.5, transB=1),
        node("Softmax", ["l"], ["y"], "end", axis=-1),
    ]
    constants = {
        "s": np.float32(0.05), "z": np.uint8(120), "g": np.ones(5, np.float32),
        "w": NUMBERS.integers(-9, 9, (4, 5, 3, 3)).astype(np.int8),
        "ws": np.float32([0.1] * 5), "wz": np.zeros(5, np.int8),
        "t": np.bool_(True), "n": [0], "m": [-1],
        "e": np.ones((3, 45), np.float32), "g2": np.ones(3, np.float32),
    }  # fmt: skip
    return model(nodes, constants, x=("batch", 4, 6, 6))


def operators() -> onnx.ModelProto:
    """QOperator form of an old opset with a fixed batch."""
    own = {"domain": MICROSOFT}
    nodes = [
        node("Clip", ["x"], ["k"], "clip", min=-3.0, max=3.0),
        node("QuantizeLinear", ["k", "s", "z"], ["q"], "quantise"),
        node("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "s", "z", "b"], ["c"], "conv"),
        node("QLinearAdd", ["c", "s", "z", "c", "s", "z", "s", "z"], ["a"], "add", **own),
        node("QLinearConcat", ["s", "z", "a", "s", "z", "c", "s", "z"], ["j"], "join", axis=1,
             **own),
        node("QLinearAveragePool", ["j", "s", "z", "s", "z"], ["p"], "pool",
             kernel_shape=[2, 2], **own),
        node("QLinearSoftmax", ["p", "s", "z", "s", "z"], ["o"], "soft", axis=1, opset=11, **own),
        node("DequantizeLinear", ["o", "s", "z"], ["d"], "dequantise"),
        node("Resize", ["d", "u"], ["v"], "grow", mode="nearest"),
        node("Pad", ["v"], ["n"], "pad", pads=[0, 0, 1, 1, 0, 0, 0, 0]),
        node("ReduceMean", ["n"], ["m"], "mean", axes=[2, 3]),
        node("FusedConv", ["m", "f"], ["r"], "fused", activation="Relu", **own),
        node("Reshape", ["r", "t"], ["y"], "flat"),
    ]  # fmt: skip
    constants = {
        "s": np.float32(0.05), "z": np.uint8(9), "w": NUMBERS.integers(0, 9, (5, 4, 3, 3)).astype(
            np.uint8), "ws": np.float32([0.1] * 5), "wz": np.zeros(5, np.uint8),
        "b": np.arange(5, dtype=np.int32), "u": np.float32([1, 1, 2, 2]),
        "f": np.ones((3, 10, 1, 1), np.float32), "t": [2, 3],
    }  # fmt: skip
    return model(nodes, constants, x=(2, 4, 6, 6), opset=10)


def attribute(made: onnx.ModelProto, dice: random.Random) -> None:
    """Drops, cuts or changes an attribute."""
    one = dice.choice([n for n in made.graph.node if n.attribute])
    place = dice.randrange(len(one.attribute))
    held = one.attribute[place]
    how = dice.randrange(5)
    if how == 0:
        del one.attribute[place]
    elif how == 1 and held.ints:
        del held.ints[dice.randrange(len(held.ints)) :]
    elif how == 2 and held.ints:
        held.ints[dice.randrange(len(held.ints))] = dice.choice(SIZES)
    elif how == 3:
        held.name = dice.choice(["axis", "pads", "perm", "group", "block_size", "to", "value", ""])
    else:
        held.i, held.f = dice.choice(SIZES), dice.choice([0.0, float("nan"), -1e38])
        held.type = dice.choice([held.type, 1, 2, 3, 7, 11])


def inputs(made: onnx.ModelProto, dice: random.Random) -> None:
    """Swaps, drops, doubles or empties the inputs of a node."""
    one = dice.choice([n for n in made.graph.node if n.input])
    values = [name for other in made.graph.node for name in [*other.input, *other.output]]
    place = dice.randrange(len(one.input))
    how = dice.randrange(4)
    if how == 0:
        one.input[place] = dice.choice(["", *values])
    elif how == 1:
        del one.input[place:]
    elif how == 2:
        one.input.append(dice.choice(values))
    else:
        order = list(one.input)
        dice.shuffle(order)
        one.input[:] = order


def outputs(made: onnx.ModelProto, dice: random.Random) -> None:
    """Renames, drops, doubles or empties the outputs of a node."""
    one = dice.choice(made.graph.node)
    names = [name for other in made.graph.node for name in [*other.input, *other.output]]
    how = dice.randrange(3)
    if how == 0:
        del one.output[:]
    elif how == 1:
        one.output.append(dice.choice(["", "more", *names]))
    else:
        one.output[0] = dice.choice(["", *names])


def nodes(made: onnx.ModelProto, dice: random.Random) -> None:
    """Changes, doubles, drops or moves a node."""
    place = dice.randrange(len(made.graph.node))
    how = dice.randrange(5)
    if how == 0:
        made.graph.node[place].op_type = dice.choice(KINDS)
    elif how == 1:
        made.graph.node[place].domain = dice.choice(["", "ai.onnx", MICROSOFT, "my.domain"])
    elif how == 2:
        made.graph.node.append(made.graph.node[place])
    elif how == 3:
        del made.graph.node[place]
    else:
        made.graph.node[place].name = dice.choice(
            ["", "conv", "\udcff".encode("utf-8", "replace").decode()]
        )


def constant(made: onnx.ModelProto, dice: random.Random) -> None:
    """Changes a constant's shape, type, bytes or name."""
    one = dice.choice(made.graph.initializer)
    how = dice.randrange(6)
    if how == 0:
        one.dims[:] = [dice.choice(SIZES) for _ in range(dice.randrange(6))]
    elif how == 1:
        one.data_type = dice.randrange(30)
    elif how == 2:
        one.raw_data = one.raw_data[: dice.randrange(1 + len(one.raw_data))]
    elif how == 3:
        kind = numpy_helper.to_array(one)
        odd = dice.choice([np.nan, np.inf, 0, -1, 2**31 - 1, -(2**63)])
        with np.errstate(all="ignore"):
            values = np.full(kind.shape, odd).astype(kind.dtype)
        one.CopyFrom(numpy_helper.from_array(values, one.name))
    elif how == 4:
        one.name = dice.choice(["", "x", "q", "y", "s"])
    else:
        count = dice.randrange(7)
        values = np.array([dice.choice(SIZES) for _ in range(count)], np.int64)
        one.CopyFrom(numpy_helper.from_array(values, one.name))


def ends(made: onnx.ModelProto, dice: random.Random) -> None:
    """Changes an input, an output or what the file says of a value."""
    values = [*made.graph.input, *made.graph.output]
    one = dice.choice(values)
    how = dice.randrange(5)
    if how == 0:
        del one.type.tensor_type.shape.dim[:]
        for _ in range(dice.randrange(7)):
            one.type.tensor_type.shape.dim.add(dim_value=dice.choice(SIZES))
    elif how == 1:
        one.type.tensor_type.elem_type = dice.randrange(30)
    elif how == 2:
        one.name = dice.choice(["", "q", "c", "w", "none"])
    elif how == 3:
        one.ClearField("type")
    else:
        name = dice.choice(dice.choice([n for n in made.graph.node if n.output]).output)
        made.graph.value_info.append(helper.make_tensor_value_info(name, 1, [dice.choice(SIZES)]))


def versions(made: onnx.ModelProto, dice: random.Random) -> None:
    """Another opset, another IR version, none."""
    how = dice.randrange(3)
    if how == 0:
        made.opset_import[0].version = dice.choice([-1, 0, 1, 7, 9, 10, 11, 13, 18, 25, 1 << 40])
    elif how == 1:
        made.ir_version = dice.choice([-1, 0, 1, 3, 4, 99])
    else:
        del made.opset_import[dice.randrange(2) :]


DAMAGE: list[Callable[[onnx.ModelProto, random.Random], None]] = [
    attribute, inputs, outputs, nodes, constant, ends, versions,
]  # fmt: skip


def survives(path: Path) -> bool:
    """Whether the file is a network; any exception but a CompileError fails the test."""
    try:
        made, _ = normalise(path)
        shapes.infer(made, path.name)
    except CompileError as error:
        assert path.name in str(error) and UNFORESEEN not in str(error), error
        return False
    return True


@pytest.mark.parametrize("make", [quantised, operators])
@pytest.mark.parametrize("seed", range(4))
def test_damage(tmp_path: Path, make: Callable[[], onnx.ModelProto], seed: int) -> None:
    path = tmp_path / "damaged.onnx"
    onnx.save(make(), path)
    assert survives(path)
    refused = 0
    for number in range(100):
        dice = random.Random(seed * 1000 + number)
        made = make()
        for _ in range(dice.choice([1, 1, 2, 4])):
            with suppress(IndexError, ValueError):  # of what earlier damage took away
                dice.choice(DAMAGE)(made, dice)
        path.write_bytes(made.SerializeToString())
        refused += not survives(path)
    assert 20 < refused < 100


@pytest.mark.parametrize("seed", range(2))
def test_bytes(tmp_path: Path, seed: int) -> None:
    """Bits of the file itself, behind which protobuf still finds something."""
    path = tmp_path / "damaged.onnx"
    content = quantised().SerializeToString()
    for number in range(150):
        dice = random.Random(seed * 1000 + number)
        damaged = bytearray(content)
        for _ in range(dice.choice([1, 1, 3])):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        survives(path)
