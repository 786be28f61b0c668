"""Frames to inputs: against exact fractions, the float64 reference and the host's own warp."""

from __future__ import annotations

import ctypes
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision import align
from pocketvision.faces.template import ARCFACE_TEMPLATE

from ..python.faces import warp_reference
from .host import (
    FORMATS,
    PIXEL_BYTES,
    STATUS,
    YUV,
    Array,
    Frame,
    Placement,
    fit,
    frame,
    identity,
    library,
    packed,
    sample,
    unpacked,
)

TEMPLATE = np.array(ARCFACE_TEMPLATE)
REFERENCE = np.rint(TEMPLATE * 65536).astype(np.int32)
SIZE = (112, 112)


def placed(random: np.random.Generator, scale: float, angle: float, centre: Array) -> Array:
    """Landmarks int32 (5, 2) in 1/256 pixel of a face that is turned, scaled, moved and uneven."""
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    points = (TEMPLATE - 56) @ np.array([[cosine, sine], [-sine, cosine]]) + centre
    return np.rint((points + random.normal(0, 2 * scale, (5, 2))) * 256).astype(np.int32)


def exact(landmarks: Array, reference: Array) -> tuple[Fraction, ...]:
    """x, y, right_x, right_y in pixels: Umeyama's estimate backwards, in fractions."""
    start = [[Fraction(int(v), 256) for v in point] for point in landmarks]
    end = [[Fraction(int(v), 65536) for v in point] for point in reference]
    mean = [sum(p[axis] for p in start) / 5 for axis in (0, 1)]
    goal = [sum(p[axis] for p in end) / 5 for axis in (0, 1)]
    spread = dot = cross = Fraction(0)
    for p, q in zip(start, end, strict=True):
        x, y, u, v = p[0] - mean[0], p[1] - mean[1], q[0] - goal[0], q[1] - goal[1]
        spread += x * x + y * y
        dot += x * u + y * v
        cross += x * v - y * u
    square = dot * dot + cross * cross
    right_x, right_y = dot * spread / square, -cross * spread / square
    return (
        mean[0] - right_x * goal[0] + right_y * goal[1],
        mean[1] - right_y * goal[0] - right_x * goal[1],
        right_x,
        right_y,
    )


def read_slowly(picture: Array, placement: Placement, size: tuple[int, int]) -> Array:
    """The header's words in Python's integers."""
    out = np.zeros((*size, 3), np.uint8)
    for v, u in np.ndindex(*size):
        x = placement.x + u * placement.right_x - v * placement.right_y
        y = placement.y + u * placement.right_y + v * placement.right_x
        left, top, share_x, share_y = x >> 32, y >> 32, x >> 21 & 2047, y >> 21 & 2047
        for channel in range(3):
            total = 1 << 21
            for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
                weight = (share_x if dx else 2048 - share_x) * (share_y if dy else 2048 - share_y)
                if 0 <= left + dx < picture.shape[1] and 0 <= top + dy < picture.shape[0]:
                    total += weight * int(picture[top + dy, left + dx, channel])
            out[v, u, channel] = total >> 22
    return out


faces = given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(0.1, 8.0),
    angle=st.floats(-np.pi, np.pi),
    x=st.floats(-50, 400),
    y=st.floats(-50, 300),
)


@settings(max_examples=200, deadline=None)
@faces
def test_the_placement_is_that_of_fractions(seed, scale, angle, x, y) -> None:
    landmarks = placed(np.random.default_rng(seed), scale, angle, np.array([x, y]))
    status, found = fit(landmarks, REFERENCE)
    assert status == STATUS["PV_OK"]
    wanted = exact(landmarks, REFERENCE)
    for u, v in ((0, 0), (111, 0), (0, 111), (111, 111)):
        at_x = Fraction(found.x + u * found.right_x - v * found.right_y, 2**32)
        at_y = Fraction(found.y + u * found.right_y + v * found.right_x, 2**32)
        assert abs(at_x - (wanted[0] + u * wanted[2] - v * wanted[3])) < Fraction(1, 10**4)
        assert abs(at_y - (wanted[1] + u * wanted[3] + v * wanted[2])) < Fraction(1, 10**4)


@settings(max_examples=30, deadline=None)
@faces
@pytest.mark.parametrize("form", FORMATS)
def test_the_bytes_are_those_of_the_definition(form, seed, scale, angle, x, y) -> None:
    random = np.random.default_rng(seed)
    height, width = (int(side) for side in random.integers(1, (60, 70)))
    width += width % 2 if form in YUV else 0
    picture = random.integers(0, 256, (height, width, 3), np.uint8)
    status, placement = fit(placed(random, scale / 4, angle, np.array([x, y]) / 5), REFERENCE)
    assert status == STATUS["PV_OK"]
    source, memory = frame(packed(picture, form), form, pad=int(random.integers(0, 5)))
    status, found = sample(source, placement, (17, 23))
    assert status == STATUS["PV_OK"]
    np.testing.assert_array_equal(found, read_slowly(unpacked(picture, form), placement, (17, 23)))


@settings(max_examples=60, deadline=None)
@faces
def test_noise_is_within_one_grey_level_of_float64(seed, scale, angle, x, y) -> None:
    """Neighbouring pixels of noise differ most, so that positions matter most."""
    random = np.random.default_rng(seed)
    picture = random.integers(0, 256, (240, 320, 3), np.uint8)
    landmarks = placed(random, scale, angle, np.array([x, y]))
    source, memory = frame(packed(picture, "rgb888"), "rgb888")
    status, found = sample(source, fit(landmarks, REFERENCE)[1], SIZE)
    assert status == STATUS["PV_OK"]
    matrix = warp_reference.umeyama(landmarks / 256, TEMPLATE)
    expected = warp_reference.warp(picture, matrix, *SIZE)
    assert np.abs(found - expected).max() <= 1.0


def test_a_photograph_is_nearly_that_of_the_host(capsys: pytest.CaptureFixture) -> None:
    data = pytest.importorskip("skimage.data")
    picture = np.ascontiguousarray(data.astronaut())
    random = np.random.default_rng(5)
    equal, largest, off_grid = [], 0, 0
    for angle in np.linspace(-np.pi, np.pi, 25):
        landmarks = placed(random, random.uniform(0.5, 3), angle, random.uniform(100, 400, 2))
        source, memory = frame(packed(picture, "rgb888"), "rgb888")
        found = sample(source, fit(landmarks, REFERENCE)[1], SIZE)[1].astype(int)
        wanted = align(picture, landmarks / 256)[0]
        equal.append((found == wanted).mean())
        largest = max(largest, np.abs(found - wanted).max())
        between = landmarks / 256 + random.uniform(-1, 1, (5, 2)) / 512
        off_grid = max(off_grid, np.abs(found - align(picture, between)[0]).max())
    with capsys.disabled():
        print(f"\nwarp in integers: at least {min(equal):.4f} of the bytes equal the host's, "
              f"largest difference {largest}, off the grid {off_grid}")  # fmt: skip
    assert largest <= 1 and min(equal) > 0.99 and off_grid <= 1


def test_colours_are_reordered_by_the_tables() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (20, 20, 3), np.uint8)
    tables = identity()
    tables.source[:] = (2, 1, 0)
    tables.value[0][:] = [255 - value for value in range(256)]
    source, memory = frame(packed(picture, "rgb888"), "rgb888")
    still = Placement(right_x=1 << 32)
    _, found = sample(source, still, (20, 20), tables)
    wanted = picture[..., ::-1].copy()
    wanted[..., 0] = 255 - wanted[..., 0]
    np.testing.assert_array_equal(found, wanted)


def test_what_is_outside_is_black() -> None:
    source, memory = frame(np.full((9, 9), 200, np.uint8), "grey8")
    _, found = sample(source, Placement(x=-2 << 32, y=-3 << 32, right_x=1 << 32), (14, 14))
    wanted = np.zeros((14, 14, 3), np.uint8)
    wanted[3:12, 2:11] = 200
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "points, status",
    [
        (TEMPLATE * 0 + 5, "PV_ERR_DEGENERATE"),
        (np.outer(np.arange(5), [3.0, 1.7]) + 9, "PV_ERR_DEGENERATE"),
        (np.outer(np.arange(5), [2.03, 1.171]) + 9, "PV_ERR_DEGENERATE"),
        (TEMPLATE * 140, "PV_ERR_DEGENERATE"),
        (TEMPLATE + 16384, "PV_ERR_NOT_FINITE"),
    ],
)
def test_landmarks_that_place_nothing(points: Array, status: str) -> None:
    assert fit(np.rint(points * 256), REFERENCE)[0] == STATUS[status]


def test_references_that_place_nothing() -> None:
    landmarks = np.rint(TEMPLATE * 256)
    assert fit(landmarks, REFERENCE * 0 + 7)[0] == STATUS["PV_ERR_DEGENERATE"]
    assert fit(landmarks, REFERENCE + 4096 * 65536 - 9)[0] == STATUS["PV_ERR_NOT_FINITE"]


def test_landmarks_of_a_detector_are_rounded_to_the_grid() -> None:
    pixels = np.array([0, 1, -1, 1 / 512, -1 / 512, 0.4 / 256, 203.3, 16384, -16384, 7.7], "f4")
    found = np.zeros(10, np.int32)
    call = library().pv_landmarks_from_pixels
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (pixels, found)]
    assert call(*pointers) == STATUS["PV_OK"]
    wanted = [0, 256, -256, 1, -1, 0, 52045, 1 << 22, -(1 << 22), 1971]
    assert found.tolist() == wanted
    for bad in (np.nan, np.inf, -16385):
        pixels[3] = bad
        assert call(*pointers) == STATUS["PV_ERR_NOT_FINITE"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "change",
    [
        {"pixels": None}, {"width": 0}, {"height": 0}, {"width": 16385}, {"height": 16385},
        {"bytes": -1}, {"stride": -1}, {"format": 0}, {"format": 8}, {"stride": 2**32 - 1},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_frames(form: str, change: dict) -> None:
    good, memory = frame(np.zeros((6, 6 * PIXEL_BYTES[form]), np.uint8), form)
    still = Placement(right_x=1 << 32)
    assert sample(good, still, (4, 4))[0] == STATUS["PV_OK"]
    bad = Frame(*(getattr(good, name) for name, _ in Frame._fields_))
    for name, value in change.items():
        setattr(bad, name, getattr(good, name) - 1 if value == -1 else value)
    assert sample(bad, still, (4, 4))[0] == STATUS["PV_ERR_FRAME"]


@pytest.mark.parametrize("form", YUV)
def test_a_pair_of_pixels_is_not_cut(form: str) -> None:
    good, memory = frame(np.zeros((6, 12), np.uint8), form)
    good.width = 5
    assert sample(good, Placement(right_x=1 << 32), (4, 4))[0] == STATUS["PV_ERR_FRAME"]


def test_yuv_is_nearly_the_picture_that_it_was_made_of() -> None:
    """Against floats, where neighbours share a colour."""
    random = np.random.default_rng(4)
    picture = np.repeat(random.integers(0, 256, (9, 20, 3), np.uint8), 2, axis=1)
    for form in YUV:
        assert np.abs(unpacked(picture, form).astype(int) - picture).max() <= 3


def test_other_bad_arguments() -> None:
    good, memory = frame(np.zeros((6, 6), np.uint8), "grey8")
    for name, value in (("x", 1 << 57), ("y", -(1 << 57)), ("right_x", 1 << 39),
                        ("right_y", -(1 << 39))):  # fmt: skip
        assert sample(good, Placement(**{name: value}), (4, 4))[0] == STATUS["PV_ERR_ARGUMENT"]
    assert sample(good, Placement(), (4, 0))[0] == STATUS["PV_ERR_ARGUMENT"]
    call = library().pv_frame_to_input
    out, tables = np.zeros((1, 1, 3), np.uint8), identity()
    given = [
        *map(ctypes.byref, (good, Placement(), tables)),
        1,
        1,
        ctypes.c_void_p(out.ctypes.data),
    ]
    assert call(*given) == STATUS["PV_OK"]
    for place in (0, 1, 2, 5):
        assert call(*given[:place], None, *given[place + 1 :]) == STATUS["PV_ERR_ARGUMENT"]
    assert call(*given[:3], 4097, 1, given[5]) == STATUS["PV_ERR_ARGUMENT"]
    tables.source[1] = 3
    assert call(*given) == STATUS["PV_ERR_ARGUMENT"]
