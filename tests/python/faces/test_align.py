"""The warp of the runtime against the float64 reference, and what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision import InputError, align
from pocketvision.faces.template import ARCFACE_TEMPLATE

_spec = importlib.util.spec_from_file_location(
    "warp_reference", Path(__file__).with_name("warp_reference.py")
)
assert _spec is not None and _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

Array = np.ndarray[Any, Any]
TEMPLATE = np.array(ARCFACE_TEMPLATE)


def placed(angle: float, scale: float, middle: tuple[float, float], jitter: Array) -> Array:
    """The template as it stands in a picture where a face is turned, scaled and moved."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    points = TEMPLATE @ np.array([[cosine, sine], [-sine, cosine]]) + jitter * scale
    return points - points.mean(axis=0) + middle


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(0.1, 20.0),
    x=st.floats(0.01, 0.99),
    y=st.floats(0.01, 0.99),
    size=st.sampled_from([(112, 112), (96, 80), (7, 33)]),
)
def test_warp_is_within_one_grey_level(seed, height, width, angle, scale, x, y, size) -> None:
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    landmarks = placed(angle, scale, (x * width, y * height), random.normal(0, 3, (5, 2)))
    crop = align(picture, landmarks, size=size)[0]
    expected = reference.warp(picture, reference.umeyama(landmarks, TEMPLATE), *size)
    assert crop.shape == (*size, 3)
    assert np.abs(crop - expected).max() <= 1.0


def test_landmarks_on_the_template_give_the_picture_itself() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    np.testing.assert_array_equal(align(picture, TEMPLATE)[0], picture)


def test_outside_is_black_and_faces_are_independent() -> None:
    picture = np.full((112, 112, 3), 255, np.uint8)
    crops = align(picture, np.stack([TEMPLATE, TEMPLATE + 40.0, TEMPLATE]))
    assert crops.shape == (3, 112, 112, 3)
    assert crops[0].min() == 255 and crops[2].min() == 255
    assert crops[1][:71, :71].min() == 255
    assert crops[1][73:].max() == 0 and crops[1][:, 73:].max() == 0


def test_a_view_that_is_not_dense_is_accepted() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (224, 112, 3), dtype=np.uint8)
    np.testing.assert_array_equal(align(picture[::2], TEMPLATE)[0], picture[::2])


LINE = np.stack([np.linspace(10, 90, 5), np.linspace(20, 60, 5)], axis=1)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.full((5, 2), np.nan), "face 0 contains NaN"),
        (np.stack([TEMPLATE, np.where(TEMPLATE > 92.3, np.inf, TEMPLATE)]), "face 1 contains NaN"),
        (np.full((5, 2), 50.0), "coincide or lie on one line"),
        (LINE, "coincide or lie on one line"),
        (TEMPLATE * 1e200, "outside the picture of 112 x 112 pixels"),
        (np.stack([TEMPLATE, TEMPLATE + 5000]), r"face 1: .* around \(5056.03, 5071.* outside"),
        (TEMPLATE - (100, 0), "outside the picture"),
        (TEMPLATE / 112, "are less than 2 pixels apart; multiply fractions of the picture"),
        (TEMPLATE[:, ::-1], r"mirrored; give \(x, y\), not \(y, x\)"),
        (TEMPLATE[[1, 0, 2, 4, 3]], "the image-left eye and mouth corner first"),
        (np.zeros((0, 5, 2)), "at least one face"),
        (TEMPLATE[:4], "five"),
        (np.zeros((1, 5, 3)), "five"),
        ("eyes", "expected numbers"),
        ([[1, 2], [3]], "expected numbers"),
    ],
)
def test_bad_landmarks(landmarks: object, message: str) -> None:
    picture = np.zeros((112, 112, 3), np.uint8)
    with pytest.raises(InputError, match=message):
        align(picture, landmarks)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((10, 10, 3), np.float32), "got float32"),
        (np.zeros((10, 10), np.uint8), r"got \(10, 10\)"),
        (np.zeros((10, 10, 4), np.uint8), r"\(10, 10, 4\)"),
        (np.zeros((0, 10, 3), np.uint8), r"\(0, 10, 3\)"),
        ([[0, 0, 0]], "got list"),
        (None, "got NoneType"),
    ],
)
def test_bad_pictures(picture: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        align(picture, TEMPLATE)


def test_bad_size() -> None:
    with pytest.raises(InputError, match="size"):
        align(np.zeros((9, 9, 3), np.uint8), TEMPLATE, size=(0, 112))
