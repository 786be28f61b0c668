"""Fixed-point factors against the float rule, accumulator by accumulator."""

from __future__ import annotations

import numpy as np
import pytest

from pocketvision.compile.arithmetic import fixedpoint


def float_rule(acc: np.ndarray, scale: np.float32, low: int, high: int) -> np.ndarray:
    real = acc.astype(np.float32) * scale
    return np.rint(np.clip(real, np.float32(low), np.float32(high))).astype(np.int64)


def fixed_rule(acc: np.ndarray, factor: np.int32, low: int, high: int) -> np.ndarray:
    return np.clip((acc * np.int64(factor) + 2**31) >> 32, low, high)


def test_every_accumulator_of_random_channels() -> None:
    random = np.random.default_rng(5)
    found = 0
    for _ in range(150):
        zero = int(random.integers(-128, 128))
        low, high = -128 - zero, 127 - zero
        scale = np.float32(2.0 ** random.uniform(-14, -1.1))
        reach = int(random.integers(100, 2**18))
        factor = fixedpoint.factors(np.array([scale]), np.array([reach]), low, high)[0]
        acc = np.arange(-reach, reach + 1)
        if factor < 0:
            continue
        found += 1
        assert np.array_equal(
            fixed_rule(acc, factor, low, high), float_rule(acc, scale, low, high)
        ), (scale, zero, reach)
    assert found > 75


def test_accumulators_past_the_exact_floats() -> None:
    # All steps lie far below: what is past them saturates under both rules.
    scale, reach = np.float32(0.0031337), 2**30
    factor = fixedpoint.factors(np.array([scale]), np.array([reach]), -128, 127)[0]
    acc = np.array([-reach, -(2**25) - 1, 2**24 + 1, 2**29 + 77, reach])
    assert factor > 0
    assert np.array_equal(fixed_rule(acc, factor, -128, 127), float_rule(acc, scale, -128, 127))


def test_no_factor_is_missed() -> None:
    # A coarse scale has few candidates: all of them are tried against what was found or refused.
    random = np.random.default_rng(6)
    refused = 0
    for _ in range(60):
        scale = np.float32(2.0 ** random.uniform(-13, -10))
        reach = 2**18
        acc = np.arange(-reach, reach + 1)
        wanted = float_rule(acc, scale, -128, 127)
        nearest = round(float(scale) * 2**32)
        right = [
            m
            for m in range(nearest - 3, nearest + 4)
            if np.array_equal(fixed_rule(acc, np.int32(m), -128, 127), wanted)
        ]
        factor = fixedpoint.factors(np.array([scale]), np.array([reach]), -128, 127)[0]
        refused += factor < 0
        assert (factor in right) if right else factor < 0
    assert 0 < refused < 60


@pytest.mark.parametrize(
    ("scale", "reach"), [(0.5, 100), (-0.01, 100), (0.0, 100), (2.0**-20, 2**28), (np.nan, 10)]
)
def test_what_has_none(scale: float, reach: int) -> None:
    # Beside a channel that has one: a scale of 3/1024 ties nowhere within the reach.
    found = fixedpoint.factors(np.float32([scale, 3 / 1024]), np.array([reach, 90]), -128, 127)
    assert found.tolist() == [-1, 3 * 2**22]


def test_a_clamp_to_one_value_takes_any_factor() -> None:
    found = fixedpoint.factors(np.full(3, 0.01, np.float32), np.full(3, 1000), 5, 5)
    assert (found >= 0).all()


def test_a_channel_of_all_but_nothing() -> None:
    with np.errstate(all="raise"):
        factor = fixedpoint.factors(np.array([np.float32(1e-30)]), np.array([2**20]), -128, 127)[0]
    acc = np.arange(-(2**20), 2**20, 977)
    assert factor >= 0
    assert not fixed_rule(acc, factor, -128, 127).any()
