"""``pocketvision train``: usage errors end with code 2 and name what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from pocketvision import cli  # noqa: E402

SHORT = """
model = "facechain-25m"
steps = 2
batch = 4
precision = "float32"
phases = [[1.0, 64]]
[optimiser]
learning_rate = 0.01
[margin]
kind = "softmax"
[data]
root = "faces"
"""


def test_a_recipe_that_is_not_there(tmp_path: Path, capsys) -> None:
    arguments = ["train", str(tmp_path / "no.toml"), "--out", str(tmp_path), "--data", "."]
    assert cli.main(arguments) == 2
    assert "no.toml" in capsys.readouterr().err


def test_no_data_folder(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.delenv("POCKETVISION_DATA", raising=False)
    assert cli.main(["train", "r.toml", "--out", str(tmp_path)]) == 2
    assert "--data" in capsys.readouterr().err


def test_a_recipe_with_an_unknown_key(tmp_path: Path, capsys) -> None:
    path = tmp_path / "r.toml"
    path.write_text("modle = 1\n")
    assert cli.main(["train", str(path), "--out", str(tmp_path), "--data", "."]) == 2
    assert "modle: no such key; known here: batch" in capsys.readouterr().err


def test_what_is_printed_is_there(tmp_path: Path, capsys) -> None:
    """The resume point of a run that --steps stops, the weights of one that is through."""
    for person in "ab":
        (tmp_path / "faces" / person).mkdir(parents=True)
        for picture in range(2):
            noise = np.random.default_rng(picture).integers(0, 256, (112, 112, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "faces" / person / f"{picture}.png")
    path, out = tmp_path / "r.toml", tmp_path / "run"
    path.write_text(SHORT)
    arguments = ["train", str(path), "--out", str(out), "--data", str(tmp_path)]
    assert cli.main([*arguments, "--steps", "1"]) == 0
    assert capsys.readouterr().out == f"{out / 'last.pt'}\n"
    assert (out / "last.pt").is_file()
    assert cli.main([*arguments, "--steps", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"recipe": str(path), "weights": None, "resume": str(out / "last.pt")}
    assert cli.main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["weights"] == str(out / "model.safetensors") and found["resume"] is None
    assert (out / "model.safetensors").is_file()
    assert cli.main([*arguments, "--steps", "0"]) == 2
    assert "expected at least 1, got 0" in capsys.readouterr().err
