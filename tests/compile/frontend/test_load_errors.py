"""What the importer refuses: each message names the file, the node and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.load import RECORD_KEY, load

from ..build_onnx import Qdq


def refused(path: Path, *words: str) -> str:
    """The message of the error, which names the file and holds ``words``."""
    with pytest.raises(CompileError) as caught:
        load(path)
    message = str(caught.value)
    for word in (path.name, *words):
        assert word in message, f"{word!r} is not in {message!r}"
    return message


def plain(net: Qdq) -> str:
    return net.quantised(net.conv(net.x, 4, 6))


def test_unknown_operators_are_all_named(tmp_path: Path) -> None:
    net = Qdq((6, 5, 5))
    y = net.quantised(net.node("Det", net.x, name="bend"))
    y = net.quantised(net.node("LRN", y, name="curve", size=3))
    refused(net.save(tmp_path, y), "bend (Det)", "curve (LRN)", "supported: ", "Conv", "PRelu")


def test_float_network(tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 4, 4])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    path = tmp_path / "float.onnx"
    onnx.save(helper.make_model(graph), path)
    refused(path, "float model", "pocketvision quantize")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"This is a text and no network.\n" * 20,
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: b"\x7fELF" + bytes(300),
    ],
    ids=["empty", "text", "half", "last byte", "elf"],
)
def test_no_onnx_file(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    net = Qdq((6, 5, 5))
    path = net.save(tmp_path, plain(net))
    path.write_bytes(damage(path.read_bytes()))
    refused(path, "not a valid ONNX file", "which `pocketvision quantize` writes")


def test_absent_file_and_folder(tmp_path: Path) -> None:
    refused(tmp_path / "absent.onnx", "cannot be read")
    refused(tmp_path, "cannot be read")


def test_too_many_inputs(tmp_path: Path) -> None:
    net = Qdq((6, 5, 5))
    for number in range(64):
        net.inputs.append(
            helper.make_tensor_value_info(f"more {number}", TensorProto.FLOAT, [1, 6, 5, 5])
        )
    refused(net.save(tmp_path, net.x), "expected 1 to 64 inputs, found 65; split the model")


def dilated_pool(net: Qdq) -> str:
    y = net.node("MaxPool", net.x, name="guilty", kernel_shape=[2, 2], dilations=[2, 2])
    return net.quantised(y, 0.05, 3)


def integer_weight(net: Qdq) -> str:
    stored = net.constant(np.ones((4, 6, 1, 1), np.int32))
    weight = net.node("DequantizeLinear", stored, net.constant(np.float32(1)))
    return net.quantised(net.node("Conv", net.x, weight, name="guilty"))


def weight_of_the_input(net: Qdq) -> str:
    y = net.node("Conv", net.x, net.x, name="guilty")
    return net.quantised(y)


@pytest.mark.parametrize(
    "make, word",
    [
        (dilated_pool, "dilated"),
        (integer_weight, "quantise the weights"),
        (weight_of_the_input, "constant"),
    ],
)
def test_unsupported_form_names_the_node(tmp_path: Path, make: Callable, word: str) -> None:
    net = Qdq((6, 5, 5))
    refused(net.save(tmp_path, make(net)), word, "guilty")


def test_shape_that_is_not_static(tmp_path: Path) -> None:
    net = Qdq((6, 5, 5))
    net.inputs[0] = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6, "height", 5])
    refused(net.save(tmp_path, plain(net)), "axis 2", "dynamic")


@pytest.mark.parametrize("scale", [np.nan, np.inf, 0.0, -1.0])
def test_scale_of_an_activation(tmp_path: Path, scale: float) -> None:
    net = Qdq((6, 5, 5))
    refused(net.save(tmp_path, net.quantised(net.conv(net.x, 4, 6), scale)), "finite and positive")


@pytest.mark.parametrize("scale", [np.nan, np.inf])
def test_scale_of_a_weight(tmp_path: Path, scale: float) -> None:
    net = Qdq((6, 5, 5))
    y = net.quantised(net.conv(net.x, 4, 6, bias=False, name="guilty"))
    for constant in net.constants:
        if constant.dims == [4] and constant.data_type == TensorProto.FLOAT:
            constant.raw_data = np.full(4, scale, np.float32).tobytes()
    refused(net.save(tmp_path, y), "guilty", "finite")


def test_constant_of_another_size_than_it_says(tmp_path: Path) -> None:
    net = Qdq((6, 5, 5))
    y = plain(net)
    net.constants[2].raw_data += bytes(7)
    refused(net.save(tmp_path, y), "not a valid ONNX file")


def test_record_that_is_no_json(tmp_path: Path) -> None:
    net = Qdq((6, 5, 5))
    model = net.model(plain(net))
    model.metadata_props.add(key=RECORD_KEY, value="{broken")
    path = tmp_path / "record.onnx"
    onnx.save(model, path)
    refused(path, "not JSON")
