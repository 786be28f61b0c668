"""FaceFinder: its maps, what they stand for, its file, and the promises of its size."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.models import count, detector  # noqa: E402


def test_maps_of_three_strides() -> None:
    entry = models.entry("facefinder-160")
    assert entry.shape == (3, 128, 160) and entry.name not in models.names()
    network = entry.make().eval()
    with torch.no_grad():
        for height, width in ((128, 160), (64, 96)):
            maps = network(torch.rand(2, 3, height, width))
            for stride, part in zip(detector.STRIDES, maps, strict=True):
                assert part.shape == (2, height // stride, width // stride, 16)
                assert part.abs().max() <= detector.LIMIT
            assert detector.flat(maps).shape[1] == len(detector.cells(height, width))


def test_it_is_as_small_as_promised() -> None:
    counted = count.count(models.create("facefinder_160"), shape=(3, 128, 160))
    assert counted.parameters <= 75_000
    widths = {
        module.out_channels
        for module in models.create("facefinder_160").modules()
        if isinstance(module, torch.nn.Conv2d)
    }
    assert not any(width % 16 for width in widths)
    assert not any(isinstance(m, torch.nn.PReLU) for m in models.create("facefinder_160").modules())


def test_an_untrained_cell_is_no_face() -> None:
    torch.manual_seed(0)
    network = models.create("facefinder_160").eval()
    with torch.no_grad():
        values = detector.flat(network(torch.zeros(1, 3, 128, 160)))
    scores = detector.decoded(values, detector.cells(128, 160)).scores
    # A score is the geometric mean of two probabilities whose product is PRIOR.
    assert abs(scores.mean().item() - detector.PRIOR**0.5) < 0.02


def test_cells_and_what_they_say() -> None:
    """A cell by hand: the second of the first row of stride 16 in a picture of 32 pixels."""
    where = detector.cells(32, 32)
    assert len(where) == 16 + 4 + 1 and where[17].tolist() == [24.0, 8.0, 16.0]
    values = torch.zeros(1, 21, 16)
    values[0, 17, :2] = torch.tensor([0.5, -1.0])
    values[0, 17, 2:6] = torch.tensor([0.25, 0.5, 1.0, 2.0])
    values[0, 17, 6:] = torch.arange(10) / 8
    found = detector.decoded(values, where)
    box = [24 - 4.0, 8 - 8.0, 24 + 16.0, 8 + 32.0]
    assert found.boxes[0, 17].tolist() == box
    assert found.points[0, 17, 1].tolist() == [24 + 16 * 2 / 8, 8 + 16 * 3 / 8]
    chances = 1 / (1 + np.exp(-detector.LOGIT * np.array([0.5, -1.0])))
    assert found.scores[0, 17].item() == pytest.approx(np.sqrt(chances.prod()), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem": 8}, "multiples of 16"),
        ({"widths": [32, 64, 48, 64]}, "the last three alike"),
        ({"blocks": [1, 1, 1, 0]}, "four numbers from 1"),
        ({"towers": [1, 1]}, "three from 0"),
        ({"size": 150}, "multiples of 32"),
    ],
)
def test_architectures_that_are_none(changes: dict[str, object], message: str) -> None:
    architecture = dict(models.entry("facefinder_160").architecture or {})
    with pytest.raises(ValueError, match=message):
        models.built("other", architecture | changes)


def test_its_architecture_makes_it_again() -> None:
    entry = models.entry("facefinder_160")
    again = models.built(entry.name, dict(entry.architecture or {}))
    assert dataclasses.replace(again, make=entry.make) == entry
    assert again.make().state_dict().keys() == entry.make().state_dict().keys()
