"""The loop of clips away from the CPU, on "meta" for a GPU (see faces/test_on_device.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.models.vtn import decoder  # noqa: E402
from pocketvision.training.run import state  # noqa: E402
from pocketvision.training.train.clips import loop, train  # noqa: E402

from ..faces.test_on_device import OneDevice, away  # noqa: E402
from . import test_loop  # noqa: E402
from .test_loop import TAUGHT, log, recipe  # noqa: E402

data, host_numbers = test_loop.data, away


@pytest.mark.filterwarnings("ignore:.*no-op:UserWarning")  # meta weights are loaded from no file
@pytest.mark.parametrize("modality", ["rgb", "rgb+difference"])
def test_a_run_keeps_to_its_device(modality, data: Path, tmp_path, host_numbers, monkeypatch):
    monkeypatch.setattr(loop, "choose", lambda wish: torch.device("meta"))
    monkeypatch.setattr(decoder, "DROP", 0.0)  # the one thing that is drawn where it is used
    run = recipe(tmp_path, steps=4, modality=modality, top="fold = 1\nmean = 0.9", tables=TAUGHT)
    with OneDevice():
        train(run, data, tmp_path / "run", 2)
        weights = train(run, data, tmp_path / "run")
    assert [row["step"] for row in log(weights.parent)] == [1, 2, 3, 4]
    stored = torch.load(weights.parent / state.LAST, weights_only=True)
    assert {value.device.type for value in stored["model"].values()} == {"cpu"}
