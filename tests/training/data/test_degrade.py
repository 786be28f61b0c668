"""Degradations do what they are called, as often as they are asked, and the same for one seed."""

import numpy as np
import pytest
from PIL import Image

from pocketvision.training.data.degrade import Degrade, degrade


@pytest.fixture(scope="module")
def face():
    """A smooth picture with fine grain."""
    random = np.random.default_rng(0)
    smooth = np.asarray(
        Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8)).resize((112, 112))
    )
    grain = random.integers(-20, 21, smooth.shape)
    return np.clip(smooth.astype(int) + grain, 0, 255).astype(np.uint8)


def detail(picture):
    """Mean step between neighbours."""
    return np.abs(np.diff(picture.astype(int), axis=1)).mean()


def many(face, options, count=200):
    return [degrade(face, options, np.random.default_rng([1, i])) for i in range(count)]


@pytest.mark.parametrize("option", ["low_resolution", "blur", "jpeg"])
def test_detail_is_lost_as_often_as_asked(face, option):
    found = many(face, Degrade(**{option: 0.5}))
    changed = [f for f in found if not np.array_equal(f, face)]
    assert 0.35 * len(found) < len(changed) < 0.65 * len(found)
    assert np.mean([detail(f) for f in changed]) < 0.9 * detail(face)
    assert all(f.shape == face.shape and f.dtype == np.uint8 for f in found)
    assert np.abs(np.mean([f.mean() for f in changed]) - face.mean()) < 2


def test_cut_out_hides_a_rectangle_within_its_area(face):
    shares = []
    for found in many(face, Degrade(cut_out=1.0, area=0.2)):
        hidden = (found != face).any(axis=2)
        assert (found[hidden] == 127).all()
        rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
        if len(rows):
            assert hidden[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean() > 0.95
        shares.append(hidden.mean())
    assert 0.08 < np.mean(shares) < 0.12 and max(shares) < 0.22


@pytest.mark.parametrize("option", ["mask", "glasses", "bands"])
def test_what_is_worn_hides_its_place_as_often_as_asked(face, option):
    found = many(face, Degrade(**{option: 0.4}))
    changed = [f for f in found if not np.array_equal(f, face)]
    assert 0.28 * len(found) < len(changed) < 0.52 * len(found)
    hidden = np.mean([(f != face).any(axis=2) for f in changed], axis=0)
    if option == "mask":
        assert hidden[85:100, 45:67].min() > 0.95 and hidden[:45].max() == 0
    if option == "glasses":
        assert hidden[50, 38] > 0.95 and hidden[51, 73] > 0.95 and hidden[80:].max() == 0
    if option == "bands":
        assert hidden[40:70, 40:70].max() == 0 and hidden[0, 56] > 0.3
        assert all((f[(f != face).any(axis=2)] == 0).all() for f in changed)
    assert all(f.shape == face.shape and f.dtype == np.uint8 for f in found)


def test_spoilt_by_some_kinds(face):
    options = Degrade(spoil=0.5, kinds=("dark", "grey", "motion"), strength=0.8)
    found = many(face, options, 100)
    changed = [f for f in found if not np.array_equal(f, face)]
    assert 30 < len(changed) < 70
    again = many(face, options, 100)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))


def test_recipes_of_before_give_the_pictures_of_before(face):
    options = Degrade(0.5, 24, 0.5, 2.0, 0.5, 30, 0.5)
    sums = [int(f.sum()) for f in many(face, options, 6)]
    more = Degrade(0.5, 24, 0.5, 2.0, 0.5, 30, 0.5, mask=0.5)
    same = [int(f.sum()) for f in many(face, more, 60)]
    plain = [int(f.sum()) for f in many(face, options, 60)]
    assert sums == plain[:6] and 10 < sum(a == b for a, b in zip(same, plain, strict=True)) < 50


def test_one_seed_gives_one_picture(face):
    options = Degrade(0.5, 24, 0.5, 2.0, 0.5, 30, 0.5)
    for once, again in zip(many(face, options, 20), many(face, options, 20), strict=True):
        assert np.array_equal(once, again)


def test_the_picture_itself_is_left_alone(face):
    before = face.copy()
    degrade(face, Degrade(1.0, 24, 1.0, 2.0, 1.0, 30, 1.0), np.random.default_rng(0))
    assert np.array_equal(face, before)
    assert np.array_equal(degrade(face, Degrade(), np.random.default_rng(0)), face)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blur": 1.5}, "degrade.blur: expected a share from 0 to 1, got 1.5"),
        ({"quality": 0}, "degrade.quality: expected 1 to 95"),
        ({"smallest": 1}, "smallest >= 4"),
        ({"mask": -0.1}, "degrade.mask: expected a share"),
        ({"spoil": 0.5}, "degrade.spoil: goes with degrade.kinds"),
        ({"kinds": ("dark",)}, "degrade.spoil: goes with"),
        ({"spoil": 0.5, "kinds": ("darkness",)}, "degrade.kinds: 'darkness' is none of "),
        ({"spoil": 0.5, "kinds": ("flat",)}, "degrade.kinds: 'flat' is none of "),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        Degrade(**options)
