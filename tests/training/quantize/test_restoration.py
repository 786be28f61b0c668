"""A restorer's weights to int8 and machine code: the reference's bytes, its record, its verb."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision import InputError, ModelFileError, Restorer, _runtime, align  # noqa: E402
from pocketvision.cli import main  # noqa: E402
from pocketvision.compile import compile_file  # noqa: E402
from pocketvision.compile.arithmetic import reference  # noqa: E402
from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.compile.graph import ops  # noqa: E402
from pocketvision.compile.pipeline import optimise  # noqa: E402
from pocketvision.faces.template import ARCFACE_TEMPLATE  # noqa: E402
from pocketvision.record import Record  # noqa: E402
from pocketvision.record.restoration import Restoration  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.models.rim.generator import SMALL  # noqa: E402
from pocketvision.training.quantize.trained import quantize_weights  # noqa: E402
from pocketvision.training.run import state  # noqa: E402

ARCHITECTURE = {"family": "fhn", "embedding": 3, **SMALL, "width": 4, "blocks": 1}
TEMPLATE = np.array(ARCFACE_TEMPLATE)


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small form at a quarter of its width, of random weights that change every pixel."""
    folder = tmp_path_factory.mktemp("restorer")
    torch.manual_seed(4)
    entry = models.built("fhn", ARCHITECTURE)
    network = entry.make()
    with torch.no_grad():
        for head in (network.coarse_image, network.image):
            head.weight.normal_(std=0.02)
    state.save_weights(folder / "model.safetensors", network)
    record = Record(
        "fhn", "t", "restoration",
        {"size": [112, 112], "colour": "RGB", "mean": [127.5] * 3, "std": [127.5] * 3,
         "template": [list(point) for point in ARCFACE_TEMPLATE]},
        Restoration(10, 32), architecture=dict(entry.architecture or {}),
    )  # fmt: skip
    (folder / "model.json").write_text(record.to_json())
    pictures = np.random.default_rng(1).integers(0, 256, (12, 112, 112, 3), dtype=np.uint8)
    return quantize_weights(folder / "model.safetensors", pictures, folder / "fhn.int8.onnx").file


@pytest.fixture(scope="module")
def compiled(int8: Path) -> Path:
    (file,) = compile_file(int8, _runtime.host_targets()[0], int8.parent)
    return file


def test_the_machine_code_has_the_references_bytes(int8: Path, compiled: Path) -> None:
    graph, restorer = optimise(load(int8)), Restorer(compiled)
    assert not any(isinstance(op, ops.Move) for op in graph.ops), "no transpose is left"
    random = np.random.default_rng(2)
    for _ in range(2):
        stored = random.integers(-128, 128, (1, 112, 112, 3), dtype=np.int8)
        found = restorer.model.run(stored[0])
        np.testing.assert_array_equal(found, reference.run(graph, stored)[0])


def test_it_restores_what_the_float_weights_do(int8: Path, compiled: Path) -> None:
    restorer = Restorer(compiled)
    assert restorer.record.full_name == "fhn.t" and restorer.part == Restoration(10, 32)
    small = np.random.default_rng(5).integers(60, 196, (14, 14, 3)).astype(np.uint8)
    before = restorer.enlarged(small)
    bicubic = Image.fromarray(small).resize((112, 112), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(before, np.asarray(bicubic))
    after = restorer.restore(before).astype(float)
    network = models.load(models.built("fhn", ARCHITECTURE), int8.parent / "model.safetensors")
    with torch.no_grad():
        planes = (torch.from_numpy(before).permute(2, 0, 1)[None].float() - 127.5) / 127.5
        wanted = network(planes)[0].permute(1, 2, 0).numpy() * 127.5 + 127.5
    changed = np.abs(wanted - before).mean()
    assert np.abs(after - wanted).mean() < 0.3 * changed


def test_a_face_of_a_picture_is_aligned_first(compiled: Path) -> None:
    restorer = Restorer(compiled)
    picture = np.random.default_rng(6).integers(0, 256, (60, 70, 3), dtype=np.uint8)
    points = TEMPLATE * 0.25 + 12
    found = restorer.enlarged(picture, points)
    np.testing.assert_array_equal(found, align(picture, points)[0])
    with pytest.raises(InputError, match="too small: the face has 8 pixels a side, and fhn.t was"):
        restorer.enlarged(picture, TEMPLATE * 8 / 112 + 12)
    with pytest.raises(InputError, match="expected those of one face, got 2 faces"):
        restorer.enlarged(picture, np.stack([points, points]))


def test_what_is_no_face_of_its_range_is_refused(compiled: Path, model_file: Path) -> None:
    restorer = Restorer(compiled)
    with pytest.raises(InputError, match="too small: the face has 9 pixels a side"):
        restorer.enlarged(np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(InputError, match="expected a square crop of a face, got 20x12"):
        restorer.enlarged(np.zeros((12, 20, 3), np.uint8))
    with pytest.raises(InputError, match=r"as enlarged\(\) gives it, got uint8 \(14, 14, 3\)"):
        restorer.restore(np.zeros((14, 14, 3), np.uint8))
    with pytest.raises(ModelFileError, match="got a model of the task 'face-embedding'"):
        Restorer(model_file)


def test_the_verb(compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = np.random.default_rng(7).integers(60, 196, (20, 20, 3)).astype(np.uint8)
    Image.fromarray(small).save(tmp_path / "in.png")
    names = [str(tmp_path / name) for name in ("in.png", "out.png", "sheet.png")]
    command = ["restore", *names[:2], "--model", str(compiled)]
    assert main([*command, "--sheet", names[2], "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["model"] == "fhn.t" and said["out"] == names[1] and said["sheet"] == names[2]
    restorer = Restorer(compiled)
    before = restorer.enlarged(small)
    after = np.asarray(Image.open(names[1]))
    np.testing.assert_array_equal(after, restorer.restore(before))
    both = np.asarray(Image.open(names[2]))
    assert both.shape == (112, 228, 3)
    np.testing.assert_array_equal(both[:, :112], before)
    np.testing.assert_array_equal(both[:, -112:], after)
    marks = tmp_path / "marks.csv"
    marks.write_text("in.png," + ",".join(f"{v:.2f}" for v in (TEMPLATE * 5 / 112).ravel()) + "\n")
    assert main([*command, "--landmarks", str(marks)]) == 2
    assert "in.png: too small: the face has 5 pixels a side" in capsys.readouterr().err
    assert main(command) == 0
    assert "restored by fhn.t; no evidence" in capsys.readouterr().out
    assert main(["info", str(compiled)]) == 0
    assert "fhn.t: restoration, faces of 10 to 32 pixels made sharp" in capsys.readouterr().out
