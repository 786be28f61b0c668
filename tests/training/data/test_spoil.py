"""Ways to spoil a picture: the same for one seed, the stronger the more is lost."""

import numpy as np
import pytest
from PIL import Image

from pocketvision.training.data import spoil

STRENGTHS = (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def face():
    random = np.random.default_rng(0)
    rows = random.integers(40, 216, (9, 9, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(rows).resize((112, 112), Image.Resampling.BICUBIC))
    return np.clip(smooth + random.integers(-9, 10, smooth.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", spoil.KINDS)
def test_a_picture_of_its_own_and_the_same_for_a_seed(face, kind):
    before = face.copy()
    for strength in STRENGTHS:
        first, again = (
            spoil.KINDS[kind](face, strength, np.random.default_rng(3)) for _ in range(2)
        )
        assert first.shape == face.shape and first.dtype == np.uint8
        assert np.array_equal(first, again) and np.array_equal(face, before)


@pytest.mark.parametrize("kind", sorted(set(spoil.KINDS) - spoil.NO_FACE - {"grey", "half"}))
def test_the_strongest_spoils_more(face, kind):
    def lost(strength):
        tries = [
            spoil.KINDS[kind](face, strength, np.random.default_rng(seed)) for seed in range(12)
        ]
        correlations = [
            abs(np.corrcoef(face.ravel(), t.ravel())[0, 1]) for t in tries if t.std() > 0
        ]
        return 1 - np.mean([*correlations, *[0.0] * (len(tries) - len(correlations))])

    if kind == "quarter turns":  # which knows no degrees
        assert lost(1.0) > 0.4
    elif kind == "inverted":  # whose half is grey
        dark = spoil.KINDS[kind](face, 1.0, np.random.default_rng(0))
        assert np.array_equal(dark, 255 - face)
    else:
        assert lost(1.0) > lost(0.0) - 0.02


def test_nothing_is_both_shown_and_held_out():
    assert not set(spoil.SHOWN) & set(spoil.HELD_OUT)
    assert set(spoil.KINDS) >= spoil.NO_FACE and len(spoil.HELD_OUT) >= 8


@pytest.mark.parametrize("kind", sorted(spoil.NO_FACE - {"shuffled tiles"}))
def test_of_no_face_nothing_is_left(face, kind):
    """Whatever the picture, the same comes out."""
    other = np.ascontiguousarray(face[::-1, :, ::-1])
    made = [spoil.KINDS[kind](p, 0.5, np.random.default_rng(8)) for p in (face, other)]
    assert np.array_equal(*made)
