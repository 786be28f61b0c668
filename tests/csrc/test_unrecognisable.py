"""What a template says of its own quality, in C against exact fractions, and what is refused."""

from __future__ import annotations

import ctypes
from fractions import Fraction

import numpy as np
import pytest

from .host import STATUS, Quality, Unrecognisable, library

SCORE_ONE, MARGIN_ONE, MOST_MARGIN, ALIKE = 32768, 128, 77, 0x1000
LARGEST = 4096


def see(
    face: np.ndarray, rows: np.ndarray | None, level: int = 0, margin: int = 0, dimension: int = -1
) -> tuple[int, Quality]:
    quality = Quality(margin=margin)
    held = None if rows is None else np.ascontiguousarray(rows, np.int8)
    known = Unrecognisable(None if held is None else held.ctypes.data,
                           0 if held is None else len(held), level)  # fmt: skip
    values = np.ascontiguousarray(face, np.int8)
    status = library().pv_quality_see_template(
        ctypes.byref(quality), ctypes.c_void_p(values.ctypes.data),
        len(values) if dimension < 0 else dimension, ctypes.byref(known),
    )  # fmt: skip
    return status, quality


def share(face: np.ndarray, rows: np.ndarray) -> Fraction:
    """Of the template's square, along rows that are taken one by one."""
    values = [int(value) for value in face]
    square = sum(value * value for value in values)
    total = Fraction(0)
    for row in rows.tolist():
        dot = sum(a * b for a, b in zip(row, values, strict=True))
        total += Fraction(dot * dot, sum(a * a for a in row) * square)
    return total


@pytest.mark.parametrize("dimension, count", [(1, 1), (2, 1), (128, 8), (512, 3), (LARGEST, 2)])
def test_the_margin_is_twice_what_lies_beyond_the_level(dimension: int, count: int) -> None:
    random = np.random.default_rng(dimension)
    margins = set()
    for _ in range(20):
        rows = random.integers(-127, 128, (count, dimension)) | 1
        along = random.random() * 90 * np.sign(rows[0]) + random.normal(0, 20, dimension)
        face = np.clip(np.rint(along), -127, 127).astype(np.int8)
        face[0] |= 1
        for level in (0, 4096, 30_000):
            status, found = see(face, rows, level)
            wanted = 2 * (share(face, rows) - Fraction(level, SCORE_ONE)) * MARGIN_ONE
            assert status == STATUS["PV_OK"]
            assert max(0, wanted - 1 - Fraction(count, 64)) <= found.margin <= max(0, wanted)
            assert found.reasons == ALIKE * (found.margin > MOST_MARGIN)
            margins.add(found.margin)
    assert len(margins) > (2 if dimension < 3 else 8)


def test_a_margin_of_the_picture_stays_where_it_is_larger() -> None:
    face = np.array([127, 0, 0, 0])
    assert see(face, np.eye(4)[:1] * 127, SCORE_ONE - 1000, margin=50)[1].margin == 50
    assert see(face, np.eye(4)[1:2] * 127, 0, margin=3)[1].margin == 3
    assert see(face, np.eye(4)[:1] * 127, SCORE_ONE // 2, margin=50)[1].margin == MARGIN_ONE


def test_without_directions_nothing_is_added() -> None:
    status, found = see(np.array([5, 6]), None, margin=7)
    assert (status, found.margin, found.reasons) == (STATUS["PV_OK"], 7, 0)


def test_refusals() -> None:
    face, rows = np.full(LARGEST + 1, 9), np.full((1, LARGEST + 1), 9)
    assert see(face * 0, rows, dimension=4)[0] == STATUS["PV_ERR_ZERO_NORM"]
    assert see(face, rows * 0, dimension=4)[0] == STATUS["PV_ERR_ZERO_NORM"]
    for dimension in (0, LARGEST + 1):
        assert see(face, rows, dimension=dimension)[0] == STATUS["PV_ERR_ARGUMENT"]
    quality, known = Quality(), Unrecognisable()
    given = [ctypes.byref(quality), ctypes.c_char_p(b"x"), 1, ctypes.byref(known)]
    for missing in (0, 1, 3):
        wrong = [None if at == missing else value for at, value in enumerate(given)]
        assert library().pv_quality_see_template(*wrong) == STATUS["PV_ERR_ARGUMENT"]
