"""exp and log of float32 in integers: near the functions, and right beyond what they hold."""

from __future__ import annotations

import numpy as np

from pocketvision.compile.arithmetic import curves


def test_curves_are_near_the_functions() -> None:
    x = np.random.default_rng(0).uniform(-87, 88, 100_000).astype(np.float32)
    wanted = np.exp(x.astype(np.float64))
    assert (np.abs(curves.exp(x) - wanted) / wanted).max() < 1e-5  # of x, rounded to float32
    small = (x / 100).astype(np.float32)
    assert np.abs(curves.exp(small) / np.exp(small.astype(np.float64)) - 1).max() < 4e-7
    values = np.exp2(np.random.default_rng(1).uniform(-126, 127, 100_000)).astype(np.float32)
    wanted = np.log(values.astype(np.float64))
    assert (np.abs(curves.log(values) - wanted) / np.maximum(np.abs(wanted), 1)).max() < 3e-7


def test_curves_of_what_is_beyond() -> None:
    x = np.float32([-np.inf, -200, -0.0, 0, 200, np.inf])
    assert curves.exp(x).tolist() == [0, 0, 1, 1, np.inf, np.inf]
    x = np.float32([0, -0.0, 1e-45, 1, np.inf])
    assert curves.log(x).tolist() == [-np.inf, -np.inf, -np.inf, 0, np.inf]
    none = np.float32([np.nan])
    assert np.isnan(
        [curves.exp(none)[0], curves.log(none)[0], curves.log(-np.ones(1, "f"))[0]]
    ).all()
