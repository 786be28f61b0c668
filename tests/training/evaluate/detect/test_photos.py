"""Whole photos judged: what is found, found twice, beside a face, or too small to count."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from pocketvision.training.data.detect.faces import Faces, Labels  # noqa: E402
from pocketvision.training.evaluate.detect.photos import judged  # noqa: E402


def face(left: float, top: float, side: float) -> Any:
    box = (left, top, left + side - 1, top + side - 1)
    return SimpleNamespace(score=0.9, box=box, landmarks=np.zeros((5, 2)))


def test_hits_and_alarms_by_hand(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (200, 200)).save(tmp_path / "pictures" / name)
    boxes = np.array([[10, 10, 50, 50], [100, 100, 140, 140], [60, 60, 70, 70]], np.float32)
    points = np.full((3, 5, 2), np.nan, np.float32)
    labels = Labels(boxes, points, ("hand",) * 3)
    none = Labels(boxes[:0], points[:0], ())
    kept = Faces(tmp_path, ("a.png", "b.png"), (labels, none), ("made",) * 2)
    asked: list[bool] = []

    def find(picture: np.ndarray, *, doubtful: bool) -> list[Any]:
        asked.append(doubtful)
        # Once right, once the same again, once beside all; the third face is too small to count.
        first = [face(10, 10, 40), face(14, 10, 40), face(60, 60, 10), face(150, 10, 40)]
        return first if len(asked) == 1 else []

    found = judged(cast(Any, SimpleNamespace(find=find)), kept, doubtful=True)
    assert asked == [True, True] and found == (2, 0.5, 1.0)
