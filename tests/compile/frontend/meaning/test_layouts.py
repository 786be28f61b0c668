"""Operators that move values: their real meaning at every rank, on stored and on float values."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from ...build_onnx import Qdq
from .judge import GUILTY, Make, agrees, either, guilty, map_of

LONG = np.int64


def ints(net: Qdq, *values: int) -> str:
    return net.constant(np.array(values, LONG))


def behind(net: Qdq, y: str, scale: float = 0.05, zero: int = -4) -> str:
    """A pair, then an operator that makes every value's place matter, whatever the rank."""
    return net.quantised(net.node("Sigmoid", net.quantised(y, scale, zero)), 1 / 256, -128)


# ---------------------------------------------------------------------------------------- Reshape


@pytest.mark.parametrize(
    "shape",
    [
        (1, 8, 4, 12), (1, 4, 12, 8), (1, 384), (0, -1), (1, 8, -1), (0, 0, -1), (1, 2, 4, 8, 6),
        (1, 1, 1, 384), (384,), (8, 48), (-1, 6), (1, 6, 8, 8), (1, 3, 2, 64), (1, 0, 48, 1),
        (2, 4, 8, 6, 1), (1, 1, 8, 8, 6),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("stored", [False, True], ids=["float", "stored"])
def test_reshape(shape: tuple[int, ...], stored: bool, tmp_path: Path) -> None:
    """(1, 8, 8, 6) seen otherwise, between the pairs or between Q and DQ."""

    def make(net: Qdq) -> str:
        if not stored:
            return behind(net, guilty(net, "Reshape", map_of(net), ints(net, *shape)))
        numbers = net.constant(np.float32(0.05)), net.constant(np.int8(-4))
        y = net.node("QuantizeLinear", net.conv(net.x, 8, 6, pads=[1, 1, 1, 1]), *numbers)
        y = guilty(net, "Reshape", y, ints(net, *shape))
        return behind(net, net.node("DequantizeLinear", y, *numbers))

    agrees(make, tmp_path, shape=(6, 8, 6))


@pytest.mark.parametrize("shape", [(1, 8, 4, 12), (1, 16, 8, 3), (1, 48, 8, 1)], ids=str)
def test_reshape_then_convolution(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Channels of the new shape are not those of the old one."""

    def make(net: Qdq) -> str:
        y = guilty(net, "Reshape", map_of(net), ints(net, *shape))
        y = net.node("Conv", y, net.weight((5, shape[1], 1, 1)))
        return net.quantised(y, 0.1, 3)

    agrees(make, tmp_path, shape=(6, 8, 6))


def test_reshape_with_allowzero(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        return behind(net, guilty(net, "Reshape", map_of(net), ints(net, 1, 8, -1), allowzero=1))

    agrees(make, tmp_path)


def test_reshape_by_a_computed_shape(tmp_path: Path) -> None:
    """Shape, Gather, Concat of a static map: what exporters write for x.view(x.size(0), -1)."""

    def make(net: Qdq) -> str:
        x = map_of(net)
        size = net.node("Gather", net.node("Shape", x), ints(net, 0), axis=0)
        shape = net.node("Concat", size, ints(net, -1), axis=0)
        return behind(net, guilty(net, "Reshape", x, shape))

    agrees(make, tmp_path)


# ---------------------------------------------------------- Flatten, Squeeze, Unsqueeze, Transpose


@pytest.mark.parametrize("axis", [0, 1, 2, 3, 4, -1, -2, -3])
def test_flatten(axis: int, tmp_path: Path) -> None:
    agrees(lambda net: behind(net, guilty(net, "Flatten", map_of(net), axis=axis)), tmp_path)


def test_flatten_of_the_axis_left_out(tmp_path: Path) -> None:
    agrees(lambda net: behind(net, guilty(net, "Flatten", map_of(net))), tmp_path)


@pytest.mark.parametrize("axes", [(0,), (2,), (-1, 2), (0, 2, 3), None], ids=str)
@pytest.mark.parametrize("opset", [13])
def test_squeeze(axes: tuple[int, ...] | None, opset: int, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = net.quantised(net.node("GlobalAveragePool", map_of(net)), 0.01, -4)
        more = [] if axes is None else [ints(net, *axes)]
        return behind(net, guilty(net, "Squeeze", y, *more), 0.01)

    agrees(make, tmp_path, opset=opset)


@pytest.mark.parametrize("axes", [(0,), (2,), (-1,), (1, 3)], ids=str)
def test_unsqueeze(axes: tuple[int, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = net.node("Reshape", map_of(net), ints(net, 8, 64))
        return behind(net, guilty(net, "Unsqueeze", y, ints(net, *axes)))

    agrees(make, tmp_path)


@pytest.mark.parametrize("axes", [[2, 3], [0, 2, 3]], ids=str)
def test_axes_as_attributes(axes: list[int], tmp_path: Path) -> None:
    """Before opset 13."""

    def make(net: Qdq) -> str:
        y = net.quantised(net.conv(net.x, 5, 6, 8, per_channel=False), 0.05, -4)
        y = guilty(net, "Squeeze", y, axes=axes)
        return behind(net, net.node("Unsqueeze", y, axes=axes))

    agrees(make, tmp_path, opset=11)


@pytest.mark.parametrize("perm", list(permutations(range(4))), ids=str)
def test_transpose(perm: tuple[int, ...], tmp_path: Path) -> None:
    make = lambda net: behind(net, guilty(net, "Transpose", map_of(net), perm=perm))  # noqa: E731
    agrees(make, tmp_path, shape=(6, 7, 9))


@pytest.mark.parametrize("perm", list(permutations(range(3))), ids=str)
def test_transpose_of_three_axes(perm: tuple[int, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = net.node("Reshape", map_of(net), ints(net, 4, 14, 9))
        return behind(net, guilty(net, "Transpose", y, perm=perm))

    agrees(make, tmp_path, shape=(6, 7, 9))


@pytest.mark.parametrize(
    "perm", [(0, 2, 1, 3, 4), (0, 4, 1, 3, 2), (4, 3, 2, 1, 0), (1, 0, 3, 4, 2)]
)
def test_transpose_of_five_axes(perm: tuple[int, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = net.node("Reshape", map_of(net), ints(net, 1, 2, 4, 7, 9))
        return behind(net, guilty(net, "Transpose", y, perm=perm))

    agrees(make, tmp_path, shape=(6, 7, 9))


def test_transpose_of_the_order_left_out(tmp_path: Path) -> None:
    agrees(lambda net: behind(net, guilty(net, "Transpose", map_of(net))), tmp_path)


def shuffled(net: Qdq) -> str:
    """Channel shuffle."""
    y = net.node("Reshape", map_of(net), ints(net, 1, 2, 4, 7, 9))
    y = net.node("Transpose", y, perm=[0, 2, 1, 3, 4])
    y = net.node("Reshape", y, ints(net, 1, 8, 7, 9))
    return net.quantised(net.conv(y, 5, 8, 1), 0.2, 3)


def sandwich(net: Qdq) -> str:
    """A convolution between Transposes, as files of channels last have it."""
    y = net.node("Transpose", map_of(net), perm=[0, 2, 3, 1])
    y = net.quantised(net.node("Relu", y), 0.05, -128)
    y = net.quantised(net.conv(net.node("Transpose", y, perm=[0, 3, 1, 2]), 5, 8, 1), 0.2, 3)
    return net.node("Transpose", y, perm=[0, 2, 3, 1])


@pytest.mark.parametrize("make", [shuffled, sandwich])
def test_moves_in_a_row(make: Make, tmp_path: Path) -> None:
    agrees(make, tmp_path, shape=(6, 7, 9))


# -------------------------------------------------------------------------------------- selections


def slice_of(starts: list, ends: list, axes: list | None = None, steps: list | None = None) -> Make:
    def make(net: Qdq) -> str:
        inputs = [ints(net, *starts), ints(net, *ends)]
        inputs += [] if axes is None else [ints(net, *axes)]
        inputs += [] if steps is None else [ints(net, *steps)]
        return behind(net, guilty(net, "Slice", map_of(net), *inputs))

    return make


LAST, FIRST = 2**63 - 1, -(2**63)
SLICES: dict[str, Make] = {
    "rows": slice_of([1], [5], [2]),
    "channels": slice_of([2], [7], [1]),
    "all axes": slice_of([0, 1, 2, 3], [1, 6, 7, 8]),
    "to the end": slice_of([1], [LAST], [3]),
    "negative ends": slice_of([-5], [-1], [-1]),
    "beyond the ends": slice_of([-100], [100], [2]),
    "steps": slice_of([1, 0], [LAST, LAST], [1, 2], [2, 3]),
    "backwards": slice_of([-1], [FIRST], [3], [-1]),
    "backwards by two": slice_of([6], [0], [2], [-2]),
    "backwards, all channels": slice_of([LAST], [-100], [1], [-1]),
    "focus": lambda net: net.quantised(net.conv(net.node("Concat", *(
        net.node("Slice", net.x, ints(net, a, b), ints(net, LAST, LAST), ints(net, 2, 3),
                 ints(net, 2, 2)) for a in (0, 1) for b in (0, 1)), axis=1), 5, 24), 0.3, 3),
}  # fmt: skip


@pytest.mark.parametrize("case", SLICES)
def test_slice(case: str, tmp_path: Path) -> None:
    agrees(SLICES[case], tmp_path, shape=(6, 8, 10))


def test_slice_with_attributes(tmp_path: Path) -> None:
    """Before opset 10; onnxruntime needs no more than that either."""

    def make(net: Qdq) -> str:
        y = net.quantised(net.conv(net.x, 5, 6, per_channel=False), 0.05, -4)
        y = guilty(net, "Slice", y, ints(net, 1), ints(net, 4), ints(net, 2))
        return behind(net, y)

    agrees(make, tmp_path, opset=10)


def test_an_empty_slice(tmp_path: Path) -> None:
    either(slice_of([3], [3], [2]), tmp_path, judged=False)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
@pytest.mark.parametrize("form", ["uneven", "even", "num_outputs"])
def test_split(axis: int, form: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> list[str]:
        inputs, more = [map_of(net)], {}
        if form == "uneven":
            inputs.append(ints(net, 3, 1, 4))
        elif form == "num_outputs":
            more = {"num_outputs": 3}
        first = guilty(net, "Split", *inputs, axis=axis, **more)
        names = [first, "second", "third"][: 2 if form == "even" else 3]
        net.nodes[-1].output[:] = names
        return [behind(net, name) for name in reversed(names)]

    agrees(make, tmp_path, opset=18 if form == "num_outputs" else 17)


def pad_of(
    pads: list, value: float | None = None, mode: str = "constant", axes: list | None = None
) -> Make:
    def make(net: Qdq) -> str:
        inputs = [map_of(net), ints(net, *pads)]
        if value is not None or axes is not None:
            inputs.append("" if value is None else net.constant(np.float32(value)))
        inputs += [] if axes is None else [ints(net, *axes)]
        return behind(net, guilty(net, "Pad", *inputs, mode=mode))

    return make


PADS: dict[str, Make] = {
    "zeros": pad_of([0, 0, 1, 2, 0, 0, 3, 0]),
    "channels": pad_of([0, 1, 0, 0, 0, 2, 0, 0]),
    "a value": pad_of([0, 0, 1, 1, 0, 0, 1, 1], 0.77),
    "a value beyond the range": pad_of([0, 0, 1, 1, 0, 0, 1, 1], 99.0),
    "negative": pad_of([0, 0, -1, 1, 0, 0, 0, -2]),
    "reflected": pad_of([0, 0, 2, 1, 0, 0, 1, 3], mode="reflect"),
    "edges": pad_of([0, 0, 2, 1, 0, 0, 1, 3], mode="edge"),
    "axes": pad_of([1, 2, 0, 3], axes=[2, 3]),
    "axes from the end": pad_of([1, 2, 0, 3], 0.5, axes=[-1, 1]),
    "nothing": pad_of([0] * 8),
}


@pytest.mark.parametrize("case", PADS)
def test_pad(case: str, tmp_path: Path) -> None:
    agrees(PADS[case], tmp_path, opset=18, shape=(6, 7, 9))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pad_with_what_is_no_number(value: float, tmp_path: Path) -> None:
    either(pad_of([0, 0, 1, 1, 0, 0, 1, 1], value), tmp_path)


def test_pad_then_convolution(tmp_path: Path) -> None:
    """A Pad that a convolution could take as its own, and one that it could not."""

    def make(net: Qdq) -> str:
        y = net.node("Pad", net.x, ints(net, 0, 0, 1, 1, 0, 0, 0, 0))
        y = net.quantised(net.conv(y, 6, 6, strides=[2, 2]), 0.2, 3)
        y = net.node("Pad", y, ints(net, 0, 0, 1, 1, 0, 0, 1, 1), net.constant(np.float32(1.0)))
        return net.quantised(net.conv(y, 5, 6), 0.3, 3)

    agrees(make, tmp_path)


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -3])
@pytest.mark.parametrize("scale", [0.05, 0.09])
def test_concat(axis: int, scale: float, tmp_path: Path) -> None:
    """Inputs of one quantisation and of several; one of them twice."""

    def make(net: Qdq) -> str:
        a, b = map_of(net), map_of(net, scale=scale)
        return behind(net, guilty(net, "Concat", a, b, a, axis=axis), 0.06)

    agrees(make, tmp_path, shape=(6, 7, 9))


def test_concat_of_rows(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = map_of(net)
        a = net.node("Flatten", y)
        b = net.node("Reshape", map_of(net, scale=0.03), ints(net, 1, -1))
        c = net.node("Flatten", net.node("Transpose", y, perm=[0, 2, 3, 1]))
        return behind(net, guilty(net, "Concat", a, b, c, axis=1))

    agrees(make, tmp_path)


def test_concat_of_a_constant(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        other = net.constant(net.random.normal(0, 1, (1, 2, 8, 8)).astype(np.float32))
        return behind(net, guilty(net, "Concat", map_of(net), other, axis=1))

    either(make, tmp_path)


@pytest.mark.parametrize("shape", [(1, 8, 7, 9), (7, 9), (3, 8, 7, 9)], ids=str)
def test_expand(shape: tuple[int, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        y = net.quantised(net.node("GlobalAveragePool", map_of(net)), 0.01, -4)
        return behind(net, guilty(net, "Expand", y, ints(net, *shape)), 0.01)

    either(make, tmp_path, shape=(6, 7, 9))


@pytest.mark.parametrize("repeats", [(1, 1, 2, 3), (1, 2, 1, 1)], ids=str)
def test_tile(repeats: tuple[int, ...], tmp_path: Path) -> None:
    either(lambda net: behind(net, guilty(net, "Tile", map_of(net), ints(net, *repeats))), tmp_path)


@pytest.mark.parametrize("indices", [[2], [3, 1, 1, 0], [-1, 0], 2, [[0, 1], [2, 3]]], ids=str)
@pytest.mark.parametrize("axis", [1, 2, 3, -2])
def test_gather(indices: object, axis: int, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        chosen = net.constant(np.array(indices, LONG))
        return behind(net, guilty(net, "Gather", map_of(net), chosen, axis=axis))

    either(make, tmp_path, shape=(6, 7, 9))


@pytest.mark.parametrize("kind, more", [
    ("DepthToSpace", {"mode": "DCR"}), ("DepthToSpace", {"mode": "CRD"}), ("DepthToSpace", {}),
    ("SpaceToDepth", {}),
], ids=str)  # fmt: skip
def test_depth_and_space(kind: str, more: dict, tmp_path: Path) -> None:
    make = lambda net: behind(net, guilty(net, kind, map_of(net), blocksize=2, **more))  # noqa: E731
    agrees(make, tmp_path, shape=(6, 6, 8))


# ------------------------------------------------------------------------------------ kinds of end


@pytest.mark.parametrize("axis", [1, 2, 3, -1, None])
@pytest.mark.parametrize("opset", [13, 17])
def test_softmax(axis: int | None, opset: int, tmp_path: Path) -> None:
    more = {} if axis is None else {"axis": axis}

    def make(net: Qdq) -> str:
        return net.quantised(guilty(net, "Softmax", map_of(net), **more), 1 / 256, -128)

    agrees(make, tmp_path, opset=opset, shape=(6, 7, 9))


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_softmax_of_old_opsets(axis: int, tmp_path: Path) -> None:
    """Before opset 13 all axes from the given one on are one."""

    def make(net: Qdq) -> str:
        y = net.quantised(net.conv(net.x, 8, 6, per_channel=False), 0.05, -4)
        return net.quantised(guilty(net, "Softmax", y, axis=axis), 1 / 256, -128)

    agrees(make, tmp_path, opset=11)


@pytest.mark.parametrize("kind", ["LogSoftmax", "Hardmax", "ArgMax", "TopK", "NonZero"])
def test_what_gives_no_quantised_map(kind: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        more = [ints(net, 2)] if kind == "TopK" else []
        y = guilty(net, kind, map_of(net), *more, **({} if kind == "NonZero" else {"axis": 1}))
        if kind == "TopK":
            net.nodes[-1].output.append("places")
        if kind in ("ArgMax", "NonZero"):
            return net.node("Cast", y, to=1, name=f"{GUILTY} cast")
        return net.quantised(y, 0.05, 3)

    either(make, tmp_path)
