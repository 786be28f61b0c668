"""What a student loses by its teacher: nothing where it says the same, more the further it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.models.detector import LOGIT, cells, decoded  # noqa: E402
from pocketvision.training.train.detect import objective, parse  # noqa: E402
from pocketvision.training.train.detect.assign import wanted  # noqa: E402
from pocketvision.training.train.detect.batches import Batch, Truth  # noqa: E402

from ...evaluate.detect import made  # noqa: E402

BOX, POINTS = [0.5, 0.5, 0.5, 0.7], [0.2, 0.3, 0.8, 0.3, 0.5, 0.5, 0.3, 0.8, 0.7, 0.8]


def test_a_student_that_says_what_the_teacher_says_loses_least(tmp_path: Path) -> None:
    made.yunet(tmp_path / "made.onnx", BOX, POINTS)
    recipe = parse(
        {
            "task": "face-detection", "model": "facefinder_160", "batch": 1, "steps": 1,
            "data": {"root": "none"}, "teacher": {"file": "made.onnx"},
        }
    )  # fmt: skip
    where = cells(64, 64)
    goal = objective.Objective(recipe, where, tmp_path)
    assert goal.yunet is not None
    pixels = torch.from_numpy(np.random.default_rng(1).integers(100, 180, (1, 64, 64, 3), np.uint8))
    pixels[0, 16:24, 24:32] = torch.tensor([0, 160, 150], dtype=torch.uint8)
    none = Truth(torch.zeros(0, 4), torch.zeros(0, 5, 2), torch.zeros(0) > 0)
    batch = Batch(pixels, [none])
    said = torch.from_numpy(goal.yunet.cells(pixels.numpy()))
    same = torch.cat(
        [
            torch.logit(said[..., :2], eps=1e-6) / LOGIT,
            wanted(said[..., 2:6], said[..., 6:].unflatten(-1, (5, 2)), where),
        ],
        dim=2,
    )
    torch.testing.assert_close(decoded(same, where).boxes, said[..., 2:6])
    least = goal(same, batch)
    assert least["places"].item() == pytest.approx(0, abs=1e-6)
    random = torch.Generator().manual_seed(2)
    before = {name: least[name].item() for name in ("taught", "places")}
    for size in (0.2, 1.0):
        off = same + size * torch.randn(same.shape, generator=random)
        terms = goal(off, batch)
        for name, value in before.items():
            assert terms[name].item() > value
            before[name] = terms[name].item()
