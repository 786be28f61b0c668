"""The benchmark of whole steps times the recipe's parts, and says what it lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.run import accelerate  # noqa: E402
from pocketvision.training.train.faces import read, step_speed  # noqa: E402

RECIPE = """
model = "facechain_25m"
steps = 1
batch = 4
[optimiser]
learning_rate = 0.1
[data]
root = "faces"
"""


def test_every_part_takes_time(tmp_path: Path, mobilefacenet_onnx: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE + f'[embedding]\nteachers = ["{mobilefacenet_onnx.name}"]\n')
    found = step_speed.measure(read(recipe), mobilefacenet_onnx.parent, size=80, rounds=2)
    assert list(found) == ["views", "teacher", "student"]
    assert all(spent.wall > 0 and spent.cores > 0 for spent in found.values())


def test_a_recipe_without_a_teacher_is_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE + "[margin]\n")
    with pytest.raises(ValueError, match="a recipe with a teacher is needed"):
        step_speed.measure(read(recipe), tmp_path, size=80, rounds=1)


def test_made_up_faces_are_smooth_and_seeded() -> None:
    faces = step_speed._faces(2, 96, 1).numpy().astype(int)
    assert faces.shape == (2, 96, 96, 3) and faces.std() > 20
    assert np.abs(np.diff(faces, axis=1)).mean() < faces.std() / 4
    assert (step_speed._faces(2, 96, 1).numpy() == faces).all()


def test_memory_is_kept_where_the_c_library_can(monkeypatch) -> None:
    assert accelerate.keep_memory() in (True, False)
    asked: list[tuple[int, int]] = []
    library = type("Library", (), {"mallopt": lambda self, *a: asked.append(a) or 1})()
    monkeypatch.setattr(accelerate.ctypes, "CDLL", lambda name: library)
    assert accelerate.keep_memory() and asked == [(-1, -1), (-4, 0)]
    monkeypatch.setattr(accelerate.ctypes, "CDLL", lambda name: object())
    assert not accelerate.keep_memory()
