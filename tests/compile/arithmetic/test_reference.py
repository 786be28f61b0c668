"""The numpy reference against sums written out naively, and the rounding rule by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision.compile.arithmetic import reference
from pocketvision.compile.arithmetic.file_rule import sum_factors
from pocketvision.compile.graph import Conv, Sum

from ..graphs import Builder, inputs


def naive(op: Conv, x: np.ndarray, zero: int, out: tuple[int, int]) -> np.ndarray:
    """int64 (out height, out width, O) of int8 (H, W, C), one product at a time."""
    outputs, per_group, kh, kw = op.weight.shape
    total = np.zeros((*out, outputs), np.int64)
    for row, column, output in itertools.product(*map(range, total.shape)):
        first = output // (outputs // op.groups) * per_group
        value = int(op.bias[output])
        for ky, kx, channel in itertools.product(range(kh), range(kw), range(per_group)):
            y = row * op.stride[0] - op.pads[0] + ky
            z = column * op.stride[1] - op.pads[1] + kx
            if 0 <= y < x.shape[0] and 0 <= z < x.shape[1]:
                value += (int(x[y, z, first + channel]) - zero) * int(
                    op.weight[output, channel, ky, kx]
                )
        total[row, column, output] = value
    return total


@settings(max_examples=40, derandomize=True, database=None, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    groups=st.sampled_from([1, 2, 3, 6]),
    per_group=st.integers(1, 2),
)
def test_accumulate_is_the_naive_sum(seed, size, kernel, stride, pads, groups, per_group) -> None:
    build = Builder(seed, (*size, 6))
    y = build.conv("input", groups * per_group, kernel, stride=stride, pads=pads, groups=groups)
    op, source, target = build.ops[0], build.tensors["input"], build.tensors[y]
    assert isinstance(op, Conv)
    x = inputs(build.random, 2, source)
    out = (target.height, target.width)
    found = reference.accumulate(op, x, source.zero_point, out)
    assert found.dtype == np.int32
    for one, acc in zip(x, found, strict=True):
        assert np.array_equal(acc, naive(op, one, source.zero_point, out))


def test_an_accumulator_beyond_int32_is_an_error() -> None:
    build = Builder(1, (1, 1, 4))
    with pytest.raises(OverflowError, match="int32"):
        build.conv("input", 2, bias=np.full(2, 2**31 - 1, np.int32),
                   weight=build.values["input"][0].reshape(1, 4, 1, 1).repeat(2, 0))  # fmt: skip


@pytest.mark.parametrize(
    "acc, scale, zero, expected",
    [
        ([1, 3, 5, -1, -3, -5], 0.5, 0, [0, 2, 2, 0, -2, -2]),
        ([1, 3, 5, -1, -3, -5], 0.5, 7, [7, 9, 9, 7, 5, 5]),
        ([1000, -1000, 127, 128, -128, -129], 1.0, 0, [127, -128, 127, 127, -128, -128]),
        ([0, 1, -1, 300, -300], 1.0, 100, [100, 101, 99, 127, -128]),
        ([2**31 - 1, -(2**31), 0], 1e20, -5, [127, -128, -5]),
        ([2**31 - 1, -(2**31)], 0.0, -5, [-5, -5]),
        # 16777217 has no float32; it is 16777216 there, an exact tie of 2^-25.
        ([2**24 + 1, 2**24 + 3], 2.0**-25, 0, [0, 1]),
    ],
)
def test_one_rounding_ties_to_even_then_saturation(acc, scale, zero, expected) -> None:
    found = reference.rescale(np.array(acc, np.int32), scale, None, zero, -128, 127)
    assert found.dtype == np.int8
    assert found.tolist() == expected


def test_negative_accumulators_have_their_own_scale_and_the_clamp_holds() -> None:
    acc = np.array([[-10, -10], [0, 0], [10, 60]], np.int32)
    found = reference.rescale(acc, np.float32([1, 1]), np.float32([0.5, -2]), 3, -1, 40)
    assert found.tolist() == [[-1, 23], [3, 3], [13, 40]]


def test_add_is_the_real_sum_within_its_one_rounding() -> None:
    build = Builder(3, (1, 1, 1))
    for scales in ((0.05, 0.05, 0.1), (0.001, 0.7, 0.5), (3.0, 0.02, 1.0), (1e-4, 40.0, 30.0)):
        a, b, y = (build.tensors[build.tensor((1, 1, 1), 0, scale)] for scale in scales)
        total, _ = sum_factors(a, b, y)
        grid = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))).astype(np.int32)
        real = (grid[0] * a.scale + grid[1] * b.scale) / y.scale
        found = reference.add(grid[0], grid[1], total, 0, -128, 127)
        assert np.abs(found - np.clip(real, -128, 127)).max() < 0.5 + 1e-3


def test_add_of_equal_scales_is_exact() -> None:
    a, b = np.meshgrid(np.arange(-20, 20, dtype=np.int32), np.arange(-20, 20, dtype=np.int32))
    found = reference.add(a, b, Sum(2**20, 2**20, 20), 0, -128, 127)
    assert np.array_equal(found, a + b)


def test_pools_by_hand() -> None:
    build = Builder(4, (2, 3, 1), zero=10)
    x = np.array([[[[10], [20], [40]], [[-5], [10], [11]]]], np.int8)
    top = build.pool("input", "max", (3, 3), pads=(1, 1, 1, 1), clamp=(-128, 30))
    found = reference.run(build.graph(top), x)
    assert found[0, :, :, 0].tolist() == [[20, 30, 30], [20, 30, 30]]
    mean = build.pool("input", "average", (2, 3), zero=-2)
    graph = build.graph(mean)
    (scale,) = (op.scale for op in graph.ops if op.output == mean)
    assert reference.run(graph, x).item() == np.rint(np.float32(26) * scale.item()) - 2


@pytest.mark.parametrize(
    "x", [np.zeros((1, 4, 5, 6), np.uint8), np.zeros((1, 5, 4, 6), np.int8)], ids=["dtype", "shape"]
)
def test_other_inputs_are_refused(x: np.ndarray) -> None:
    build = Builder(5, (4, 5, 6))
    with pytest.raises(ValueError, match=r"expected int8 \(N, 4, 5, 6\), .* got "):
        reference.run(build.graph(build.rescale("input")), x)


def test_only_needed_tensors_are_kept() -> None:
    build = Builder(6, (2, 2, 4))
    x = build.rescale("input")
    y = build.rescale(build.add(x, build.rescale(x)))
    graph = build.graph(y)
    samples = inputs(build.random, 2, graph.tensors["input"])
    assert reference.run_all(graph, [samples]).keys() == {y}
    everything = reference.run_all(graph, [samples], keep=True)
    assert everything.keys() == graph.tensors.keys()
    assert np.array_equal(everything[y], reference.run(graph, samples))
