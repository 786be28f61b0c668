"""The picture of a verification run is written whole, and shows something."""

import numpy as np
from PIL import Image

from pocketvision.training.evaluate import plots


def test_verification(tmp_path):
    random = np.random.default_rng(0)
    same = np.arange(2000) < 1000
    scores = random.normal(size=2000) * 0.1 + np.where(same, 0.5, 0.1)
    path = plots.verification(tmp_path / "run.png", scores, same, "test")
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert pixels.shape[0] >= 300 and pixels.shape[1] >= 1000 and len(np.unique(pixels)) > 20
    assert [p.name for p in tmp_path.iterdir()] == ["run.png"]
