"""Faces from far away: the batch equals the single picture, and options do what they say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.data.far import Far, Shot, batch, draw, jpeg, picture, resample, shots  # noqa: E402, I001

ALL = Far(1.0, motion=0.5, noise=0.5, jpeg=0.5)


def planes(pictures):
    return (torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() - 127.5) / 127.5


def levels(x):
    return (x * 127.5 + 127.5).permute(0, 2, 3, 1).numpy()


PLAIN = Shot(16)
SHOTS = {
    "area": PLAIN,
    "area, 20 pixels": dataclasses.replace(PLAIN, size=20),
    "bicubic": dataclasses.replace(PLAIN, kernel="bicubic"),
    "random": dataclasses.replace(PLAIN, kernel="random", softness=(0.3, 0.6)),
    "bilinear": dataclasses.replace(PLAIN, up="bilinear"),
    "motion": dataclasses.replace(PLAIN, motion=(0.7, 3.0)),
    "noise": dataclasses.replace(PLAIN, noise=8.0, field=5),
    "jpeg": dataclasses.replace(PLAIN, size=27, quality=40),
    "56 pixels": dataclasses.replace(PLAIN, size=56, noise=4.0, quality=70, motion=(2.0, 4.0)),
    "8 pixels": dataclasses.replace(PLAIN, size=8, noise=4.0, quality=90, motion=(1.0, 2.0)),
}


@pytest.mark.parametrize("name", SHOTS)
def test_a_batch_equals_the_single_picture(name, crops):
    # Far from black and white, as Pillow cuts what lies beyond them between rows and columns.
    chosen = list((40 + crops[:4] * 0.65).astype(np.uint8))
    shot = dataclasses.replace(SHOTS[name], quality=None)
    found = levels(batch.seen(planes(chosen), [shot, None, shot, PLAIN]))
    plain = [picture.seen(crop, shot).astype(float) for crop in chosen]
    for index in (0, 2):
        # The one rounds between rows and columns, the other does not.
        difference = np.abs(found[index] - plain[index])
        assert difference.mean() < 0.6 and difference.max() < 2.5
        assert np.abs(chosen[index] - plain[index]).max() > 3  # something was done at all
    np.testing.assert_allclose(found[1], chosen[1], atol=0.01)
    if SHOTS[name].quality is not None:
        # A level more or less turns a few of JPEG's roundings, each by a whole step.
        coded = levels(batch.seen(planes(chosen), [SHOTS[name]] * 4))
        files = np.stack([picture.seen(crop, SHOTS[name]) for crop in chosen]).astype(float)
        assert np.abs(coded - files).mean() < 0.6 * np.abs(files - np.stack(plain)).mean()


@pytest.mark.parametrize("quality", [5, 40, 50, 75, 95])
def test_jpegs_loss_is_that_of_a_file(quality, crops):
    random = np.random.default_rng(1)
    noisy = 40 + crops[:3, :56, :56] * 0.65 + random.integers(-12, 13, (3, 56, 56, 3))
    pixels = noisy.astype(np.uint8)
    found = jpeg.coded(torch.from_numpy(pixels).permute(0, 3, 1, 2).float(), [quality] * 3)
    for ours, plain in zip(found.permute(0, 2, 3, 1).numpy(), pixels, strict=True):
        wanted = picture.coded(plain, quality).astype(float)
        # The integer transforms of libjpeg turn a few roundings, which tell at the finest steps.
        assert np.abs(ours - wanted).mean() < (0.5 if quality < 95 else 1.0)
        for other in (quality - 4, quality + 4):
            assert (
                np.abs(ours - wanted).mean()
                < 0.8 * np.abs(ours - picture.coded(plain, other)).mean()
            )


def test_matrices_keep_the_mean_and_lines_their_light():
    for kernel in ("area", "bicubic", "bilinear"):
        np.testing.assert_allclose(resample.matrix(112, 20, kernel).sum(1), 1, atol=1e-5)
    for soft in (0.25, 0.7):
        np.testing.assert_allclose(resample.gaussian(112, 9, soft).sum(1), 1, atol=1e-5)
    for angle in np.linspace(0, np.pi, 7):
        kernel = resample.line(angle, 5.0)
        assert kernel.sum() == pytest.approx(1)
        moments = (kernel * (np.arange(7) - 3)).sum(), (kernel.T * (np.arange(7) - 3)).sum()
        assert np.abs(moments).max() < 1e-5  # nothing moves


def test_a_square_shrinks_by_its_area(crops):
    plain = picture.small(crops[0], Shot(28))
    means = crops[0].reshape(28, 4, 28, 4, 3).mean(axis=(1, 3))
    assert np.abs(plain - means).max() <= 1
    with pytest.raises(ValueError, match="square RGB crop of at least 28"):
        picture.small(crops[0][:, :50], Shot(28))


def test_options_come_as_often_as_asked():
    table = draw(4000, 1, 2)
    found = [shot for shot in shots(table, dataclasses.replace(ALL, share=0.75))]
    taken = [shot for shot in found if shot is not None]
    assert 0.72 < len(taken) / len(found) < 0.78
    sizes = np.array([shot.size for shot in taken])
    assert sizes.min() == 8 and sizes.max() == 56
    # As many in each octave: 8 to 15, 16 to 31, and the lower part of 32 to 56.
    octave = np.log(2) / np.log(57 / 8)
    for low in (8, 16):
        assert np.mean((sizes >= low) & (sizes < 2 * low)) == pytest.approx(octave, abs=0.03)
    for chosen in (
        [shot.motion[1] > 0 for shot in taken],
        [shot.noise > 0 for shot in taken],
        [shot.quality is not None for shot in taken],
        [shot.up == "bicubic" for shot in taken],
    ):
        assert 0.46 < np.mean(chosen) < 0.54
    assert {shot.kernel for shot in taken} == {"area", "bicubic", "random"}
    assert all(40 <= shot.quality <= 95 for shot in taken if shot.quality is not None)
    assert shots(table, Far()) == [None] * 4000


def test_one_option_leaves_the_others_alone():
    table = draw(200, 3, 4)
    plain, moving = (shots(table, Far(1.0, motion=share)) for share in (0.0, 1.0))
    for one, other in zip(plain, moving, strict=True):
        assert one is not None and other is not None
        assert dataclasses.replace(other, motion=one.motion) == one


def test_a_step_gives_the_same_faces_again(crops):
    x = planes(list(crops[:8]))
    once, again, later = (batch.seen(x, shots(draw(8, 1, step), ALL)) for step in (5, 5, 6))
    assert torch.equal(once, again) and not torch.equal(once, later)
    # Ranks see the rows of one table.
    half = batch.seen(x[4:], shots(draw(8, 1, 5)[4:], ALL))
    torch.testing.assert_close(half, once[4:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 1.5}, "far.share: expected a share from 0 to 1, got 1.5"),
        ({"jpeg": -0.5}, "far.jpeg: expected a share"),
        ({"smallest": 3}, "4 <= smallest <= largest <= 56"),
        ({"largest": 57}, "4 <= smallest <= largest <= 56"),
        ({"smallest": 30, "largest": 20}, "got 30 and 20"),
        ({"kernels": ("lanczos",)}, "far.kernels: expected some of .*, got 'lanczos'"),
        ({"kernels": ()}, "far.kernels: .* got nothing"),
        ({"length": 9.0}, "length of 0 to 5"),
        ({"quality": 0}, "far.quality: expected 1 to 95"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        Far(**options)
