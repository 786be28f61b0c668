"""Constants that give a file's float operators bit for bit, over every operand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pocketvision.compile.arithmetic import file_rule, reference
from pocketvision.compile.arithmetic.fixedpoint import fixed_factors
from pocketvision.compile.arithmetic.multiply_add import float_sum
from pocketvision.compile.arithmetic.words import word_factors
from pocketvision.compile.graph import Tensor


def tensor(name: str, random: np.random.Generator, scale: float | None = None) -> Tensor:
    drawn = np.exp(random.uniform(-6, 1)) if scale is None else scale
    return Tensor(name, 1, 1, 8, float(np.float32(drawn)), int(random.integers(-128, 128)))


def quantised(real: np.ndarray, y: Tensor) -> np.ndarray:
    """QuantizeLinear as ONNX defines it, one value at a time in float32."""
    assert real.dtype == np.float32
    steps = np.rint(np.float32(real) / np.float32(y.scale)) + y.zero_point
    return np.clip(steps, -128, 127).astype(np.int8)


@pytest.mark.parametrize("seed", range(40))
def test_prelu_of_every_value(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = tensor("x", random)
    y = tensor("y", random, x.scale * np.exp(random.uniform(-0.5, 1)))
    slope = random.uniform(-0.5, 1.5, x.channels).astype(np.float32)
    scale, negative, misses = file_rule.rescale_factors(x, y, slope)
    acc = np.broadcast_to(file_rule.STORED[:, None] - x.zero_point, (256, x.channels))
    found = reference.rescale(acc, scale, negative, y.zero_point, -128, 127)
    real = acc.astype(np.float32) * np.float32(x.scale)
    wanted = quantised(np.where(real > 0, real, real * slope), y)
    assert misses == 0
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("seed", range(25))
def test_add_of_every_pair(seed: int) -> None:
    random = np.random.default_rng(100 + seed)
    a, b = tensor("a", random), tensor("b", random)
    y = tensor("y", random, max(a.scale, b.scale) * np.exp(random.uniform(-0.5, 1)))
    total, misses = file_rule.sum_factors(a, b, y)
    grid = np.array(list(itertools.product(file_rule.STORED, repeat=2)), np.int32).T
    first, second = grid[0] - a.zero_point, grid[1] - b.zero_point
    found = reference.add(first, second, total, y.zero_point, -128, 127)
    real = [v.astype(np.float32) * np.float32(t.scale) for v, t in ((first, a), (second, b))]
    assert misses == 0
    assert np.array_equal(found, quantised(real[0] + real[1], y))
    for factor, operand in ((total.a_factor, a), (total.b_factor, b)):
        for storage in (0, 128):  # int8, and uint8 as the VNNI kernels store it
            zero = operand.zero_point + storage
            assert abs(255 * factor) + 4096 < 2**31 and abs(zero * factor) + 4096 < 2**31


@pytest.mark.parametrize("ratio", [1.0, 0.5, 2.0])
def test_simple_ratios_keep_their_ties(ratio: float) -> None:
    a, b = (Tensor(name, 1, 1, 1, 0.03125, 0) for name in "ab")
    y = Tensor("y", 1, 1, 1, 0.03125 * ratio, 5)
    total, misses = file_rule.sum_factors(a, b, y)
    assert misses == 0
    grid = np.array([[3, 1, -3, 100, -2], [0, 0, 0, 100, -3]], np.int32)
    found = reference.add(*grid, total, 5, -128, 127)
    assert np.array_equal(found, np.clip(np.rint(grid.sum(0) / ratio) + 5, -128, 127))


def test_what_cannot_be_matched_is_counted() -> None:
    """Every odd sum is a tie that the file's float32 breaks its own way."""
    a, b = (Tensor(name, 1, 1, 1, float(np.float32(0.1)), 0) for name in "ab")
    y = Tensor("y", 1, 1, 1, float(np.float32(0.2)), 0)
    total, misses = file_rule.sum_factors(a, b, y)
    grid = np.array(list(itertools.product(file_rule.STORED, repeat=2)), np.int32).T
    found = reference.add(*grid, total, 0, -128, 127)
    real = [v.astype(np.float32) * np.float32(a.scale) for v in grid]
    wanted = quantised(real[0] + real[1], y)
    assert misses == (found != wanted).sum() > 0
    assert np.abs(found.astype(int) - wanted).max() == 1


@pytest.mark.parametrize("seed", range(25))
def test_product_of_every_pair(seed: int) -> None:
    random = np.random.default_rng(200 + seed)
    a, b = tensor("a", random), tensor("b", random)
    y = tensor("y", random, a.scale * b.scale * 100 * np.exp(random.uniform(-0.5, 1)))
    scale, misses = file_rule.product_factor(a, b, y)
    grid = np.array(list(itertools.product(file_rule.STORED, repeat=2)), np.int32).T
    first, second = grid[0] - a.zero_point, grid[1] - b.zero_point
    found = reference.rescale(first * second, scale, None, y.zero_point, -128, 127)
    real = [v.astype(np.float32) * np.float32(t.scale) for v, t in ((first, a), (second, b))]
    wanted = quantised(real[0] * real[1], y)
    far = np.abs(found.astype(int) - wanted)
    assert far.max() <= 1
    assert np.count_nonzero(far) == misses <= 4


def test_a_table_is_the_functions_every_value() -> None:
    x, y = Tensor("x", 1, 1, 8, 0.05, -3), Tensor("y", 1, 1, 8, 1 / 256, -128)
    found = file_rule.table(x, y, lambda real: (1 / (1 + np.exp(-real))).astype(np.float32))
    for stored in (-128, -3, 0, 127):
        real = 1 / (1 + np.exp(-0.05 * (stored + 3)))
        assert found[stored + 128] == min(round(real * 256) - 128, 127)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("shift", [0, 128])
def test_multiply_adds_of_every_pair_or_none(seed: int, shift: int) -> None:
    random = np.random.default_rng(seed)
    a, b = tensor("a", random), tensor("b", random)
    y = tensor("y", random, max(a.scale, b.scale) * np.exp(random.uniform(-0.5, 1)))
    total, _ = file_rule.sum_factors(a, b, y)
    found = float_sum(total, a.zero_point, b.zero_point, shift)
    if found is None:
        return
    first, second = file_rule.STORED[:, None] - a.zero_point, file_rule.STORED[None] - b.zero_point
    wanted = reference.add(first, second, total, y.zero_point, -128, 127)
    # One rounding each, in the widest float there is, as a fused multiply-add rounds.
    rest = (second + b.zero_point + shift).astype(np.longdouble) * np.longdouble(found.b_factor)
    rest = (rest + np.longdouble(found.offset)).astype(np.float32)
    real = first.astype(np.longdouble) * np.longdouble(found.a_factor) + rest.astype(np.longdouble)
    steps = np.rint(real.astype(np.float32)) + y.zero_point
    assert np.array_equal(np.clip(steps, -128, 127), wanted)


def test_most_additions_have_multiply_adds() -> None:
    random = np.random.default_rng(3)
    count = 0
    for _ in range(30):
        a, b = tensor("a", random), tensor("b", random)
        y = tensor("y", random, max(a.scale, b.scale) * np.exp(random.uniform(-0.5, 1)))
        total, _ = file_rule.sum_factors(a, b, y)
        count += float_sum(total, a.zero_point, b.zero_point, 0) is not None
    assert count >= 25


@pytest.mark.parametrize("seed", range(20))
def test_words_give_the_float_rule_or_none_are_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    zero, channels = int(random.integers(-128, 128)), 4
    unit = 2.0**-15
    scale = np.float32((2 * random.integers(4000, 16000, channels) + 1) * unit)
    negative = np.float32((2 * random.integers(-8000, 16000, channels) + 1) * unit)
    found = word_factors(scale, negative, zero, -128, 127)
    assert found is not None and found.shift == 0
    acc = file_rule.STORED[:, None] - zero
    factor = np.where(acc < 0, found.negative.astype(int), found.positive.astype(int))
    words = np.clip((acc * factor + 2**14) >> 15, -128, 127)
    wanted = reference.rescale(np.broadcast_to(acc, (256, channels)), scale, negative, 0, -128, 127)
    assert np.array_equal(words, wanted)


@pytest.mark.parametrize("seed", range(20))
def test_integer_factors_of_every_accumulator(seed: int) -> None:
    random = np.random.default_rng(seed)
    scale = np.exp2(random.uniform(-12, -2, 8)).astype(np.float32)
    low, high = -int(random.integers(0, 256)), int(random.integers(1, 256))
    reach = random.integers(1000, 2**20, 8)
    single = [
        fixed_factors(scale[c : c + 1], reach[c : c + 1], low, high) for c in range(len(scale))
    ]
    # A channel in twenty has a sum so near a tie that float32 takes it for one.
    assert sum(factors is not None for factors in single) >= 4
    for c, factors in enumerate(single):
        if factors is None:
            continue
        acc = np.arange(-reach[c], reach[c] + 1)
        wanted = np.rint(np.clip(acc.astype(np.float32) * scale[c], low, high))
        product = acc * int(factors.factors[0]) >> 31
        found = (product + 2 ** (factors.shift - 1)) >> factors.shift
        assert np.array_equal(np.clip(found, low, high), wanted)


def test_no_integer_factor_is_found_where_there_is_none() -> None:
    reach = np.array([4000])
    # Ties go to even numbers, products to the next larger one.
    assert fixed_factors(np.array([2.0**-4], np.float32), reach, -128, 127) is None
    assert fixed_factors(np.array([0.75], np.float32), reach, -128, 127) is None
    assert fixed_factors(np.array([0.0], np.float32), reach, -128, 127) is None
    assert fixed_factors(np.array([0.0123], np.float32), reach * 2**13, -128, 127) is None


@pytest.mark.parametrize("scale", [2.0**8, 2.0**53, 2.2414415e20, 1e38])
def test_a_factor_past_the_words_is_none(scale: float) -> None:
    """Every result is at the clamp, so that any factor would do; but the shift passes 16 bits."""
    factors = np.full(3, scale, np.float32)
    assert word_factors(factors, factors, -128, -255, 0) is None
