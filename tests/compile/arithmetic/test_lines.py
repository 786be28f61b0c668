"""Lines against the float rule, accumulator by accumulator, and against every line there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.compile.arithmetic import fixedpoint
from pocketvision.compile.arithmetic import lines as rules
from pocketvision.compile.arithmetic.lines import Lines, lines
from pocketvision.compile.kernels.epilogue import FLOAT

INT32 = np.iinfo(np.int32)


def float_rule(acc: np.ndarray, scale: np.float32, low: int, high: int) -> np.ndarray:
    real = acc.astype(np.float32) * scale
    return np.rint(np.clip(real, np.float32(low), np.float32(high))).astype(np.int64)


def line_rule(acc: np.ndarray, found: Lines, channel: int) -> np.ndarray:
    """As the kernels compute it, each intermediate value within int32."""
    moved = acc + np.int64(found.offsets[channel])
    total = found.starts[channel] + (moved * np.int64(found.factors[channel]) >> 32)
    for values in (moved, total):
        assert INT32.min <= values.min() <= values.max() <= INT32.max
    return total >> found.shift


def accumulators(reach: int, scale: float, random: np.random.Generator) -> np.ndarray:
    """All of them, or where they are many those around the ties, the ends and some between."""
    if reach <= 2**17:
        return np.arange(-reach, reach + 1)
    ties = np.floor((np.arange(-256, 256) + 0.5) / scale).astype(np.int64)
    near = ties[np.abs(ties) < 2**40][:, None] + np.arange(-4, 6)
    ends = np.array([-reach, -reach + 1, -1, 0, 1, reach - 1, reach])
    drawn = random.integers(-reach, reach + 1, 2000)
    found = np.concatenate([near.ravel(), ends, drawn])
    return found[np.abs(found) <= reach]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    exponents=st.lists(st.floats(-8, 4), min_size=1, max_size=4),
    typical=st.booleans(),
    bits=st.floats(3, 30.9),
    zero=st.integers(-128, 127),
    clamp=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    seed=st.integers(0, 2**32 - 1),
)
def test_lines_are_exact(
    exponents: list[float], typical: bool, bits: float, zero: int, clamp: tuple[int, int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    scale = (10.0 ** np.array(exponents)).astype(np.float32)
    if typical:
        scale = np.exp2(random.uniform(-14, -4, len(scale))).astype(np.float32)
    reach = random.integers(1, int(2**bits) + 1, len(scale))
    least, most = sorted(clamp) if seed % 2 else (-128, 127)
    found = lines(scale, reach, least - zero, most - zero, zero)
    for channel in np.flatnonzero(found.exact):
        acc = accumulators(int(reach[channel]), float(scale[channel]), random)
        wanted = float_rule(acc, scale[channel], least - zero, most - zero) + zero
        got = np.clip(line_rule(acc, found, channel), least, most)
        assert np.array_equal(got, wanted), (scale[channel], reach[channel], zero)
    assert found.starts.max() < FLOAT
    assert not found.factors[~found.exact].any() and not found.offsets[~found.exact].any()


@pytest.mark.parametrize(("exponent", "share"), [(-6, 0.97), (-8, 0.93), (-9, 0.82), (-10, 0.5)])
def test_how_many_channels_have_a_line(exponent: float, share: float) -> None:
    random = np.random.default_rng(3)
    scale = np.exp2(exponent + random.uniform(-0.25, 0.25, 500)).astype(np.float32)
    reach = np.full(500, 2**22)
    found = lines(scale, reach, 0, 255, -128).exact
    alone = fixedpoint.factors(scale, reach, 0, 255) >= 0
    assert found.mean() > share
    assert not (alone & ~found).any()
    assert found.sum() > alone.sum()


def test_no_line_is_missed() -> None:
    # Of few steps: every factor near, with the room that it leaves, against what was found.
    random = np.random.default_rng(4)
    refused = 0
    for _ in range(80):
        scale = np.exp2(random.uniform(-12, -10, 1)).astype(np.float32)
        reach, low, high = np.array([2**22]), 100, 180
        found = lines(scale, reach, low, high)
        taken, _ = fixedpoint.first_above(scale, reach, low, high)
        goal = (2 * np.arange(low, high) + 1) << (31 + found.shift)
        nearest = round(float(scale[0]) * 2.0 ** (32 + found.shift))
        factors = np.arange(nearest - 400, nearest + 401)[:, None]
        asked, under = taken <= reach[0], taken - 1 <= reach[0]
        least = np.where(asked, goal - factors * taken, -(2**62)).max(axis=1)
        most = np.where(under, goal - factors * (taken - 1) - 1, 2**62).min(axis=1)
        refused += not found.exact[0]
        assert found.exact[0] == (most >= least).any()
    assert 0 < refused < 80


def test_first_multiple_within_a_range() -> None:
    random = np.random.default_rng(5)
    for _ in range(2000):
        modulus = int(random.integers(2, 300))
        factor = int(random.integers(0, modulus))
        low, high = sorted(random.integers(0, modulus, 2).tolist())
        right = (x for x in range(modulus) if low <= factor * x % modulus <= high)
        assert rules._first(factor, modulus, low, high) == next(right, None)


@pytest.mark.parametrize("scale", [0.5, -0.01, 0.0, np.nan, np.inf])
def test_what_has_none(scale: float) -> None:
    found = lines(np.float32([scale, 3 / 1024]), np.array([100, 90]), -128, 127)
    assert found.exact.tolist() == [False, True]


def test_steps_past_the_exact_floats_are_refused() -> None:
    found = lines(np.full(2, 1.1e-6, np.float32), np.array([2**28, 2**18]), -128, 127)
    assert found.exact.tolist() == [False, True]


def test_a_clamp_to_one_value_takes_any_line() -> None:
    assert lines(np.full(3, 0.01, np.float32), np.full(3, 1000), 5, 5).exact.all()


@pytest.mark.parametrize("ends", [(-128, -60), (60, 127), (0, 0)])
def test_results_that_are_all_beyond_an_end(ends: tuple[int, int]) -> None:
    found = lines(np.float32([0.003]), np.array([10000]), *ends)
    assert found.exact.all()
    assert np.abs(found.starts).max() < 2**15
    acc = np.arange(-10000, 10001)
    assert np.array_equal(
        np.clip(line_rule(acc, found, 0), *ends), float_rule(acc, np.float32(0.003), *ends)
    )


def test_channels_left_out_count_as_not_exact() -> None:
    found = lines(np.full(3, 0.00271828, np.float32), np.full(3, 1000), -128, 127, 3)
    left = found.where(np.array([True, False, True]))
    assert left.exact.tolist() == [True, False, True]
    assert left.factors[1] == left.starts[1] == left.offsets[1] == 0
    assert left.factors[2] == found.factors[2]
