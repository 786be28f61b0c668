"""Weight scales moved by their last bits: every channel gets a fixed-point factor."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import torch

from pocketvision.compile.arithmetic import file_rule, fixedpoint, scales
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Conv
from pocketvision.training.export import export, export_shape
from pocketvision.training.quantize import calibrate, qdq
from pocketvision.training.quantize.factors import fixed
from pocketvision.training.quantize.fold import fold
from pocketvision.training.quantize.graph import Graph


def missing(model: onnx.ModelProto) -> int:
    """Channels of all layers without a factor."""
    graph = Graph.open(model)
    layers = [fixed.layer_of(graph, n) for n in graph.nodes if n.op_type in fixed.LAYERS]
    return sum(int((found.factors() < 0).sum()) for found in layers if found is not None)


def test_all_channels_have_factors_and_the_scales_hardly_move(tmp_path) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 96, 3, bias=False),
        torch.nn.ReLU(),
        torch.nn.Conv2d(96, 96, 3, groups=96),
        torch.nn.Conv2d(96, 64, 1),
        torch.nn.Flatten(1),
        torch.nn.Linear(64 * 16, 40),
    )
    floating = fold(onnx.load(export(network, tmp_path / "n.onnx", size=8)))
    draws = np.random.default_rng(0).standard_normal((4, 1, 3, 8, 8)).astype(np.float32)
    noise = [{"input": draw} for draw in draws]
    ranges = calibrate.ranges(calibrate.histograms(floating, noise), "minmax")
    before = qdq.quantize(floating, calibrate.share(floating, ranges))
    after = fixed.exact(before)
    assert missing(before) > 0
    assert missing(after) == 0
    old, new = (Graph.open(model).weights for model in (before, after))
    assert old.keys() == new.keys()
    for name, values in old.items():
        if values.dtype == np.float32:
            assert np.abs(new[name] / values - 1).max() < 1e-4, name
        else:
            assert np.array_equal(new[name], values), name
    assert sum((new[n] != v).sum() for n, v in old.items()) < 200  # of 544 scales


def test_matrix_products_of_rows_have_factors_too(tmp_path) -> None:
    """Their biases are in an Add of float32 behind them; what the compiler makes of it counts."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(32, 96), torch.nn.ReLU(), torch.nn.Linear(96, 64, bias=False)
    )
    path = export_shape(network, (6, 32), tmp_path / "n.onnx", ("rows", "found"))
    floating = fold(onnx.load(path))
    draws = np.random.default_rng(0).standard_normal((4, 1, 6, 32)).astype(np.float32)
    found = calibrate.histograms(floating, [{"rows": draw} for draw in draws])
    ranges = calibrate.share(floating, calibrate.ranges(found, "minmax"))
    before = qdq.quantize(floating, ranges)
    after = fixed.exact(before)
    assert missing(before) > 0
    onnx.save(after, tmp_path / "int8.onnx")
    layers = [op for op in load(tmp_path / "int8.onnx").ops if isinstance(op, Conv)]
    assert [len(layer.weight) for layer in layers] == [96, 64]
    tensors = load(tmp_path / "int8.onnx").tensors
    for layer in layers:
        zero = tensors[layer.output].zero_point
        reach = scales.reach(layer.weight, layer.bias)
        assert (fixedpoint.factors(layer.scale, reach, -128 - zero, 127 - zero) >= 0).all()


def test_a_scale_that_can_have_none_stays(tmp_path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Flatten(1))
    floating = fold(onnx.load(export(network, tmp_path / "n.onnx", size=2)))
    names = [floating.graph.input[0].name, *(o for n in floating.graph.node for o in n.output)]
    # The output's range is so narrow that an accumulator is worth more than half a step.
    ranges = {name: (-128 * 1e-5, 127 * 1e-5) for name in names}
    ranges[names[0]] = (-128.0, 127.0)
    before = qdq.quantize(floating, ranges)
    after = fixed.exact(before)
    assert missing(after) == missing(before) == 4
    assert before == after


def test_factors_are_those_of_the_rule() -> None:
    found = fixed.Layer(
        weight=np.full((2, 3, 1, 1), 100, np.int8),
        bias=np.array([5, -5], np.int32),
        into=np.float32(1 / 64),
        out=np.float32(1 / 2),
        zero_point=-3,
        scales=np.float32([1 / 16, 1 / 32]),
    )
    reach = np.full(2, 255 * 300 + 5)
    whole = np.float32([1 / 512, 1 / 1024])
    assert np.array_equal(found.factors(), fixedpoint.factors(whole, reach, -125, 130))


def summed(scales: tuple[float, float, float], shared: bool = False) -> onnx.ModelProto:
    """x + x of two scales; ``shared``: both operands have the result's scale in common with it."""
    nodes, weights = [], [onnx.numpy_helper.from_array(np.array(0, np.int8), "zero")]
    for name, scale in zip("aby", scales, strict=True):
        weights.append(onnx.numpy_helper.from_array(np.array(scale, np.float32), f"s{name}"))

    def pair(source: str, name: str, scale: str) -> None:
        given = [scale, "zero"]
        nodes.append(onnx.helper.make_node("QuantizeLinear", [source, *given], [f"{name}_q"]))
        nodes.append(onnx.helper.make_node("DequantizeLinear", [f"{name}_q", *given], [name]))

    pair("x", "a", "sy" if shared else "sa")
    pair("x", "b", "sy" if shared else "sb")
    nodes.append(onnx.helper.make_node("Add", ["a", "b"], ["sum"], "sum"))
    pair("sum", "y", "sy")
    value = onnx.helper.make_tensor_value_info
    ends = ([value(name, onnx.TensorProto.FLOAT, [1, 65536])] for name in "xy")
    graph = onnx.helper.make_graph(nodes, "sums", *ends, weights)
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8
    )


def of_pairs(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same sum with an input for each operand, so that all 65,536 pairs can be given."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.node[2].input[0] = "z"
    value = onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [1, 65536])
    copy.graph.input.append(value)
    return copy


def results(model: onnx.ModelProto, optimise: bool) -> np.ndarray:
    """onnxruntime's sums of all pairs of stored operands, in float32 and fused."""
    scales = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    stored = np.arange(-128, 128, dtype=np.float32)
    first, second = (v.ravel() for v in np.meshgrid(stored, stored, indexing="ij"))
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        of_pairs(model).SerializeToString(), options, ["CPUExecutionProvider"]
    )
    given = {"x": first[None] * scales["sa"], "z": second[None] * scales["sb"]}
    return np.rint(session.run(None, given)[0] / scales["sy"]).ravel()


def test_sums_are_the_same_fused_and_in_float32_and_as_integers() -> None:
    random, other = np.random.default_rng(5), 0
    for _ in range(12):
        scales = tuple(np.float32(random.uniform(0.01, 0.05, 3)).tolist())
        before, after = summed(scales), fixed.exact(summed(scales))
        other += (results(before, True) != results(before, False)).any()
        np.testing.assert_array_equal(results(after, True), results(after, False))
        weights = Graph.open(after).weights
        assert weights["sy"] == np.float32(scales[2]), "others may share the result's scale"
        for name, scale in zip(("sa", "sb"), scales, strict=False):
            assert abs(weights[name] / scale - 1) < 1e-4
        tensors = (fixed._tensor(Graph.open(after), [n, f"s{n}", "zero"]) for n in "aby")
        assert file_rule.sum_factors(*tensors)[1] == 0
    assert other >= 2, "the draws hold no sum that is rounded either way"


def test_scales_that_others_have_too_stay() -> None:
    for scale in np.float32(np.random.default_rng(5).uniform(0.01, 0.05, 8)):
        model = summed((scale, scale, scale), shared=True)
        assert Graph.open(fixed.exact(model)).weights["sy"] == scale
