"""What a file leaves in float32: functions, layers of float weights, broadcasts, linear resizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from pocketvision.compile.frontend.load import load

from ...build_onnx import Qdq
from .judge import Make, agrees, guilty, refused, written


def wide(net: Qdq) -> str:
    """A float32 map, about from -8 to 8: a convolution that no QuantizeLinear follows."""
    return net.conv(net.x, 6, 6, pads=[1, 1, 1, 1])


def of_wide(kind: str, *more: object, **attributes: object) -> Make:
    """An operator on a float32 map; ``more`` are constants behind it. Its result is float32 too."""
    return lambda net: guilty(
        net, kind, wide(net), *(net.constant(np.asarray(v)) for v in more), **attributes
    )


FUNCTIONS = {
    **{kind: of_wide(kind) for kind in (
        "Exp", "Neg", "Sigmoid", "Tanh", "Softplus", "Softsign", "Mish", "HardSigmoid",
        "HardSwish", "Elu", "Celu", "Selu", "Erf", "Ceil", "Floor", "Round", "Sign",
        "ThresholdedRelu",
    )},
    "Gelu": of_wide("Gelu"),
    "Gelu by tanh": of_wide("Gelu", approximate="tanh"),
    "Celu of another slope": of_wide("Celu", alpha=0.4),
    "Elu of another slope": of_wide("Elu", alpha=2.5),
    "Selu of other numbers": of_wide("Selu", alpha=1.1, gamma=0.7),
    "HardSigmoid of other numbers": of_wide("HardSigmoid", alpha=0.3, beta=0.4),
    "ThresholdedRelu of another number": of_wide("ThresholdedRelu", alpha=-0.7),
    "Pow 2": of_wide("Pow", np.float32(2)),
    "Pow 3": of_wide("Pow", np.float32(3)),
    "Pow 1": of_wide("Pow", np.float32(1)),
}  # fmt: skip


@pytest.mark.parametrize("case", FUNCTIONS)
def test_function(case: str, tmp_path: Path) -> None:
    opset = {"Gelu": 20, "Mish": 18}.get(case.split()[0], 17)
    agrees(FUNCTIONS[case], tmp_path, opset=opset)


@pytest.mark.parametrize("kind", ["Tanh", "Erf", "Elu", "Selu", "Gelu", "Softsign", "Mish"])
def test_function_of_small_values(kind: str, tmp_path: Path) -> None:
    """A hundredth of the usual ones: results are exact as parts of themselves."""

    def make(net: Qdq) -> str:
        return guilty(net, kind, net.node("Mul", wide(net), net.constant(np.float32(0.003))))

    agrees(make, tmp_path, opset=20)


@pytest.mark.parametrize("kind", ["Softplus", "Sigmoid", "Exp"])
def test_function_of_large_negative_values(kind: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        return guilty(net, kind, net.node("Sub", wide(net), net.constant(np.float32(30))))

    agrees(make, tmp_path)


@pytest.mark.parametrize("kind", ["Log", "Reciprocal", "Sqrt"])
def test_function_of_positive_values(kind: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        positive = net.node("Add", net.node("Abs", wide(net)), net.constant(np.float32(0.3)))
        return guilty(net, kind, positive)

    agrees(make, tmp_path)


def test_a_function_between_quantisations_far_from_each_other(tmp_path: Path) -> None:
    """A convolution's result goes into HardSwish as it is, and is quantised behind it."""
    agrees(lambda net: net.quantised(guilty(net, "HardSwish", wide(net)), 0.03, -120), tmp_path)


def test_power_of_another_exponent_is_refused(tmp_path: Path) -> None:
    refused(of_wide("Pow", np.float32(1.7)), tmp_path, "exponent", "guilty")


# ------------------------------------------------------------------------------------------ layers


def layer(kind: str, weight: tuple[int, ...], bias: int = 0, **attributes: object) -> Make:
    """A layer whose weights are float32, on an int8 map."""

    def make(net: Qdq) -> str:
        values = [net.random.normal(0, 0.3, weight), net.random.normal(0, 1, bias)]
        names = [net.constant(v.astype(np.float32)) for v in values[: 2 if bias else 1]]
        return guilty(net, kind, net.x, *names, **attributes)

    return make


LAYERS = {
    "Conv": layer("Conv", (5, 6, 3, 3), pads=[1, 1, 1, 1]),
    "Conv with bias": layer("Conv", (5, 6, 3, 2), 5, strides=[2, 1], pads=[1, 0, 2, 1]),
    "Conv, dilated": layer("Conv", (5, 6, 3, 3), dilations=[2, 1]),
    "Conv, depthwise": layer("Conv", (6, 1, 3, 3), 6, group=6),
    "Conv, grouped": layer("Conv", (4, 3, 3, 3), 4, group=2),
    "ConvTranspose": layer("ConvTranspose", (6, 4, 3, 3), 4, strides=[2, 2], pads=[1, 1, 0, 0]),
    "MatMul": layer("MatMul", (8, 5)),
}


@pytest.mark.parametrize("case", LAYERS)
def test_layer_of_float_weights(case: str, tmp_path: Path) -> None:
    agrees(LAYERS[case], tmp_path)


@pytest.mark.parametrize("case", LAYERS)
def test_layer_of_float_weights_that_is_quantised(case: str, tmp_path: Path) -> None:
    agrees(lambda net: net.quantised(LAYERS[case](net), 0.07, 5), tmp_path)


def test_layer_of_stored_weights_on_float_values(tmp_path: Path) -> None:
    agrees(lambda net: net.conv(net.node("Tanh", wide(net)), 4, 6, name="guilty"), tmp_path)


def test_gemm_of_float_weights(tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        weight, bias = net.random.normal(0, 0.1, (5, 384)), net.random.normal(0, 1, 5)
        names = [net.constant(v.astype(np.float32)) for v in (weight, bias)]
        flat = net.node("Flatten", net.x)
        return guilty(net, "Gemm", flat, *names, transB=1, alpha=0.5, beta=-2.0)

    agrees(make, tmp_path)


def test_a_layer_in_float32_is_noted(tmp_path: Path) -> None:
    graph = load(written(LAYERS["Conv"], tmp_path, (6, 8, 8), 17, np.int8, 3))
    assert any("guilty" in note and "slow" in note for note in graph.notes)


def test_a_bias_that_accumulators_would_lose(tmp_path: Path) -> None:
    """Their step is 300 of the result's, so half of it would be 150 steps off."""

    def make(net: Qdq) -> str:
        weight = net.weight((5, 6, 3, 3), typical=6.0)
        bias = net.constant(net.random.normal(0, 0.1, 5).astype(np.float32))
        return net.quantised(guilty(net, "Conv", net.x, weight, bias), 0.001, 3)

    agrees(make, tmp_path)
    graph = load(tmp_path / "case.onnx")
    assert any("guilty" in note and "accumulators" in note for note in graph.notes)


# ------------------------------------------------------------------------------------------- ends


@pytest.mark.parametrize("before", [[], ["Relu"], ["Relu", "Identity", "Relu"]], ids=str)
def test_an_input_that_leaves_as_it_is_and_is_quantised(before: list[str], tmp_path: Path) -> None:
    """Each half of it is read otherwise."""

    def make(net: Qdq) -> list[str]:
        net.nodes, x = [], "x"
        for kind in before:
            x = net.node(kind, x)
        halves = ["first half", "second half"]
        sizes = net.constant(np.array([2, 4], np.int64))
        net.nodes.append(helper.make_node("Split", [x, sizes], halves, "guilty", axis=1))
        return [halves[0], net.conv(net.quantised(halves[1]), 5, 4)]

    agrees(make, tmp_path)


@pytest.mark.parametrize("kind", ["Relu", "Clip"])
@pytest.mark.parametrize("moved", [False, True])
def test_an_activation_before_an_input_s_quantisation(
    kind: str, moved: bool, tmp_path: Path
) -> None:
    """The stored input holds what the activation cuts off."""

    def make(net: Qdq) -> str:
        bounds = [np.float32(-0.5), np.float32(1)] if kind == "Clip" else []
        net.nodes = []
        y = guilty(net, kind, "x", *map(net.constant, bounds))
        if moved:
            y = net.node("Transpose", y, perm=[0, 2, 1, 3])
        return net.quantised(y, 0.05, 3)

    agrees(make, tmp_path)


# -------------------------------------------------------------------------------------- broadcasts


@pytest.mark.parametrize("shape", [(8,), (8, 1), (6, 1, 8), (6, 8, 8)])
def test_slopes_along_any_axis(shape: tuple[int, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        slopes = net.constant(net.random.uniform(-1, 2, shape).astype(np.float32))
        return guilty(net, "PRelu", wide(net), slopes)

    agrees(make, tmp_path)


@pytest.mark.parametrize(
    "shape",
    [(), (8,), (8, 1), (6, 1, 1), (1, 6, 8, 1), (1, 1, 8, 8), (1, 6, 1, 8), (2, 1, 6, 8, 8)],
)
@pytest.mark.parametrize("kind", ["Add", "Mul", "Max"])
def test_broadcast(shape: tuple[int, ...], kind: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        other = net.constant(net.random.normal(0, 2, shape).astype(np.float32))
        return guilty(net, kind, wide(net), other)

    agrees(make, tmp_path)


@pytest.mark.parametrize("axes", [[1], [2], [3], [1, 2], [2, 3], [1, 3]])
def test_two_maps_that_repeat_along_different_axes(axes: list[int], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        x = wide(net)
        one = net.node("ReduceMax", x, axes=axes)
        other = net.node("ReduceMean", x, axes=[a for a in (1, 2, 3) if a not in axes])
        return guilty(net, "Sub", one, other)

    agrees(make, tmp_path)


@pytest.mark.parametrize("kind", ["Max", "Min"])
def test_more_than_two_operands(kind: str, tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        x = wide(net)
        half = net.node("Mul", x, net.constant(np.float32(0.5)))
        return guilty(net, kind, x, half, net.constant(np.float32(0.2)))

    agrees(make, tmp_path)


# ----------------------------------------------------------------------------------------- resizes


@pytest.mark.parametrize("mode", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("scales", [(1, 1, 2, 2), (1, 1, 0.5, 3)])
def test_linear_resize(mode: str, scales: tuple[float, ...], tmp_path: Path) -> None:
    def make(net: Qdq) -> str:
        factors = net.constant(np.float32(scales))
        return guilty(
            net, "Resize", wide(net), "", factors, mode="linear",
            coordinate_transformation_mode=mode,
        )  # fmt: skip

    agrees(make, tmp_path)
