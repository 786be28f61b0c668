"""Networks of every kind of input: grey, one axis, several, channels last, free axes, old files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from pocketvision.compile.frontend.load import load
from pocketvision.record import METADATA_KEY
from pocketvision.training.quantize import quantize_model

from .tiny import compiled, draws, kinds, network, quantised

node = helper.make_node
CONV = {"w": draws(1, 4, 3, 3, 3, spread=0.3), "b": draws(2, 4)}
GEMM = {"w": draws(3, 5, 12, spread=0.4), "b": draws(4, 5)}


def conv(shape: list, **more: object) -> onnx.ModelProto:
    channels = CONV["w"][:, : shape[1] if isinstance(shape[1], int) else 3]
    return network(
        [node("Conv", ["x", "w", "b"], ["h"], "c", pads=[1] * 4), node("Relu", ["h"], ["y"], "r")],
        {"x": shape},
        {"y": None},
        {**CONV, "w": channels},
        **more,
    )


def ends(path: Path) -> tuple[list, list]:
    """Shapes of the inputs and outputs that the file states."""
    graph = onnx.load(path).graph
    return tuple(  # type: ignore[return-value]
        [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in values]
        for values in (graph.input, graph.output)
    )


def test_one_axis_and_no_shape_of_the_output(tmp_path: Path) -> None:
    weights = {"w": draws(5, 6, 2, 5, spread=0.3), "b": draws(6, 6)}
    nodes = [
        node("Conv", ["x", "w", "b"], ["h"], pads=[2, 2], strides=[2]),
        node("Relu", ["h"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["y"]),
    ]
    model = network(nodes, {"x": [1, 2, 50]}, {"y": None}, weights)
    done = quantised(model, tmp_path, draws(7, 40, 2, 50))
    assert ends(done.file) == ([[1, 2, 50]], [[1, 6]])
    assert done.cosines["y"] > 0.999
    assert kinds(compiled(done)) == ["Conv", "Pool"]


def test_rank_two_and_rank_three(tmp_path: Path) -> None:
    rows = network(
        [node("Gemm", ["x", "w", "b"], ["y"], transB=1)], {"x": [1, 12]}, {"y": [1, 5]}, GEMM
    )
    done = quantised(rows, tmp_path, draws(8, 40, 12))
    assert done.cosines["y"] > 0.99
    assert kinds(compiled(done)) == ["Conv"]
    weights = {"w": GEMM["w"].T.copy(), "b": GEMM["b"]}
    nodes = [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["y"])]
    tokens = network(nodes, {"x": [1, 7, 12]}, {"y": [1, 7, 5]}, weights)
    done = quantised(tokens, tmp_path, draws(8, 40, 7, 12))
    assert done.cosines["y"] > 0.999
    assert kinds(compiled(done)) == ["Conv"]  # the sum is its bias


def test_several_inputs_by_name(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["left", "w", "b"], ["a"]),
        node("Conv", ["right", "w", "b"], ["c"]),
        node("Add", ["a", "c"], ["sum"]),
        node("Sub", ["a", "c"], ["gap"]),
    ]
    shape = [None, 3, 8, 8]
    model = network(nodes, {"left": shape, "right": shape}, {"sum": None, "gap": None}, CONV)
    arrays = {"left": draws(9, 40, 3, 8, 8), "right": draws(10, 40, 3, 8, 8)}
    np.savez(tmp_path / "d.npz", **arrays)
    done = quantised(model, tmp_path, tmp_path / "d.npz")
    assert set(done.cosines) == {"sum", "gap"} and min(done.cosines.values()) > 0.995
    graph = compiled(done)
    assert graph.input_names == ("left", "right")
    np.savez(tmp_path / "one.npz", left=arrays["left"])
    with pytest.raises(ValueError, match="holds the arrays 'left', expected .* 'left', 'right'"):
        quantised(model, tmp_path, tmp_path / "one.npz")
    np.savez(tmp_path / "odd.npz", left=arrays["left"], right=arrays["right"][:39])
    with pytest.raises(ValueError, match="have 39, 40 samples"):
        quantised(model, tmp_path, tmp_path / "odd.npz")
    with pytest.raises(ValueError, match="pictures feed one input .*left, right"):
        quantised(model, tmp_path, np.zeros((40, 8, 8, 3), np.uint8), mean=0, std=1)


def test_a_function_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_samples.py").write_text(
        "import numpy\n"
        "def few():\n"
        "    yield {'x': numpy.ones((1, 3, 8, 8))}\n"
        "def endless():\n"
        "    draw = numpy.random.default_rng(0)\n"
        "    while True:\n"
        "        yield {'x': draw.normal(size=(3, 8, 8))}\n"
        "def wrong():\n"
        "    yield numpy.ones((1, 3, 8, 8))\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    model = conv([1, 3, "height", "width"])
    done = quantised(model, tmp_path, "my_samples:endless")
    assert ends(done.file)[0] == [[1, 3, 8, 8]]
    assert done.cosines["y"] > 0.999
    for name, error in (
        ("few", r"few\(\): expected 40 samples, .* found 1"),
        ("wrong", r"wrong\(\), sample 0: expected a mapping .*'x', got ndarray"),
        ("missing", "my_samples:missing: no such function"),
    ):
        with pytest.raises(ValueError, match=error):
            quantised(model, tmp_path, f"my_samples:{name}")


def test_free_batch_and_sizes(tmp_path: Path) -> None:
    model = conv(["batch", 3, "height", "width"])
    crops = np.random.default_rng(0).integers(0, 256, (40, 12, 10, 3), dtype=np.uint8)
    done = quantised(model, tmp_path, crops, mean=0, std=255)
    assert ends(done.file) == ([[1, 3, 12, 10]], [[1, 4, 12, 10]])
    folder = tmp_path / "pictures"
    folder.mkdir()
    for place, crop in enumerate(crops):
        Image.fromarray(crop).save(folder / f"{place}.png")
    with pytest.raises(ValueError, match=r"shape \(1, 3, \?, \?\); give the height and width"):
        quantised(model, tmp_path, folder, mean=0, std=255)
    done = quantised(model, tmp_path, folder, mean=0, std=255, size=(6, 8))
    assert ends(done.file)[0] == [[1, 3, 6, 8]]
    with pytest.raises(ValueError, match="is 8x8, not 6x8"):
        quantised(conv([1, 3, 8, 8]), tmp_path, folder, mean=0, std=255, size=(6, 8))


def test_grey_pictures(tmp_path: Path) -> None:
    for place in range(40):
        pixels = np.random.default_rng(place).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{place:02}.png")
    done = quantised(conv([1, 1, 8, 8]), tmp_path, tmp_path, mean=0, std=255)
    assert done.cosines["y"] > 0.999
    graph = compiled(done)
    tensor = graph.tensors[graph.inputs[0]]
    assert (tensor.scale * 255, tensor.zero_point) == (pytest.approx(1), -128)
    with pytest.raises(ValueError, match="colour 'RGB': input 'x' has 1 channels"):
        quantised(conv([1, 1, 8, 8]), tmp_path, tmp_path, mean=0, std=255, colour="RGB")


def test_channels_last(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        node("Conv", ["t", "w", "b"], ["h"], strides=[2, 2]),
        node("Relu", ["h"], ["r"]),
        node("Transpose", ["r"], ["y"], perm=[0, 2, 3, 1]),
    ]
    model = network(nodes, {"x": ["n", 9, 9, 3]}, {"y": None}, CONV)
    crops = np.random.default_rng(0).integers(0, 256, (40, 9, 9, 3), dtype=np.uint8)
    done = quantised(model, tmp_path, crops, mean=[120, 110, 100], std=[60, 61, 62], colour="BGR")
    assert done.cosines["y"] > 0.999
    assert ends(done.file) == ([[1, 9, 9, 3]], [[1, 4, 4, 4]])
    assert kinds(compiled(done)) == ["Conv"]


@pytest.mark.parametrize("opset", [9, 11, 13, 17, 21])
def test_files_of_every_age(tmp_path: Path, opset: int) -> None:
    # No attribute that has a default, no name, no shape of the output.
    nodes = [
        node("Conv", ["x", "w", "b"], ["h"]),
        node("BatchNormalization", ["h", "g", "b", "b", "v"], ["n"]),
        node("Dropout", ["n"], ["d"]),
        *(
            [node("Clip", ["d", "lo", "hi"], ["c"])]
            if opset >= 11
            else [node("Clip", ["d"], ["c"], min=0.0, max=6.0)]
        ),
        node("Flatten", ["c"], ["f"]),
        node("Gemm", ["f", "m"], ["y"]) if opset >= 11 else node("Gemm", ["f", "m", "z"], ["y"]),
    ]  # fmt: skip
    weights = {
        **CONV,
        "g": draws(11, 4),
        "v": np.abs(draws(12, 4)) + np.float32(0.1),
        "m": draws(13, 4 * 36, 6, spread=0.1),
    }
    if opset >= 11:
        weights |= {"lo": np.float32(0), "hi": np.float32(6)}
    else:
        weights["z"] = np.zeros(6, np.float32)
    model = network(nodes, {"x": ["N", 3, 8, 8]}, {"y": None}, weights, opset)
    if opset == 9:
        model.ir_version = 3  # weights are inputs too
        model.graph.input.extend(
            helper.make_tensor_value_info(t.name, t.data_type, t.dims)
            for t in model.graph.initializer
        )
    done = quantised(model, tmp_path, draws(14, 40, 3, 8, 8))
    assert ends(done.file) == ([[1, 3, 8, 8]], [[1, 6]])
    assert done.cosines["y"] > 0.999
    assert kinds(compiled(done)) == ["Conv", "Conv"]


def test_unnamed_layers_that_share_a_weight(tmp_path: Path) -> None:
    # The second reads values a hundred times as large: one scale for both is one too coarse.
    nodes = [
        node("Conv", ["x", "w", "b"], ["h"]),
        node("BatchNormalization", ["h", "g", "b", "m", "v"], ["n"]),
        node("Conv", ["n", "w2"], ["a"]),
        node("Conv", ["a", "w2"], ["c"]),
        node("BatchNormalization", ["c", "g2", "b", "m", "v"], ["d"]),
        node("Conv", ["d", "w2"], ["y"]),
    ]
    weights = {
        **CONV, "w2": draws(15, 4, 4, 1, 1), "g": draws(16, 4), "g2": 30 * draws(17, 4),
        "m": draws(18, 4), "v": np.ones(4, np.float32),
    }  # fmt: skip
    done = quantised(
        network(nodes, {"x": [1, 3, 8, 8]}, {"y": None}, weights), tmp_path, draws(19, 40, 3, 8, 8)
    )
    assert done.cosines["y"] > 0.999
    graph = compiled(done)
    layers = [op for op in graph.ops if type(op).__name__ == "Conv"]
    assert len(layers) == 4
    assert not np.array_equal(layers[1].weight, layers[2].weight)  # a norm is in one of them
    assert len({op.name for op in graph.ops}) == 4


def test_what_an_input_may_not_be(tmp_path: Path) -> None:
    model = conv([1, 3, 8, 8])
    data = draws(20, 40, 3, 8, 8)
    with pytest.raises(
        ValueError, match=r"float32 of shape \(3, 9, 8\) for input 'x', expected \(1, 3, 8, 8\)"
    ):
        quantised(model, tmp_path, draws(20, 40, 3, 9, 8))
    with pytest.raises(ValueError, match="values that are not finite"):
        quantised(model, tmp_path, data * np.float32(np.nan))
    with pytest.raises(FileNotFoundError, match=r"none\.npy"):
        quantised(model, tmp_path, tmp_path / "none.npy")
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(ValueError, match=r"text\.npy"):
        quantised(model, tmp_path, tmp_path / "text.npy")
    with pytest.raises(ValueError, match="mean, std is about pictures"):
        quantised(model, tmp_path, data, mean=1, std=2)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    onnx.save(model, tmp_path / "half.onnx")
    with pytest.raises(ValueError, match=r"half\.onnx: (input 'x' is float16|expected a float)"):
        quantize_model(tmp_path / "half.onnx", data, tmp_path / "o.onnx", count=8)
    del model.graph.input[0].type.tensor_type.shape.dim[:]
    assert not (tmp_path / "o.onnx").exists()


def test_a_file_without_a_task_has_no_record(tmp_path: Path) -> None:
    done = quantised(conv([1, 3, 8, 8]), tmp_path, draws(21, 40, 3, 8, 8))
    assert METADATA_KEY not in {entry.key for entry in onnx.load(done.file).metadata_props}
    assert load(done.file).record == "{}"
