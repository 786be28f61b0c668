"""The convolutional networks of MLPerf Tiny with random weights, and two quantisers of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from pocketvision.training.quantize import calibrate, qdq
from pocketvision.training.quantize.factors import fixed
from pocketvision.training.quantize.fold import fold

PICTURES = 4


class Net:
    """A float network of input ``x`` (1, C, H, W), batch norms folded: channels differ in range."""

    def __init__(self, shape: tuple[int, int, int], seed: int = 3) -> None:
        self.random = np.random.default_rng(seed)
        self.shape = shape
        self.channels = {"x": shape[0]}
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, shape: tuple[int, ...], inputs: int, gain: float) -> str:
        spread = np.exp(self.random.normal(0, 0.5, (shape[0], *[1] * (len(shape) - 1))))
        values = self.random.normal(0, np.sqrt(gain / inputs), shape) * spread
        return self.constant(values)

    def constant(self, values: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def node(self, kind: str, *inputs: str, channels: int = 0, **attributes: object) -> str:
        output = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        self.channels[output] = channels or self.channels[inputs[0]]
        return output

    def conv(
        self, x: str, outputs: int, kernel: tuple[int, int], stride: int = 1, group: int = 1,
        relu: bool = True,
    ) -> str:  # fmt: skip
        """With SAME padding as TensorFlow has it."""
        inputs = self.channels[x] // group
        weight = self.weight((outputs, inputs, *kernel), inputs * kernel[0] * kernel[1], 1 + relu)
        bias = self.constant(self.random.normal(0, 0.1, outputs))
        padding = [max(size - stride, 0) for size in kernel]
        before = [size // 2 for size in padding]
        pads = before + [size - half for size, half in zip(padding, before, strict=True)]
        y = self.node(
            "Conv", x, weight, bias, channels=outputs, kernel_shape=list(kernel),
            strides=[stride, stride], group=group, pads=pads,
        )  # fmt: skip
        return self.node("Relu", y) if relu else y

    def separable(self, x: str, outputs: int, stride: int = 1) -> str:
        x = self.conv(x, self.channels[x], (3, 3), stride, group=self.channels[x])
        return self.conv(x, outputs, (1, 1))

    def model(self, x: str, classes: int) -> onnx.ModelProto:
        """Ends in the mean over all pixels and a dense layer; the softmax is left out."""
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        inputs = self.channels[x]
        weight, bias = self.weight((classes, inputs), inputs, 1), self.constant(np.zeros(classes))
        y = self.node("Gemm", x, weight, bias, transB=1)
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("x", [1, *self.shape]), (y, [1, classes]))
        ]
        graph = helper.make_graph(self.nodes, "tiny", ends[:1], ends[1:], self.weights)
        opset = [helper.make_opsetid("", 17)]
        return onnx.shape_inference.infer_shapes(
            helper.make_model(graph, opset_imports=opset, ir_version=8)
        )


def vww() -> onnx.ModelProto:
    """Visual wake words: MobileNetV1 of a quarter width."""
    net = Net((3, 96, 96))
    x = net.conv("x", 8, (3, 3), 2)
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2)]
    for outputs, stride in (*blocks, (256, 1)):
        x = net.separable(x, outputs, stride)
    return net.model(x, 2)


def resnet8() -> onnx.ModelProto:
    """Image classification: three residual blocks."""
    net = Net((3, 32, 32))
    x = net.conv("x", 16, (3, 3))
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        y = net.conv(x, outputs, (3, 3), stride)
        y = net.conv(y, outputs, (3, 3), relu=False)
        beside = net.conv(x, outputs, (1, 1), stride, relu=False) if stride > 1 else x
        x = net.node("Relu", net.node("Add", y, beside))
    return net.model(x, 10)


def kws() -> onnx.ModelProto:
    """Keyword spotting: DS-CNN on a spectrogram."""
    net = Net((1, 49, 10))
    x = net.conv("x", 64, (10, 4), 2)
    for _ in range(4):
        x = net.separable(x, 64)
    return net.model(x, 12)


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {"vww": vww, "resnet8": resnet8, "kws": kws}


def pictures(model: onnx.ModelProto) -> np.ndarray:
    """float32 (N, C, H, W) in [-1, 1] to calibrate with."""
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    drawn = np.random.default_rng(1).normal(0, 0.5, (PICTURES, *shape[1:]))
    return drawn.clip(-1, 1).astype(np.float32)


class Pictures(CalibrationDataReader):
    """What onnxruntime asks for."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.left: Iterator[np.ndarray] = iter(pictures(model))

    def get_next(self) -> dict[str, np.ndarray] | None:
        picture = next(self.left, None)
        return None if picture is None else {"x": picture[None]}


def by_onnxruntime(model: onnx.ModelProto, path: Path, symmetric: bool) -> Path:
    """Writes onnxruntime's int8 QDQ file."""
    floating = path.with_suffix(".float.onnx")
    onnx.save(model, floating)
    quantize_static(
        floating, path, Pictures(model), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
        extra_options={"ActivationSymmetric": symmetric},
    )  # fmt: skip
    return path


def by_ourselves(model: onnx.ModelProto, path: Path) -> Path:
    """Writes our quantiser's file, of the same ranges."""
    folded = fold(model)
    samples = [{folded.graph.input[0].name: picture[None]} for picture in pictures(model)]
    ranges = calibrate.ranges(calibrate.histograms(folded, samples), "minmax")
    onnx.save(fixed.exact(qdq.quantize(folded, calibrate.share(folded, ranges))), path)
    return path
