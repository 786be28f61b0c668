"""The page's "Train your own", followed as printed: from a folder of people to their names."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from ..training.test_shipped_weights import drawn_face  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "training" / "recipes" / "README.md"
QUICK = ["--set", "steps=6", "--set", "batch=16"]
"""What the page itself says to add for a quick look at the whole road."""

NAMES = ("ada", "grace", *(f"p{number}" for number in range(30)))
"""A third more than a threshold at a false accept rate of 1 % takes where no pairs depend on each
other; how many do, here, is the training's chance."""

PICTURES = 3


def block() -> list[list[str]]:
    """The words of each printed command."""
    text = PAGE.read_text(encoding="utf-8").partition("## Train your own")[2]
    found = re.search(r"^```\n(.*?)^```", text, re.S | re.M)
    assert found is not None and " ".join(f"`{' '.join(QUICK)}`".split()) in " ".join(text.split())
    return [shlex.split(line, comments=True) for line in found[1].splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with ``people/``: drawn faces, each moved and relit a little in its pictures."""
    random = np.random.default_rng(4)
    for person, name in enumerate(NAMES):
        face = drawn_face(person).astype(int)
        (tmp_path / "people" / name).mkdir(parents=True)
        for picture in range(1, PICTURES + 1):
            moved = np.roll(face, random.integers(-2, 3, 2), (0, 1))
            lit = np.clip(moved * random.uniform(0.8, 1.2), 0, 255).astype(np.uint8)
            Image.fromarray(lit).save(tmp_path / "people" / name / f"{picture}.jpg", quality=95)
    (tmp_path / "people" / "ada" / "notes.txt").write_text("none of a picture")
    (tmp_path / "people" / "ada" / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path


def test_the_printed_commands_do_what_they_say(place: Path) -> None:
    # Drawn faces are poor ones, and look alike.
    added = {"train": QUICK, "enrol": ["--allow-unreliable", "--allow-duplicate"]}
    said: dict[str, subprocess.CompletedProcess[str]] = {}
    commands = block()
    assert commands[0] == ["pip", "install", ".[training]"]
    for program, verb, *rest in commands[1:]:
        assert program == "pocketvision"
        command = [sys.executable, "-m", "pocketvision", verb, *rest, *added.get(verb, [])]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True)
        said[verb] = done
        (place / "people" / "ada" / "cut.jpg").unlink(missing_ok=True)  # as the plan asks
        assert done.returncode == 0, f"{verb}: {done.stderr}{said.get('calibrate')}"

    plan = said["train"].stderr
    assert f"pictures: {len(NAMES) * PICTURES} pictures of {len(NAMES)} people, 3 each" in plan
    assert "people/ada/cut.jpg: " in plan and "people/ada/notes.txt: " in plan
    assert "from the shipped weights" in plan and "facechain-125m" in plan
    assert "too few to learn from" in plan
    assert said["train"].stdout == "runs/own/model.safetensors\n"
    assert "samples calibrate and" in said["quantize"].stderr
    assert re.search(r"^TAR [\d.]+ % \([\d.]+ to [\d.]+\) at FAR 1 %, threshold",
                     said["evaluate"].stdout, re.M)  # fmt: skip
    assert " pairs of one person each are few" in said["evaluate"].stderr
    assert "own people (people, " in said["verify"].stdout and "threshold" in said["verify"].stdout
    rows = np.load(place / "faces.npy")
    assert rows.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert said["enrol"].stdout.count(",added") >= len(NAMES)
    (answer,) = csv.DictReader(said["identify"].stdout.splitlines())
    assert answer["name"] == "ada"
