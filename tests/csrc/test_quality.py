"""The quality of a face in C against its slow reference, byte by byte, and its refusals."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from . import quality_reference
from .host import STATUS, Place, Quality, library
from .test_frame import REFERENCE, TEMPLATE

FEATURES = 357
QUERY, LEAST_FACE, MOST_MARGIN = 35, 30, 77
SCORE_ONE, MARGIN_ONE = 32768, 128
Pictures = dict[str, np.ndarray]


def smooth(random: np.random.Generator, side: int) -> np.ndarray:
    """Something with detail at every scale, uint8 (side, side, 3)."""
    total = np.zeros((side, side, 3))
    for cells in (2, 5, 11, 40):
        coarse = random.normal(0, 200 / cells**0.7, (cells + 2, cells + 2, 3))
        at = np.linspace(0, cells, side)
        whole, part = at.astype(int), (at % 1)[:, None, None]
        rows = coarse[whole] * (1 - part) + coarse[whole + 1] * part
        part = (at % 1)[None, :, None]
        total += rows[:, whole] * (1 - part) + rows[:, whole + 1] * part
    return np.clip(np.rint(total + 120), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    random = np.random.default_rng(4)
    ramp = np.broadcast_to((np.arange(112) * 2).astype(np.uint8)[:, None], (112, 112))
    found = {
        "black": np.zeros((112, 112, 3), np.uint8),
        "white": np.full((112, 112, 3), 255, np.uint8),
        "grey": np.full((112, 112, 3), 97, np.uint8),
        "noise": random.integers(0, 256, (112, 112, 3), np.uint8),
        "hard noise": (random.random((112, 112, 1)) < 0.5) * np.full(3, 255, np.uint8),
        "ramp": np.stack([ramp, ramp[::-1], ramp.T], axis=-1),
        "faint": random.integers(60, 62, (112, 112, 3), np.uint8),
        "columns": np.broadcast_to(
            np.arange(112)[None, :, None] % 2 * np.uint8(255), (112, 112, 3)
        ).astype(np.uint8),
    }
    for side in (80, 81, 96, 112, 112, 112, 113, 160, 224, 301, 448):
        found[f"{side} {len(found)}"] = smooth(random, side)
    return {name: np.ascontiguousarray(picture) for name, picture in found.items()}


def measure(crop: np.ndarray, place: Place | None = None) -> tuple[int, Quality]:
    quality = Quality()
    status = library().pv_quality_measure(
        ctypes.c_void_p(crop.ctypes.data), len(crop), ctypes.byref(place) if place else None,
        ctypes.byref(quality),
    )  # fmt: skip
    return status, quality


def placed(landmarks: np.ndarray, sides: tuple[int, int] = (112, 112)) -> Place:
    """A place of landmarks (5, 2) in pixels, for ArcFace's template."""
    grid = np.rint(np.asarray(landmarks) * 256).astype(int).ravel()
    return Place(tuple(grid), tuple(REFERENCE.ravel()), *sides)


def test_features_are_those_of_the_reference(pictures: Pictures) -> None:
    for name, crop in pictures.items():
        found = np.zeros(FEATURES, np.int8)
        status = library().pv_quality_features(
            ctypes.c_void_p(crop.ctypes.data), len(crop), ctypes.c_void_p(found.ctypes.data)
        )
        assert status == STATUS["PV_OK"], name
        assert np.array_equal(found, quality_reference.features(crop)), name


def test_answers_are_those_of_the_reference(pictures: Pictures) -> None:
    scores = set()
    for name, crop in pictures.items():
        status, found = measure(crop)
        assert status == STATUS["PV_OK"]
        score, face, likeliest = quality_reference.answers(quality_reference.features(crop))
        assert (found.score, found.face) == (score, face), name
        light = quality_reference.levels(crop)[3].sum() // (4 * 196)
        why = 2 if light < 25 else 4 if light > 235 else 1 << likeliest
        assert found.margin == quality_reference.margin(quality_reference.features(crop)), name
        alike = 0x1000 * (found.margin > MOST_MARGIN)
        reasons = why * (score < QUERY) | 0x80 * (face < LEAST_FACE) | alike
        assert found.reasons == reasons, name
        assert found.placed == found.eye_distance == found.residual == 0
        scores.add((score, face, likeliest))
    assert len(scores) > 3


def test_the_head_is_that_of_the_reference_on_any_features() -> None:
    """Random features reach the ends of every layer."""
    random = np.random.default_rng(9)

    class Answers(ctypes.Structure):
        _fields_ = [("score", ctypes.c_uint8), ("face", ctypes.c_uint8),
                    ("reasons", ctypes.c_int8 * 8), ("margin", ctypes.c_uint8)]  # fmt: skip

    curve = quality_reference.weights()["logistic"]
    margins = set()
    for spread in (0, 2, 10, 40, 127):
        for _ in range(20):
            values = np.clip(random.normal(0, spread, FEATURES), -128, 127).astype(np.int8)
            found = Answers()
            library().pv_head_run(ctypes.c_void_p(values.ctypes.data), ctypes.byref(found))
            last = quality_reference.head(values)
            assert found.score == curve[last[0] + 128] and found.face == curve[last[1] + 128]
            assert list(found.reasons) == last[2:].tolist()
            assert found.margin == quality_reference.margin(values)
            margins.add(found.margin)
    assert len(margins) > 5


def test_a_match_is_borne_from_the_margin_on() -> None:
    bears = library().pv_quality_bears
    for margin in (0, 1, 40, 127):
        quality = Quality(margin=margin)
        for threshold in (-9000, 0, 8651):
            least = threshold + margin * SCORE_ONE // MARGIN_ONE
            for score, wanted in ((least - 1, 0), (least, 1), (least + 1, 1)):
                assert bears(ctypes.byref(quality), score, threshold) == wanted


def test_measures_of_light_and_sharpness(pictures: Pictures) -> None:
    for name, crop in pictures.items():
        _, found = measure(crop)
        light = quality_reference.levels(crop)
        assert found.brightness == light[3].sum() // (4 * 196), name
        assert abs(found.contrast - np.abs(light[3] - light[3].mean()).mean() / 4) <= 1, name
        seen = light[0][24:104, 16:96]
        assert found.dark == (seen <= 20).sum() * 100 // 6400
        assert found.bright == (seen >= 1000).sum() * 100 // 6400
        for level in range(3):
            sums, _ = quality_reference.bands(light[level], level)
            for direction in range(2):
                wanted = sums[direction] * 16 // (6400 >> 2 * level)
                assert found.sharpness[level][direction] == wanted, name


def similarity(degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    """The template's points turned clockwise as seen, scaled and moved."""
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (TEMPLATE - 56) @ turn.T * scale + 56 + np.array(shift)


@pytest.mark.parametrize("degrees", [0, 1, 17, 45, 90, 133, 179, -1, -44, -91, -170])
@pytest.mark.parametrize("scale", [0.2, 1, 7.3])
def test_size_and_roll_of_any_similarity(degrees: float, scale: float) -> None:
    crop = np.zeros((112, 112, 3), np.uint8)
    points = similarity(degrees, scale, (700, 700))
    status, found = measure(crop, placed(points, (1500, 1500)))
    assert status == STATUS["PV_OK"] and found.placed == 1
    eyes = np.linalg.norm(TEMPLATE[1] - TEMPLATE[0]) * scale
    assert abs(found.eye_distance / 256 - eyes) < 0.02
    assert found.residual <= 2 + 3 / scale  # the grid of 1/256 pixel
    tilt = np.rad2deg(np.arctan2(*(TEMPLATE[1] - TEMPLATE[0])[::-1]))
    assert abs((found.roll - degrees - tilt + 180) % 360 - 180) <= 1
    assert found.outside == 0


def test_residual_and_yaw_are_those_of_floats() -> None:
    crop, random = np.zeros((112, 112, 3), np.uint8), np.random.default_rng(2)
    for _ in range(200):
        scale = random.uniform(0.3, 5)
        points = similarity(random.uniform(-180, 180), scale, tuple(random.uniform(0, 900, 2)))
        points += random.normal(0, random.choice([0.5, 4, 15]), (5, 2)) * scale
        points = np.rint(points * 256) / 256
        status, found = measure(crop, placed(points, (1000, 1000)))
        assert status == STATUS["PV_OK"]
        to = TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1]
        seen = points[:, 0] + 1j * points[:, 1]
        a = (np.vdot(seen - seen.mean(), to - to.mean())) / (abs(seen - seen.mean()) ** 2).sum()
        back = (to - to.mean()) / a + seen.mean()
        eyes = back[1] - back[0]
        residual = np.sqrt((abs(back - seen) ** 2).mean()) / abs(eyes)
        yaw = ((seen[2] - (seen[0] + seen[1]) / 2) * np.conj(eyes)).real / abs(eyes) ** 2
        assert abs(found.residual - residual * 1024) < 2 + 3 / scale
        assert abs(found.yaw - np.clip(yaw * 1024, -32767, 32767)) < 2 + 3 / scale


def test_what_lies_outside() -> None:
    crop = np.zeros((112, 112, 3), np.uint8)
    # The middles of 16 by 16 squares of the face, which reaches from (16, 24) to (96, 104).
    middles = [start + (np.arange(16) + 0.5) * 5 - 0.5 for start in (16, 24)]
    for shift in ((0, 0), (56, 0), (-28, 0), (-40, 3), (0, 84), (56, 56), (-300, 0)):
        _, found = measure(crop, placed(TEMPLATE + np.array(shift)))
        seen = [at + by for at, by in zip(middles, shift, strict=True)]
        inside = [((at >= -0.5) & (at < 111.5)).mean() for at in seen]
        wanted = 100 * (1 - inside[0] * inside[1])
        assert abs(found.outside - wanted) <= 0.51, shift
        assert bool(found.reasons & 1 << 11) == (wanted > 30.5)


@pytest.mark.parametrize("wrong", ["eyes", "mouth", "nose at 0", "eye at -1", "columns", "same"])
def test_landmarks_that_fit_no_face(wrong: str) -> None:
    points = similarity(5, 0.8, (200, 150))
    if wrong == "eyes":
        points[[0, 1]] = points[[1, 0]]
    if wrong == "mouth":
        points[[3, 4]] = points[[4, 3]]
    if wrong == "nose at 0":
        points[2] = 0
    if wrong == "eye at -1":
        points[1] = -1
    if wrong == "columns":
        points = points[:, ::-1]
    if wrong == "same":
        points[:] = 7
    status, found = measure(np.zeros((112, 112, 3), np.uint8), placed(points, (600, 500)))
    assert status == STATUS["PV_OK"] and found.reasons & 1 << 10
    status, found = measure(
        np.zeros((112, 112, 3), np.uint8), placed(similarity(5, 0.8, (200, 150)), (600, 500))
    )
    assert status == STATUS["PV_OK"] and not found.reasons & 1 << 10


def test_refusals() -> None:
    crop, quality = np.zeros((500, 500, 3), np.uint8), Quality()
    pixels, out = ctypes.c_void_p(crop.ctypes.data), ctypes.byref(quality)
    call, wrong = library().pv_quality_measure, STATUS["PV_ERR_ARGUMENT"]
    assert call(None, 112, None, out) == wrong and call(pixels, 112, None, None) == wrong
    for side in (0, 79, 449, 2**32 - 1):
        assert call(pixels, side, None, out) == wrong
    assert call(pixels, 80, None, out) == call(pixels, 448, None, out) == STATUS["PV_OK"]
    assert library().pv_quality_features(pixels, 79, out) == wrong


def test_every_reason_has_words() -> None:
    library().pv_quality_reason.restype = ctypes.c_char_p
    said = [library().pv_quality_reason(1 << bit) for bit in range(12)]
    assert len(set(said)) == 12 and library().pv_quality_reason(0) not in said
    assert library().pv_quality_reason(0b1010) == said[1]
