"""What the compiler would refuse is refused before anything is measured, by node and remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from pocketvision.training.quantize import calibrate, quantize_model, run

from .tiny import draws, network, quantised

node = helper.make_node


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    def histograms(*_: object, **__: object) -> None:
        raise AssertionError("calibrated")

    monkeypatch.setattr(calibrate, "histograms", histograms)


def samples() -> Iterator[dict[str, np.ndarray]]:
    yield {"x": np.zeros((1, 4, 8, 8), np.float32)}
    raise AssertionError("took a second sample")


def refused(tmp_path: Path, nodes: list, error: str, weights: dict | None = None) -> None:
    model = network(nodes, {"x": [1, 4, 8, 8]}, {"y": None}, weights)
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(ValueError, match=error):
        quantize_model(tmp_path / "net.onnx", samples, tmp_path / "o.onnx", count=8)
    assert not (tmp_path / "o.onnx").exists()


def test_operators_that_are_not_known(tmp_path: Path) -> None:
    nodes = [
        node("LpNormalization", ["x"], ["a"], "norm"),
        node("Relu", ["a"], ["r"]),
        node("Det", ["r"], ["y"]),
    ]
    refused(
        tmp_path,
        nodes,
        r"net\.onnx: the compiler does not know the operator at node norm \(LpNormalization\), "
        r"y \(Det\); supported: .*Conv.*nothing was calibrated",
    )


def test_shapes_that_the_importer_has_no_rule_for(tmp_path: Path) -> None:
    wide = node("Resize", ["x", "", "sizes"], ["y"], "wide", mode="cubic")
    sizes = {"sizes": np.array([1, 1, 2, 2], np.float32)}
    told = r"net\.onnx: none of .*wide \(Resize\).*nothing was calibrated"
    refused(tmp_path, [wide], told, sizes)
    product = node("MatMul", ["c", "x"], ["y"], "product")
    told = r"net\.onnx: node 'product'.*is a constant.*nothing was calibrated"
    refused(tmp_path, [product], told, {"c": draws(1, 8, 8)})


def test_a_network_that_onnxruntime_does_not_run(tmp_path: Path) -> None:
    model = network([node("Relu", ["x"], ["y"])], {"x": [1, 4]}, {"y": [1, 4]}, opset=9)
    model.opset_import[0].version = 5
    with pytest.raises(ValueError, match="of opset 5, expected 7 or later"):
        quantised(model, tmp_path, draws(1, 40, 4))


def test_a_fold_that_changes_the_function_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: onnx.ModelProto) -> onnx.ModelProto:
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        copy.graph.node[0].op_type = "Neg"
        return copy

    monkeypatch.setattr(run, "fold", wrong)
    model = network([node("Abs", ["x"], ["y"])], {"x": [1, 4]}, {"y": [1, 4]})
    with pytest.raises(ValueError, match="output 'y' changes by .* when the network is folded"):
        quantised(model, tmp_path, draws(1, 40, 4))
