"""Faces from a detector's outputs, in C, against the header's words in Python's integers."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from . import detect_reference as slow
from .host import STATUS, Array, Placement, Tables, library

HEIGHT, WIDTH, STRIDES = 96, 64, (8, 16, 32)


class Level(ctypes.Structure):
    """pv_detect_level"""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("rows", "columns", "stride")),
        *((name, ctypes.c_int32) for name in ("zero_point", "step")),
        ("chance", ctypes.c_uint16 * 256),
    ]


class Recipe(ctypes.Structure):
    """pv_detect_recipe"""

    _fields_ = [
        ("tables", Tables),
        *((name, ctypes.c_uint32) for name in ("height", "width", "score", "overlap")),
        *((name, ctypes.c_uint32) for name in ("is_signed", "level_count")),
        ("levels", Level * 4),
    ]


class Detection(ctypes.Structure):
    """pv_detection"""

    _fields_ = [
        ("box", ctypes.c_int32 * 4), ("landmarks", ctypes.c_int32 * 10), ("score", ctypes.c_uint32),
    ]  # fmt: skip


class Candidate(ctypes.Structure):
    """pv_candidate"""

    _fields_ = [("product", ctypes.c_uint32), ("place", ctypes.c_uint32)]


class Area(ctypes.Structure):
    """pv_area"""

    _fields_ = [(name, ctypes.c_uint32) for name in ("left", "top", "width", "height")]


def recipe(
    scale: float = 8 / 255, zero_point: int = 0, logit: float = 2.0, signed: bool = True,
    score: int = 30000, overlap: int = 29491, strides: tuple[int, ...] = STRIDES,
) -> tuple[Recipe, list[dict[str, Any]]]:  # fmt: skip
    """A recipe, and what the reference takes of it."""
    made = Recipe(
        height=HEIGHT, width=WIDTH, score=score, overlap=overlap, is_signed=signed,
        level_count=len(strides),
    )  # fmt: skip
    levels = []
    for level, stride in zip(made.levels, strides, strict=False):
        own: dict[str, Any] = {
            "stride": stride, "zero_point": zero_point, "step": slow.step(scale, stride),
            "chance": slow.chances(scale, zero_point, logit, signed),
        }  # fmt: skip
        level.rows, level.columns = HEIGHT // stride, WIDTH // stride
        level.stride, level.zero_point, level.step = stride, zero_point, own["step"]
        level.chance[:] = own["chance"]
        levels.append(own)
    return made, levels


def outputs(random: np.random.Generator, signed: bool, busy: float) -> list[Array]:
    """Random cells, most of them no faces."""
    low, kind = (-128, np.int8) if signed else (0, np.uint8)
    made = []
    for stride in STRIDES:
        part = random.integers(low, low + 256, (HEIGHT // stride, WIDTH // stride, 16))
        quiet = random.random(part.shape[:2]) >= busy
        part[quiet, 0] = low
        # Boxes that have an inside, so that many overlap.
        part[..., 2:6] = random.integers(low + 140, low + 256, part[..., 2:6].shape)
        made.append(np.ascontiguousarray(part.astype(kind)))
    return made


def decoded(
    made: Recipe, maps: list[Array | None], capacity: int = 64, most: int = 32
) -> tuple[int, list[tuple[list[int], list[int], int]]]:
    """pv_detect_decode."""
    pointers = (ctypes.c_void_p * 4)(*(None if m is None else m.ctypes.data for m in maps))
    faces, count = (Detection * max(1, most))(), ctypes.c_uint32(77)
    status = library().pv_detect_decode(
        ctypes.byref(made), pointers, (Candidate * max(1, capacity))(), ctypes.c_uint32(capacity),
        faces, ctypes.c_uint32(most), ctypes.byref(count),
    )  # fmt: skip
    found = [(list(f.box), list(f.landmarks), f.score) for f in faces[: count.value]] * (
        status == STATUS["PV_OK"]
    )
    return status, found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), signed=st.booleans(), zero_point=st.integers(-20, 20),
    scale=st.floats(0.005, 0.1), busy=st.floats(0, 1), capacity=st.integers(1, 100),
    most=st.integers(1, 20), overlap=st.integers(0, 65536),
)  # fmt: skip
def test_it_is_the_reference(
    seed, signed, zero_point, scale, busy, capacity, most, overlap
) -> None:
    zero = zero_point if signed else zero_point + 128
    made, levels = recipe(scale, zero, signed=signed, overlap=overlap)
    maps = outputs(np.random.default_rng(seed), signed, busy)
    status, found = decoded(made, maps, capacity, most)
    assert status == STATUS["PV_OK"]
    assert found == slow.decode(maps, levels, made.score, overlap, capacity, most)


def test_a_face_by_hand() -> None:
    """Row 1, column 2 of stride 8, whose centre is (20, 12): a box of 32x40 pixels around it."""
    made, _ = recipe(scale=1 / 32, zero_point=-3)
    maps = [np.full((HEIGHT // s, WIDTH // s, 16), -128, np.int8) for s in STRIDES]
    maps[0][1, 2] = -3
    maps[0][1, 2, :2] = 127
    maps[0][1, 2, 2:6] = np.array([64, 64, 64, 96]) - 3
    maps[0][1, 2, 6:8] = np.array([-32, 16]) - 3
    status, faces = decoded(made, maps)
    assert status == STATUS["PV_OK"] and len(faces) == 1
    box, points, score = faces[0]
    # Pixel centres have integer coordinates, so a corner of the picture is at -0.5.
    assert [value / 256 for value in box] == [3.5, -4.5, 35.5, 35.5]
    assert [value / 256 for value in points[:4]] == [11.5, 15.5, 19.5, 11.5]
    assert score == round(65535 / (1 + np.exp(-2 * 130 / 32)))


def test_cells_as_likely_keep_their_order() -> None:
    made, levels = recipe()
    maps = [np.full((HEIGHT // s, WIDTH // s, 16), 100, np.int8) for s in STRIDES]
    for part in maps:
        part[..., 2:] = 3  # small boxes, none of which overlap
    for capacity in (1, 5, 500):
        _, found = decoded(made, maps, capacity, 200)
        assert found == slow.decode(maps, levels, made.score, made.overlap, capacity, 200)
        assert len(found) == min(capacity, 126)


def test_nothing_found() -> None:
    made, _ = recipe()
    maps = [np.full((HEIGHT // s, WIDTH // s, 16), -128, np.int8) for s in STRIDES]
    assert decoded(made, maps) == (STATUS["PV_OK"], [])


@pytest.mark.parametrize(
    "change",
    [
        {"height": 0}, {"width": 5000}, {"score": 0}, {"score": 65536}, {"overlap": 65537},
        {"is_signed": 2}, {"level_count": 0}, {"level_count": 5}, {"rows": 3}, {"columns": 9},
        {"stride": 0}, {"step": 0}, {"step": (1 << 23) + 1}, {"zero_point": 256},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_recipes(change: dict[str, int]) -> None:
    made, _ = recipe()
    for name, value in change.items():
        setattr(made if hasattr(made, name) else made.levels[1], name, value)
    maps = outputs(np.random.default_rng(0), True, 0.5)
    assert decoded(made, maps)[0] == STATUS["PV_ERR_ARGUMENT"]


def test_bad_arguments() -> None:
    made, _ = recipe()
    maps: list[Array | None] = list(outputs(np.random.default_rng(0), True, 0.5))
    assert decoded(made, maps, capacity=0)[0] == STATUS["PV_ERR_ARGUMENT"]
    assert decoded(made, maps, most=0)[0] == STATUS["PV_ERR_ARGUMENT"]
    maps[2] = None
    assert decoded(made, maps)[0] == STATUS["PV_ERR_ARGUMENT"]


def placed(area: tuple[int, int, int, int], turn: int) -> tuple[int, Placement]:
    """pv_detect_place."""
    placement = Placement()
    status = library().pv_detect_place(
        ctypes.byref(recipe()[0]), ctypes.byref(Area(*area)), turn, ctypes.byref(placement)
    )
    return status, placement


@settings(max_examples=100, deadline=None)
@given(
    left=st.integers(0, 500), top=st.integers(0, 500), width=st.integers(1, 2000),
    height=st.integers(1, 2000), turn=st.integers(0, 3), points=st.lists(
        st.tuples(st.integers(-(2**16), 2**16), st.integers(-(2**16), 2**16)), min_size=2,
        max_size=2,
    ),
)  # fmt: skip
def test_there_and_back(left, top, width, height, turn, points) -> None:
    area = (left, top, width, height)
    status, placement = placed(area, turn)
    assert status == STATUS["PV_OK"]
    found = (placement.x, placement.y, placement.right_x, placement.right_y)
    assert found == slow.place((HEIGHT, WIDTH), area, turn)
    face = Detection()
    face.box[:] = [*points[0], *points[1]]
    face.landmarks[:] = [*points[0], *points[1]] * 2 + list(points[0])
    assert library().pv_detect_to_frame(ctypes.byref(placement), ctypes.byref(face), 1) == 0
    first, second = (slow.to_frame(found, point) for point in points)
    assert list(face.landmarks) == [*first, *second] * 2 + first
    corners = [slow.to_frame(found, (x, y)) for x in (points[0][0], points[1][0])
               for y in (points[0][1], points[1][1])]  # fmt: skip
    lows, highs = ([pick(corner[i] for corner in corners) for i in (0, 1)] for pick in (min, max))
    assert list(face.box) == [*lows, *highs]


@pytest.mark.parametrize("turn", range(4))
def test_a_turned_area_is_inside_the_input_and_fills_it(turn: int) -> None:
    """The input's corner is the area's, and it ends where the area ends."""
    _, placement = placed((10, 20, 128, 96) if turn % 2 else (10, 20, 64, 96), turn)
    right = np.array([placement.right_x, placement.right_y]) / 2**32
    below = np.array([-right[1], right[0]])
    first = np.array([placement.x, placement.y]) / 2**32 + 0.5 - (right + below) / 2
    corners = {0: (10, 20), 1: (138, 20), 2: (74, 116), 3: (10, 116)}
    np.testing.assert_allclose(first, corners[turn])
    np.testing.assert_allclose(np.abs(right).max(), 1 if turn % 2 == 0 else 96 / WIDTH)


def test_areas_that_are_none() -> None:
    assert placed((0, 0, 0, 5), 0)[0] == STATUS["PV_ERR_ARGUMENT"]
    assert placed((0, 0, 5, 5), 4)[0] == STATUS["PV_ERR_ARGUMENT"]
    assert placed((0, 0, 16384, 16384), 0)[0] == STATUS["PV_ERR_DEGENERATE"]
    far = Detection()
    far.landmarks[3] = (1 << 30) + 1
    still = Placement(right_x=1 << 32)
    call = library().pv_detect_to_frame
    assert call(ctypes.byref(still), ctypes.byref(far), 1) == STATUS["PV_ERR_NOT_FINITE"]
    assert call(ctypes.byref(Placement(right_x=1 << 39)), None, 0) == STATUS["PV_ERR_ARGUMENT"]
