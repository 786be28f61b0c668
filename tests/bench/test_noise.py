"""Weights of noise: files of the right form, a network that is alive, names that are unknown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from pocketvision.errors import InputError
from pocketvision.record import Record

from .peers.candidate import Absent
from .peers.networks import network, noise
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
