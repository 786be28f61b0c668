"""Templates and scores against slow references, and verdicts at the rates of a recipe."""

from __future__ import annotations

import ctypes
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .host import STATUS, Array, Unrecognisable, library, model


def template(stored: Array, **output: int) -> tuple[int, Array]:
    """pv_template_make: its status and int8 (D,)."""
    out = np.zeros(stored.size, np.int8)
    description = model(stored.size, **output).outputs[0]
    status = library().pv_template_make(
        ctypes.byref(description), *(ctypes.c_void_p(a.ctypes.data) for a in (stored, out))
    )
    return status, out


def score(a: Array, b: Array, count: int | None = None) -> tuple[int, int]:
    """pv_template_score: its status and the score."""
    out = ctypes.c_int32(12345)
    pointers = (ctypes.c_void_p(array.ctypes.data) for array in (a, b))
    size = a.size if count is None else count
    return library().pv_template_score(*pointers, size, ctypes.byref(out)), out.value


def rounded(value: Fraction) -> int:
    """To nearest, halves away from zero."""
    size = int(abs(value) + Fraction(1, 2))
    return -size if value < 0 else size


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300), zero=st.integers(-128, 127),
    spread=st.floats(0.4, 90), signed=st.booleans(),
)  # fmt: skip
def test_a_template_is_that_of_the_formula(seed, count, zero, spread, signed) -> None:
    random = np.random.default_rng(seed)
    zero += 0 if signed else 128
    low = -128 if signed else 0
    values = np.clip(np.rint(random.normal(zero, spread, count)), low, low + 255).astype(int)
    stored = values.astype(np.int8 if signed else np.uint8)
    status, found = template(stored, dtype=1 if signed else 2, zero_point=zero)
    largest = int(np.abs(values - zero).max())
    if largest == 0:
        assert status == STATUS["PV_ERR_ZERO_NORM"]
        return
    assert status == STATUS["PV_OK"]
    assert found.tolist() == [rounded(Fraction(127 * int(v - zero), largest)) for v in values]
    assert np.abs(found).max() == 127


def test_a_template_may_take_the_place_of_the_output() -> None:
    stored = np.random.default_rng(0).integers(-128, 128, 128).astype(np.int8)
    wanted = template(stored)[1]
    description = model(128).outputs[0]
    pointer = ctypes.c_void_p(stored.ctypes.data)
    assert library().pv_template_make(ctypes.byref(description), pointer, pointer) == 0
    np.testing.assert_array_equal(stored, wanted)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), count=st.integers(1, 600), alike=st.floats(-1, 1),
    spread=st.floats(1, 128),
)  # fmt: skip
def test_a_score_is_the_cosine(seed, count, alike, spread) -> None:
    random = np.random.default_rng(seed)
    first = random.normal(0, spread, count)
    second = alike * first + (1 - abs(alike)) * random.normal(0, spread, count)
    a, b = (np.clip(np.rint(v), -128, 127).astype(np.int8) for v in (first, second))
    status, found = score(a, b)
    x, y = a.astype(int), b.astype(int)
    dot, squares = int(x @ y), int(x @ x) * int(y @ y)
    if squares == 0:
        assert status == STATUS["PV_ERR_ZERO_NORM"]
        return
    wanted = Fraction(dot * 32768 << 60, isqrt(squares << 120))
    assert status == STATUS["PV_OK"]
    assert abs(found - wanted) <= Fraction(501, 1000) and abs(found) <= 32768


def test_extreme_scores() -> None:
    full = np.full(4096, -128, np.int8)
    assert score(full, full) == (STATUS["PV_OK"], 32768)
    assert score(full, np.full(4096, 127, np.int8)) == (STATUS["PV_OK"], -32768)
    one = np.array([1], np.int8)
    assert score(one, one) == (STATUS["PV_OK"], 32768)
    assert score(np.array([1, 0], np.int8), np.array([0, 1], np.int8)) == (STATUS["PV_OK"], 0)


def test_bad_arguments() -> None:
    values = np.ones(8, np.int8)
    assert score(values, values, 0)[0] == STATUS["PV_ERR_ARGUMENT"]
    assert score(values, values, 4097)[0] == STATUS["PV_ERR_ARGUMENT"]
    assert library().pv_template_score(None, None, 4, None) == STATUS["PV_ERR_ARGUMENT"]
    assert template(np.ones(4097, np.int8))[0] == STATUS["PV_ERR_TENSOR"]
    assert library().pv_template_make(None, None, None) == STATUS["PV_ERR_ARGUMENT"]


class Threshold(ctypes.Structure):
    """pv_threshold"""

    _fields_ = [
        *(("score", ctypes.c_int32), ("far", ctypes.c_uint32)),
        ("dataset", ctypes.c_char_p),
    ]


class Recipe(ctypes.Structure):
    """pv_recipe"""

    _fields_ = [
        *(("tables", ctypes.c_uint8 * 771), ("reference", ctypes.c_int32 * 10)),
        *(("thresholds", ctypes.POINTER(Threshold)), ("threshold_count", ctypes.c_uint32)),
        ("unrecognisable", Unrecognisable),
        ("smallest", ctypes.c_uint32),
    ]


class Verdict(ctypes.Structure):
    """pv_verdict"""

    _fields_ = [
        *(("score", ctypes.c_int32), ("threshold", ctypes.POINTER(Threshold))),
        ("same", ctypes.c_int),
    ]


@pytest.mark.parametrize("value, same", [(16383, 0), (16384, 1), (-5, 0), (32768, 1)])
def test_a_verdict_carries_its_evidence(value: int, same: int) -> None:
    entries = (Threshold * 2)((9000, 10**7, b"noise"), (16384, 10**6, b"faces"))
    recipe, verdict = Recipe(thresholds=entries, threshold_count=2), Verdict()
    judge = library().pv_judge
    assert judge(ctypes.byref(recipe), value, 10**6, ctypes.byref(verdict)) == STATUS["PV_OK"]
    assert (verdict.score, verdict.same) == (value, same)
    threshold = verdict.threshold.contents
    assert (threshold.score, threshold.far, threshold.dataset) == (16384, 10**6, b"faces")
    uncalibrated = judge(ctypes.byref(recipe), value, 10**5, ctypes.byref(verdict))
    assert uncalibrated == STATUS["PV_ERR_THRESHOLD"]
    assert judge(None, value, 10**6, ctypes.byref(verdict)) == STATUS["PV_ERR_ARGUMENT"]
    empty = Recipe()
    assert judge(ctypes.byref(empty), 0, 0, ctypes.byref(verdict)) == STATUS["PV_ERR_THRESHOLD"]
