"""The teacher's features: the same by every road, no further than asked, and named when absent."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.run.device import CPU  # noqa: E402
from pocketvision.training.search.blockwise import teacher  # noqa: E402
from pocketvision.training.search.blockwise.teacher import open_features  # noqa: E402


@pytest.fixture
def x():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "bfloat16", lambda *_: False)


def test_torch_and_onnxruntime_agree(data: Path, tensors, x) -> None:
    found = open_features("teacher.onnx", data, tensors, CPU)
    assert isinstance(found, teacher.Converted)
    known = teacher.Runtime(data / "teacher.onnx", tensors, CPU)
    for ours, theirs, shape in zip(
        found(x), known(x), [(8, 16, 16), (8, 8, 8), (12, 4, 4)], strict=True
    ):
        assert ours.shape == (3, *shape) and not ours.requires_grad
        # Sums of values as large as the largest, so that their rounding is that of those.
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))
    # The teacher's file takes pixels of 0 to 255.
    assert found(x)[0].abs().max() > 20 * found(x / 127.5 - 1)[0].abs().max() / 127.5


def test_a_tensor_inside_what_is_folded_comes_from_onnxruntime(data: Path, x, capsys) -> None:
    import onnx

    graph = onnx.load(data / "teacher.onnx").graph
    first = next(node for node in graph.node if node.op_type == "Relu").output[0]
    graph.node.extend([onnx.helper.make_node("Det", [first], ["odd"])])
    model = onnx.load(data / "teacher.onnx")
    model.graph.node.extend([onnx.helper.make_node("Softsign", [first], ["odd"])])
    onnx.save(model, data / "odd.onnx")
    found = open_features("odd.onnx", data, ["odd", first], CPU)
    assert isinstance(found, teacher.Runtime)
    odd, plain = found(x)
    torch.testing.assert_close(odd, torch.nn.functional.softsign(plain))
    assert "runs in onnxruntime, slower than in torch" in capsys.readouterr().err


def test_modules_of_a_registered_model(data: Path, x) -> None:
    net = models.create("facechain-25m")
    state.save_weights(data / "weights.safetensors", net)
    x = torch.nn.functional.interpolate(x, (112, 112))
    names = ["stem", "blocks.1", "blocks.7"]
    seen = []
    found = open_features("facechain-25m:weights.safetensors", data, names, CPU)
    assert isinstance(found, teacher.Hooked)
    found.network.tail.register_forward_hook(lambda *_: seen.append(1))
    features = found(x)
    expected = net.eval().stem(x)
    torch.testing.assert_close(features[0], expected, rtol=1e-4, atol=1e-4)
    for block in net.blocks[:8]:
        expected = block(expected)
    torch.testing.assert_close(features[2], expected, rtol=1e-3, atol=1e-3)
    assert not seen  # nothing past the last tensor runs


def test_a_shipped_model_teaches_by_its_name(data: Path, x) -> None:
    (found,) = open_features("facechain-25m", data, ["blocks.0"], CPU)(
        torch.nn.functional.interpolate(x, (112, 112))
    )
    assert found.shape[2:] == (28, 28)


@pytest.mark.parametrize(
    ("name", "wanted", "error", "message"),
    [
        ("none.onnx", "x", FileNotFoundError, "no such teacher; teacher.model names it"),
        ("faces/p0/0.png.onnx", "x", FileNotFoundError, "no such teacher"),
        ("broken.onnx", "x", ValueError, "broken.onnx: not an ONNX file"),
        ("facechain-25m:none.safetensors", "x", FileNotFoundError, "no such weights"),
        ("facechain-25m", "block.1", ValueError, r"has no 'block.1'; the closest: blocks.1, "),
        ("facechain", "x", FileNotFoundError, "no shipped weights of facechain"),
    ],
)
def test_mistakes_are_named(data: Path, name: str, wanted: str, error, message: str) -> None:
    (data / "broken.onnx").write_bytes(b"no file at all")
    with pytest.raises(error, match=message):
        open_features(name, data, [wanted], CPU)


def test_a_tensor_that_the_file_lacks_is_told_with_those_that_it_has(data: Path, tensors) -> None:
    wrong = tensors[1].replace("Conv", "Konv").replace("Add", "Ad")
    with pytest.raises(ValueError) as error:
        open_features("teacher.onnx", data, [tensors[0], wrong], CPU)
    assert f"has no {wrong!r}; the closest: " in str(error.value)
    assert tensors[1] in str(error.value) and tensors[2] in str(error.value)
