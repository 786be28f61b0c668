"""Converted ONNX networks compute what onnxruntime computes, and say what they do not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

torch = pytest.importorskip("torch")

from pocketvision.training.distill import convert, teacher  # noqa: E402
from pocketvision.training.distill.convert import nodes  # noqa: E402
from pocketvision.training.export import export  # noqa: E402

RANDOM = np.random.default_rng(5)


def weight(*shape: int) -> np.ndarray:
    return (RANDOM.standard_normal(shape) * 0.3).astype(np.float32)


def save(path: Path, nodes: list, constants: dict[str, np.ndarray]) -> Path:
    """A graph from "x" (N, 3, 12, 12) to the last node's output."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3, 12, 12])],
        [helper.make_tensor_value_info(nodes[-1].output[0], onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def mobile(tmp_path: Path) -> Path:
    """MobileFace V2's kinds of nodes: scaled pixels, norms after all, clamps, a sum."""
    node = helper.make_node
    nodes = [
        node("Sub", ["x", "half"], ["a"]),
        node("Mul", ["a", "scale"], ["b"]),
        node("Conv", ["b", "w0", "b0"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", ["c", *"ghmv"], ["d"], epsilon=1e-3),
        node("Max", ["d", "zero"], ["e"]),
        node("Min", ["e", "six"], ["f"]),
        node("Conv", ["f", "w1"], ["i"], group=8, pads=[1, 1, 1, 1]),
        node("PRelu", ["i", "slopes"], ["j"]),
        node("Add", ["f", "j"], ["k"]),
        node("Flatten", ["k"], ["l"]),
        node("Gemm", ["l", "w2"], ["n"], transB=1),
        node("BatchNormalization", ["n", "G", "H", "M", "V"], ["o"]),
    ]
    constants = {
        "half": np.float32(127.5).reshape(1),
        "scale": np.float32(1 / 127.5).reshape(1),
        "zero": np.float32(0).reshape(1),
        "six": np.float32(6).reshape(1),
        "w0": weight(8, 3, 3, 3),
        "b0": weight(8),
        "w1": weight(8, 1, 3, 3),
        "slopes": np.abs(weight(8, 1, 1)),
        "w2": weight(16, 288),
    }
    for names, count in (("ghmv", 8), ("GHMV", 16)):
        made = zip(names, (weight(count) + 1, *(weight(count) for _ in range(3))), strict=True)
        constants |= {name: np.abs(v) if name in "vV" else v for name, v in made}
    constants["w0"][3] = 1e-39
    return save(tmp_path / "mobile.onnx", nodes, constants)


def test_embeddings_are_onnxruntimes(mobile: Path) -> None:
    planes = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(1)) * 255
    network = convert.read(mobile)
    session = teacher.OnnxTeacher(mobile).session
    expected = session.run(None, {"x": planes.numpy()})[0]
    assert network.size == (12, 12)
    rounding = 1e-6 * float(np.abs(expected).max())  # float32 sums in another order
    for given in (planes, planes.contiguous(memory_format=torch.channels_last)):
        assert network(given).numpy() == pytest.approx(expected, rel=0, abs=rounding)


def test_norms_are_folded_and_clamps_are_one(mobile: Path) -> None:
    kinds = [type(step).__name__ for step in convert.read(mobile).steps]
    assert kinds == [
        "Combine", "Combine", "Conv2d", "Hardtanh", "Conv2d", "PReLU", "Combine", "Flatten",
        "Linear",
    ]  # fmt: skip


def test_no_weight_is_denormal(mobile: Path) -> None:
    for value in convert.read(mobile).state_dict().values():
        assert not ((value != 0) & (value.abs() < convert.TINY)).any()


def test_an_exported_network(mobilefacenet, mobilefacenet_onnx: Path, normalised) -> None:
    x = torch.from_numpy(normalised[:2])
    with torch.no_grad():
        expected, found = mobilefacenet(x), convert.read(mobilefacenet_onnx)(x)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_the_teacher_is_the_converted_one(mobile: Path, capsys) -> None:
    opened = teacher.open_teacher(mobile.name, mobile.parent)
    assert isinstance(opened, teacher.ConvertedTeacher) and not capsys.readouterr().err
    planes = torch.rand(teacher.FEW + 3, 3, 12, 12) * 255
    cosine = (opened(planes) * teacher.OnnxTeacher(mobile)(planes)).sum(axis=1)
    assert cosine.min() > (0.998 if opened.half else teacher.SAME)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (helper.make_node("Softplus", ["x"], ["y"]), "Softplus y: not known"),
        (helper.make_node("Flatten", ["x"], ["y"], axis=2), "Flatten y: not known"),
        (
            helper.make_node("Conv", ["x", "w"], ["y"], pads=[0, 0, 1, 1]),
            "Conv y: not known",
        ),
    ],
)
def test_what_is_not_known_stays_with_onnxruntime(node, reason, tmp_path: Path, capsys) -> None:
    nodes = [node, helper.make_node("Flatten", ["y"], ["z"])]
    path = save(tmp_path / "t.onnx", nodes, {"w": weight(4, 3, 3, 3)})
    with pytest.raises(convert.UnsupportedError, match=reason):
        convert.read(path)
    opened = teacher.open_teacher(path.name, tmp_path)
    assert isinstance(opened, teacher.OnnxTeacher)
    assert f"t.onnx runs in onnxruntime, slower than in torch: {reason}" in capsys.readouterr().err


def test_a_conversion_that_differs_is_not_trusted(mobile: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(nodes, "COMBINED", nodes.COMBINED | {"Add": torch.sub})
    assert isinstance(teacher.open_teacher(mobile.name, mobile.parent), teacher.OnnxTeacher)
    assert "cosine to onnxruntime's embeddings only" in capsys.readouterr().err


def test_exported_networks_teach(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU6(), torch.nn.Flatten())
    path = export(network.eval(), tmp_path / "small.onnx")
    assert isinstance(teacher.open_teacher(path.name, tmp_path), teacher.ConvertedTeacher)
