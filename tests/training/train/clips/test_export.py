"""Encoder and decoder as two ONNX files give what the network gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")

import onnx  # noqa: E402

from pocketvision.record import METADATA_KEY, Record  # noqa: E402
from pocketvision.record.clips import Clips  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.quantize.trained import quantize_weights  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.clips.export import export  # noqa: E402

ARCHITECTURE = {
    "family": "vtn", "encoder": "chain_10m", "embedding": 2, "size": 32, "frames": 4,
    "width": 16, "blocks": 2, "heads": 4, "inner": 24,
}  # fmt: skip


def through(run: Path, modality: str):
    """A run that is through, and its network."""
    torch.manual_seed(6)
    values = ARCHITECTURE | {"modality": modality}
    network = models.built("vtn_small", values).make().eval()
    state.save_weights(run / "model.safetensors", network)
    size = {"size": [32, 32], "colour": "RGB", "mean": [127.5] * 3, "std": [127.5] * 3}
    part = Clips(["a", "b"], 4, 1, modality)
    record = Record("vtn-small", "t", "clips", size, part, architecture=values)
    (run / "model.json").write_text(record.to_json())
    return network, record


def runs(path: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x.astype(np.float32)})[0]


@pytest.mark.parametrize("modality", ["rgb", "difference", "rgb+difference"])
def test_a_live_system_gives_what_the_clip_gives(modality: str, tmp_path: Path) -> None:
    network, record = through(tmp_path / "run", modality)
    files = export(tmp_path / "run", tmp_path / "onnx")
    assert len(files) == 2 * len(modality.split("+"))
    clip = np.random.default_rng(2).integers(0, 256, (1, 4, 3, 32, 32), dtype=np.uint8)
    frames = (clip[0].astype(np.float32) - 127.5) / 127.5
    logits = []
    for number, one in enumerate(modality.split("+")):
        encoder, decoder = files[2 * number : 2 * number + 2]
        seen = np.diff(frames, axis=0) if one == "difference" else frames
        ring = np.stack([runs(encoder, frame[None])[0] for frame in seen])
        logits.append(runs(decoder, ring[None]))
    with torch.no_grad():
        expected = network(network.scale(torch.from_numpy(clip))).numpy()
    np.testing.assert_allclose(np.mean(logits, axis=0), expected, rtol=0, atol=1e-5)
    for file in files:
        found = {p.key: p.value for p in onnx.load(file).metadata_props}
        assert Record.from_json(found[METADATA_KEY]) == record


def test_a_run_that_is_not_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors"):
        export(tmp_path, tmp_path)


def test_the_whole_network_is_no_file_to_quantise(tmp_path: Path) -> None:
    through(tmp_path, "rgb")
    with pytest.raises(ValueError, match=r"two files.*train\.clips\.export"):
        quantize_weights(tmp_path / "model.safetensors", np.zeros((1, 32, 32, 3)), tmp_path / "o")
