"""Which frames are seen and which part of them: windows, crops, mirror images."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.data.clips import views, windows  # noqa: E402
from pocketvision.training.data.clips.views import Views  # noqa: E402

from . import made  # noqa: E402


def test_drawn_windows_are_anywhere_and_whole() -> None:
    random = np.random.default_rng(1)
    found = np.stack([windows.drawn(40, 16, 2, random) for _ in range(200)])
    assert (np.diff(found, axis=1) == 2).all()
    assert found.min() == 0 and found[:, -1].max() == 38
    assert len(np.unique(found[:, 0])) == 9  # 40 frames hold 9 windows of 32


@pytest.mark.parametrize(("length", "expected"), [(32, 2), (16, 1), (24, 1.5)])
def test_short_clips_are_seen_whole(length: int, expected: float) -> None:
    window = windows.drawn(length, 16, 2, np.random.default_rng(1))
    assert window[0] == 0 and window[-1] < length
    assert np.diff(window).mean() == pytest.approx(expected, abs=0.1)


def test_very_short_clips_show_frames_twice() -> None:
    assert windows.drawn(3, 6, 2, np.random.default_rng(1)).tolist() == [0, 0, 1, 1, 2, 2]
    assert windows.even(1, 4, 1, 3).tolist() == [[0, 0, 0, 0]]
    with pytest.raises(ValueError, match="at least one frame"):
        windows.even(0, 4, 1, 3)


def test_windows_of_tests_are_even_and_each_once() -> None:
    assert windows.even(100, 16, 2, 3)[:, 0].tolist() == [0, 34, 68]
    assert windows.even(100, 16, 2, 1)[:, 0].tolist() == [34]
    assert windows.even(100, 16, 2, 10).shape == (10, 16)
    assert windows.even(16, 16, 1, 10).tolist() == [list(range(16))]
    assert len(windows.even(34, 16, 2, 10)) == 3


def test_a_part_of_a_window_may_be_all_that_is_seen() -> None:
    random = np.random.default_rng(2)
    found = [windows.drawn(16, 16, 1, random, shortest=0.5) for _ in range(300)]
    spans = {int(w[-1] - w[0]) for w in found}
    assert min(spans) == 7 and max(spans) == 15 and all((np.diff(w) >= 0).all() for w in found)


def test_corners_are_corners() -> None:
    boxes = [views.corner(10, 20, 6, place) for place in range(5)]
    assert boxes == [(2, 7, 6), (0, 0, 6), (0, 14, 6), (4, 0, 6), (4, 14, 6)]


def test_the_centre_of_256_is_224() -> None:
    clip = np.zeros((2, 256, 340, 3), np.uint8)
    clip[:, 16:240, 58:282] = 200
    found = views.central(clip, 224)
    assert found.shape == (2, 3, 224, 224) and (found == 200).all()
    assert (views.central(clip, 112) == 200).all()


def test_draws_are_those_of_the_seed_and_reach_all_places() -> None:
    """A picture of its own coordinates tells which square was taken."""
    row, column = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    clip = np.stack([row * 8, column * 8, row * 0], -1).astype(np.uint8)[None].repeat(2, 0)
    options = Views(mirror=0.5)
    found = [views.drawn(clip, 16, options, np.random.default_rng([1, n])) for n in range(200)]
    again = views.drawn(clip, 16, options, np.random.default_rng([1, 7]))
    assert torch.equal(found[7], again)
    assert all(torch.equal(x[0], x[1]) for x in found)  # all frames alike
    mirrored = sum(bool(x[0, 1, 0, 0] > x[0, 1, 0, -1]) for x in found)
    assert 60 < mirrored < 140
    sides = {round(float(x[0, 0, -1, 0] - x[0, 0, 0, 0]) / 8 * 16 / 15) for x in found}
    assert sides == {31, 27, 23, 19}  # the border of the whole has nothing to be mixed with
    places = {(int(x[0, 0].min()) // 8, int(x[0, 1].min()) // 8) for x in found}
    assert len(places) >= 13  # one of the whole, five of each smaller side


def test_a_mirror_image_flows_the_other_way() -> None:
    clip = torch.zeros(1, 5, 2, 2, dtype=torch.uint8)
    clip[0, 3], clip[0, 4], clip[0, 0, 0, 0] = 200, 90, 7
    found = views.mirror(clip)
    assert (found[0, 3] == 55).all() and (found[0, 4] == 90).all() and found[0, 0, 0, 1] == 7


def test_light_is_one_for_a_clip_and_not_for_flow() -> None:
    clip = np.full((3, 8, 8, 5), 100, np.uint8)
    options = Views(scales=(1.0,), mirror=0, light=0.5)
    found = [views.drawn(clip, 8, options, np.random.default_rng(n)) for n in range(20)]
    values = {int(x[0, 0, 0, 0]) for x in found}
    assert len(values) > 10 and min(values) >= 50 and max(values) <= 150
    assert all((x[:, :3] == x[0, 0, 0, 0]).all() and (x[:, 3:] == 100).all() for x in found)


def test_a_smaller_picture_keeps_its_frames() -> None:
    assert made.numbers(views.central(made.numbered(5), 8).permute(0, 2, 3, 1).numpy()) == list(
        range(5)
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scales": ()}, "views.scales"),
        ({"scales": (1.2,)}, "views.scales: expected above 0 to 1"),
        ({"mirror": 2.0}, "views.mirror: expected 0 to 1"),
        ({"shortest": 0.0}, "views.shortest"),
    ],
)
def test_mistakes(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Views(**values)
