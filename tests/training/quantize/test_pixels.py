"""Pictures on the int8 grid, whatever a network does with them first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pocketvision.compile.frontend.load import load
from pocketvision.record import METADATA_KEY, Record
from pocketvision.training.quantize import pixels
from pocketvision.training.quantize.feed import Input

from .tiny import compiled, draws, kinds, network, quantised

node = helper.make_node
WEIGHTS = {
    "w": draws(1, 4, 3, 3, 3, spread=0.3), "b": draws(2, 4), "m": draws(3, 4 * 64, 5, spread=0.1),
    "middle": np.float32([127.5]), "factor": np.float32([0.0078125]),
}  # fmt: skip
FACES = {"task": "face-embedding"}


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)


def embedder(first: list | None = None, start: str = "x", pads: int = 1) -> onnx.ModelProto:
    nodes = [
        *(first or []),
        node("Conv", [start, "w", "b"], ["h"], pads=[pads] * 4),
        node("Flatten", ["h"], ["f"]),
        node("Gemm", ["f", "m"], ["y"]),
    ]
    weights = WEIGHTS if pads else WEIGHTS | {"m": WEIGHTS["m"][: 4 * 36]}
    return network(nodes, {"x": ["N", 3, 8, 8]}, {"y": None}, weights)


OWN = [node("Sub", ["x", "middle"], ["s"]), node("Mul", ["s", "factor"], ["n"])]


def record_of(path: Path) -> Record:
    (text,) = [e.value for e in onnx.load(path).metadata_props if e.key == METADATA_KEY]
    return Record.from_json(text)


def test_what_the_network_does_first_goes_into_the_record(
    tmp_path: Path, crops: np.ndarray
) -> None:
    # The colours of the border move by half a level, which is all that the cosine sees.
    done = quantised(embedder(OWN, "n"), tmp_path, crops, mean=0, std=1, colour="BGR", **FACES)
    assert done.cosines["y"] > 0.999
    preprocess = record_of(done.file).preprocess
    assert preprocess["mean"] == [128.0] * 3 and preprocess["std"] == [128.0] * 3
    assert preprocess["colour"] == "BGR" and preprocess["template"] is None
    graph = compiled(done)
    assert kinds(graph) == ["Conv", "Conv"]
    tensor = graph.tensors[graph.inputs[0]]
    assert (tensor.scale * 128, tensor.zero_point) == (pytest.approx(1, rel=1e-6), 0)


def test_what_differs_between_channels_goes_into_the_weights(
    tmp_path: Path, crops: np.ndarray
) -> None:
    given = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    done = quantised(embedder(pads=0), tmp_path, crops, **given, **FACES)
    assert done.cosines["y"] > 0.999
    preprocess = record_of(done.file).preprocess
    assert preprocess["mean"] == [128.0] * 3 and len(set(preprocess["std"])) == 1
    # A padded border would get another colour: the network keeps its own mean.
    done = quantised(embedder(), tmp_path, crops, **given, **FACES)
    assert done.cosines["y"] > 0.999
    preprocess = record_of(done.file).preprocess
    assert preprocess["mean"] == given["mean"] and preprocess["std"] == given["std"]


def test_without_a_record_the_input_keeps_its_meaning(tmp_path: Path, crops: np.ndarray) -> None:
    done = quantised(embedder(OWN, "n"), tmp_path, crops, mean=0, std=1)
    assert done.cosines["y"] > 0.999
    graph = compiled(done)
    assert kinds(graph) == ["Table", "Conv", "Conv"]
    tensor = graph.tensors[graph.inputs[0]]
    assert (tensor.scale, tensor.zero_point) == (pytest.approx(1, rel=1e-6), -128)
    table = graph.ops[0].table.reshape(-1)
    assert len(set(table.tolist())) == 255  # 127 and 128 are as far from the middle


def test_a_grid_keeps_pixels_apart() -> None:
    values = (np.arange(256) - 127.5) / 127.5
    low, high = pixels.on_grid(values)
    scale = np.float32((high - low) / 255)
    stored = np.clip(np.rint(values.astype(np.float32) / scale), -128, 127)
    assert len(set(stored.tolist())) == 255
    assert pixels.on_grid(np.arange(256) / 255.0) == pytest.approx((0, 1))


def test_an_input_that_several_read_stays(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w", "b"], ["h"], pads=[1] * 4),
        node("MaxPool", ["x"], ["p"], kernel_shape=[1, 1]),
    ]
    model = network(nodes, {"x": [1, 3, 8, 8]}, {"h": [1, 4, 8, 8], "p": [1, 3, 8, 8]}, WEIGHTS)
    into = Input("x", (1, 3, 8, 8))
    assert pixels.recentre(model, into, [127.5] * 3, [127.5] * 3) is None
    del model.graph.node[1]
    del model.graph.output[1]
    assert pixels.recentre(model, into, [127.5] * 3, [127.5] * 3) is not None


def test_a_task_asks_for_its_kind_of_network(tmp_path: Path, crops: np.ndarray) -> None:
    model = network(
        [node("Conv", ["x", "w", "b"], ["y"])], {"x": [1, 3, 8, 8]}, {"y": None}, WEIGHTS
    )
    with pytest.raises(ValueError, match=r"task 'face-embedding' is for one output \(1, D\)"):
        quantised(model, tmp_path, crops, mean=0, std=1, **FACES)
    with pytest.raises(ValueError, match="record field 'task': expected face-embedding"):
        quantised(embedder(), tmp_path, crops, mean=0, std=1, task="chess")
    with pytest.raises(ValueError, match="how does a pixel become its value"):
        quantised(embedder(), tmp_path, crops, **FACES)
    with pytest.raises(ValueError, match="task is about pictures"):
        quantised(embedder(), tmp_path, draws(1, 40, 3, 8, 8), **FACES)
    done = quantised(embedder(), tmp_path, crops, mean=127.5, std=127.5, **FACES)
    assert load(done.file).record != "{}"
    assert record_of(done.file).embedding == 5
