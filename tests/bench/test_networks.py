"""Files that peers run: weights of noise, PReLU as relus, names that are unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from pocketvision.errors import InputError
from pocketvision.record import Record

from .peers.candidate import Absent
from .peers.networks import network, noise
from .peers.networks.rewrite import prelu_as_relus
from .peers.networks.sources import prepare
from .peers.networks.torch_graph import module
from .peers.race.run import Settings, run

NAME = "facechain-25m"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(tmp_path_factory.mktemp("noise"))
    noise.make(NAME, folder)
    return folder


def test_the_files_are_those_of_shipped_weights(home: Path, tmp_path: Path) -> None:
    record = Record.from_json((home / f"{NAME}.json").read_text())
    assert (record.name, record.tag) == (NAME, "noise")
    sources = prepare(NAME, tmp_path, home, noise=True)
    assert sources.noise and sources.weights is not None and sources.calibration is not None
    # This network has no PReLU, so that there is nothing to rewrite.
    assert [variant for variant, _ in sources.floats] == ["exported", "folded"]
    assert np.load(sources.calibration).shape == (32, 3, 112, 112)


def test_different_faces_have_different_embeddings(home: Path, tmp_path: Path) -> None:
    sources = prepare(NAME, tmp_path, home, noise=True)
    assert sources.calibration is not None
    faces = np.load(sources.calibration)[:4]
    session = onnxruntime.InferenceSession(str(sources.floats[1][1]))
    found = np.concatenate([session.run(None, {"input": face[None]})[0] for face in faces])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    assert np.isfinite(found).all()
    assert (found @ found.T)[~np.eye(4, dtype=bool)].max() < 0.999


def test_the_torch_form_of_a_folded_graph_gives_its_values(home: Path, tmp_path: Path) -> None:
    import torch

    source = prepare(NAME, tmp_path, home).floats[1][1]
    face = np.random.default_rng(1).normal(0, 0.5, (1, 3, 112, 112)).astype(np.float32)
    expected = onnxruntime.InferenceSession(str(source)).run(None, {"input": face})[0]
    with torch.no_grad():
        found = module(source)(torch.from_numpy(face)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_registered_network_is_compiled_and_timed(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POCKETVISION_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(network.models, "shipped", dict)
    monkeypatch.setattr(noise, "make", lambda name, folder: home.rename(folder))
    ((_, rows),) = run([NAME], Settings(peers=(), rounds=2, work=tmp_path))
    assert (rows[0]["network"], rows[0]["noise"]) == (NAME, True)
    (tmp_path / f"{NAME}-noise").rename(home)


def test_unknown_networks_list_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(Absent, match="Did you mean mobilefacenet"):
        noise.make("mobilefacenett", tmp_path)
    with pytest.raises(InputError, match="no shipped model.*With weights of noise"):
        network.locate("mobilefacenett", tmp_path)


def _network(path: Path, slopes: np.ndarray) -> Path:
    shape = [1, len(slopes), 5, 5]
    graph = helper.make_graph(
        [helper.make_node("PRelu", ["x", "slope"], ["y"], name="only")],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(slopes.reshape(-1, 1, 1), "slope")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def _run(path: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def test_same_values_for_slopes_of_any_sign(tmp_path: Path) -> None:
    slopes = np.array([0.25, -0.5, 0.0, 1.0, 3.0], np.float32)
    before = _network(tmp_path / "prelu.onnx", slopes)
    after = prelu_as_relus(before, tmp_path / "relus.onnx")
    x = np.random.default_rng(3).normal(0, 4, (1, 5, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(_run(after, x), _run(before, x))
    kinds = {node.op_type for node in onnx.load(after).graph.node}
    assert kinds == {"Relu", "Neg", "Mul", "Sub"}
