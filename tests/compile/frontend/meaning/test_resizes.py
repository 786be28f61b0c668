"""Resize: neighbours and lines, every way to place coordinates, sizes and scales."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import Make, agrees, either, guilty, map_of

PLACES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
ROUNDS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def resize(
    scales: tuple | None = None, sizes: tuple | None = None, own: bool = True, **more: object
) -> Make:
    """A map resized; ``own``: with the quantisation that it had."""

    def make(net: Qdq) -> str:
        inputs = [map_of(net), ""]
        inputs.append("" if scales is None else net.constant(np.array(scales, np.float32)))
        inputs += [] if sizes is None else [net.constant(np.array(sizes, np.int64))]
        y = guilty(net, "Resize", *inputs, **more)
        return net.quantised(y, *((0.05, -4) if own else (0.04, 9)))

    return make


@pytest.mark.parametrize("place, rounded", product(PLACES, ROUNDS))
@pytest.mark.parametrize("scale", [2.0, 1.5, 3.0])
def test_nearest(place: str, rounded: str, scale: float, tmp_path: Path) -> None:
    make = resize(
        (1, 1, scale, scale), mode="nearest", coordinate_transformation_mode=place,
        nearest_mode=rounded,
    )  # fmt: skip
    agrees(make, tmp_path, shape=(6, 6, 8))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scale", [2.0, 1.5, 4.0])
@pytest.mark.parametrize("own", [True, False])
def test_linear(place: str, scale: float, own: bool, tmp_path: Path) -> None:
    make = resize(
        (1, 1, scale, scale), own=own, mode="linear", coordinate_transformation_mode=place
    )
    agrees(make, tmp_path, shape=(6, 6, 8))


AGREE: dict[str, Make] = {
    "sizes": resize(sizes=(1, 8, 15, 9), mode="nearest"),
    "sizes, linear": resize(sizes=(1, 8, 13, 17), mode="linear"),
    "one axis": resize((1, 1, 1, 2.0), mode="linear"),
    "smaller": resize((1, 1, 0.5, 0.5), mode="nearest"),
    "as it is": resize((1, 1, 1, 1), mode="nearest"),
    "all left out": resize((1, 1, 2, 2)),
}
EITHER: dict[str, Make] = {
    "smaller, linear": resize((1, 1, 0.5, 0.5), mode="linear"),
    "cubic": resize((1, 1, 2, 2), mode="cubic"),
    "cubic, other": resize((1, 1, 2, 2), mode="cubic", cubic_coeff_a=-0.5),
    "antialias": resize((1, 1, 0.5, 0.5), mode="linear", antialias=1),
    "exclude_outside": resize((1, 1, 2, 2), mode="cubic", exclude_outside=1),
    "axes": resize((2, 2), mode="nearest", axes=[2, 3]),
    "axes, linear": resize((2.0, 3.0), mode="linear", axes=[3, 2]),
    "axes and sizes": resize(sizes=(12, 20), mode="nearest", axes=[2, 3]),
    "not_larger": resize(
        sizes=(12, 20), mode="nearest", axes=[2, 3], keep_aspect_ratio_policy="not_larger"
    ),
    "not_smaller": resize(
        sizes=(12, 20), mode="linear", axes=[2, 3], keep_aspect_ratio_policy="not_smaller"
    ),
    "symmetric": resize(
        (1, 1, 1.6, 1.6), mode="linear", coordinate_transformation_mode="half_pixel_symmetric"
    ),
    "channels": resize((1, 2, 1, 1), mode="nearest"),
    "channels, linear": resize((1, 2, 2, 2), mode="linear"),
}


@pytest.mark.parametrize("case", AGREE)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_resize(case: str, dtype: type, tmp_path: Path) -> None:
    agrees(AGREE[case], tmp_path, dtype=dtype, shape=(6, 6, 8))


@pytest.mark.parametrize("case", EITHER)
def test_rarer_resize(case: str, tmp_path: Path) -> None:
    either(EITHER[case], tmp_path, opset=19, shape=(6, 6, 8), judged=False)


def crop_and_resize(net: Qdq) -> str:
    roi = net.constant(np.float32([0, 0, 0.2, 0.2, 1, 1, 0.8, 0.8]))
    sizes = net.constant(np.array([1, 8, 6, 6], np.int64))
    y = guilty(
        net, "Resize", map_of(net), roi, "", sizes, mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
    )  # fmt: skip
    return net.quantised(y, 0.05, -4)


def test_crop_and_resize(tmp_path: Path) -> None:
    either(crop_and_resize, tmp_path)


def old(net: Qdq) -> str:
    """Resize of opset 10: its second input are the scales, and it is asymmetric."""
    y = net.quantised(net.conv(net.x, 5, 6, per_channel=False), 0.05, -4)
    scales = net.constant(np.float32([1, 1, 2, 2]))
    return net.quantised(guilty(net, "Resize", y, scales, mode="nearest"), 0.05, -4)


def test_resize_of_opset_10(tmp_path: Path) -> None:
    agrees(old, tmp_path, opset=10)
