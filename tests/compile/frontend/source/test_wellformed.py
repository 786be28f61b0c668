"""Files that are no network: each error names the file, the place and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pocketvision.compile import CompileError
from pocketvision.compile.frontend.normalise import normalise

from ..small import model, node, saved

Damage = Callable[[onnx.ModelProto], object]


def sparse(made: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.float32([1, 2]), "thin")
    places = numpy_helper.from_array(np.array([0, 3]))
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [6]))


def sequence(made: onnx.ModelProto) -> None:
    kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [1])
    made.graph.input.append(helper.make_value_info("many", helper.make_sequence_type_proto(kind)))


def training(made: onnx.ModelProto) -> None:
    made.training_info.add().algorithm.node.append(node("Relu", ["x"], ["t"]))


CASES: dict[str, tuple[Damage, list[str]]] = {
    "circle": (lambda m: m.graph.node[0].input.__setitem__(0, "b"), ["'first'", "own result"]),
    "nothing writes it": (lambda m: m.graph.node[1].input.__setitem__(0, "q"),
                          ["'second'", "'q'", "nothing writes"]),
    "needed input": (lambda m: m.graph.node[1].input.__setitem__(0, ""), ["'second'", "'X'"]),
    "output twice": (lambda m: m.graph.node[1].output.__setitem__(0, "a"), ["'a'", "twice"]),
    "constant twice": (lambda m: m.graph.initializer.append(m.graph.initializer[0]),
                       ["'c'", "twice"]),
    "nameless constant": (lambda m: m.graph.initializer.add(data_type=1), ["without a name"]),
    "graph output": (lambda m: setattr(m.graph.output[0], "name", "k"), ["'k'", "no node"]),
    "input without a shape": (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"),
                              ["'x'", "no shape"]),
    "no node": (lambda m: m.graph.ClearField("node"), ["no operator"]),
    "no opset": (lambda m: m.ClearField("opset_import"), ["opset"]),
    "two opsets": (lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 13)), ["opset"]),
    "ir": (lambda m: setattr(m, "ir_version", 999), ["IR version 999", "pip install --upgrade"]),
    "no such operator": (lambda m: setattr(m.graph.node[1], "op_type", "Bend"), ["Bend"]),
    "sparse": (sparse, ["'thin'", "sparse"]),
    "sequence": (sequence, ["'many'", "sequence"]),
    "training": (training, ["training"]),
    "short constant": (lambda m: setattr(m.graph.initializer[0], "raw_data", b"abc"),
                       ["tensor", "24 bytes"]),
    "negative size": (lambda m: m.graph.initializer[0].dims.__setitem__(0, -1), ["Negative", "c)"]),
    "unknown type": (lambda m: setattr(m.graph.initializer[0], "data_type", 77), ["'c'"]),
    "strings": (lambda m: m.graph.initializer[0].CopyFrom(
        helper.make_tensor("c", TensorProto.STRING, [1], [b"text"])), ["'c'", "strings"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_error(tmp_path: Path, name: str) -> None:
    damage, words = CASES[name]
    made = model(
        [
            node("Mul", ["x", "c"], ["a"], "first"),
            node("Relu", ["a"], ["b"], "second"),
            node("Neg", ["b"], ["y"], "third"),
        ],
        {"c": np.float32([1, 2, 3, 4, 5, 6])},
    )
    path = saved(tmp_path, made)
    normalise(path)
    damage(made)
    path.write_bytes(made.SerializeToString())
    with pytest.raises(CompileError) as caught:
        normalise(path)
    for word in ("small.onnx", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"This is a text.\n" * 20, b"\x7fELF" + bytes(300)], ids=["no", "text", "elf"]
)
def test_no_onnx_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "small.onnx"
    path.write_bytes(content)
    with pytest.raises(CompileError, match="small.onnx: not a valid ONNX file .*quantize` writes"):
        normalise(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.onnx"):
        with pytest.raises(CompileError, match="cannot be read"):
            normalise(path)
