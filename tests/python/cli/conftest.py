"""What several verbs' tests are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def pictures(tmp_path: Path, crops: Any) -> list[str]:
    """Two crops as .npy files."""
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for path, crop in zip(paths, crops, strict=False):
        np.save(path, crop)
    return [str(path) for path in paths]
