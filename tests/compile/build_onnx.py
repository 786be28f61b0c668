"""Small ONNX files in QDQ form, and onnxruntime as the judge of what they mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from pocketvision.compile.graph import Graph


class Qdq:
    """A network with one input (1, C, H, W), quantised at once; methods return value names."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: type = np.int8,
        *,
        scale: float = 0.05,
        zero: int = 3,
        seed: int = 0,
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.dtype = dtype
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *shape])]
        self.x = self.quantised("x", scale, zero)

    def more_input(self, name: str, shape: tuple[int, ...], scale: float, zero: int) -> str:
        """Another input (1, C, H, W), quantised at once."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *shape]))
        return self.quantised(name, scale, zero)

    def fresh(self, hint: str) -> str:
        return f"{hint}_{len(self.nodes)}_{len(self.constants)}"

    def constant(self, values: np.ndarray) -> str:
        """A stored constant."""
        name = self.fresh("constant")
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: object) -> str:
        """An operator of one output."""
        output = self.fresh(kind)
        self.nodes.append(
            helper.make_node(
                kind, list(inputs), [output], name=name or f"{output}_node", **attributes
            )
        )
        return output

    def quantised(self, value: str, scale: float = 0.05, zero: int = 0) -> str:
        """``value`` through a QuantizeLinear and a DequantizeLinear; ``zero`` as for int8."""
        offset = 128 if self.dtype == np.uint8 else 0
        numbers = (
            self.constant(np.float32(scale)),
            self.constant(np.asarray(zero + offset, self.dtype)),
        )
        stored = self.node("QuantizeLinear", value, *numbers)
        return self.node("DequantizeLinear", stored, *numbers)

    def weight(
        self,
        shape: tuple[int, ...],
        *,
        per_channel: bool = True,
        axis: int = 0,
        zero: int | None = 0,
        typical: float = 0.01,
    ) -> str:
        """Random int8 weights behind a DequantizeLinear."""
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        size = shape[axis] if per_channel else ()
        scale = (typical * self.random.uniform(0.5, 2, size)).astype(np.float32)
        zeros = np.full(size, zero or 0, np.int8)
        options = {"axis": axis} if per_channel else {}
        return self.node(
            "DequantizeLinear", self.constant(values), self.constant(scale), self.constant(zeros),
            **options,
        )  # fmt: skip

    def conv(
        self, x: str, outputs: int, channels: int, kernel: int = 3, *, per_channel: bool = True,
        bias: bool = True, **attributes: object,
    ) -> str:  # fmt: skip
        """Conv of random weights; the bias is float, which onnxruntime and the importer take."""
        group = attributes.get("group", 1)
        assert isinstance(group, int)
        inputs = [x, self.weight((outputs, channels // group, kernel, kernel),
                                 per_channel=per_channel)]  # fmt: skip
        if bias:
            inputs.append(self.constant(self.random.normal(0, 0.5, outputs).astype(np.float32)))
        return self.node("Conv", *inputs, kernel_shape=[kernel, kernel], **attributes)

    def model(self, *outputs: str, opset: int = 17) -> onnx.ModelProto:
        """The file; the shapes of ``outputs`` are inferred where that is possible."""
        results = [onnx.ValueInfoProto(name=output) for output in outputs]
        graph = helper.make_graph(self.nodes, "small", self.inputs, results, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 10
        for result, known in zip(
            model.graph.output, onnx.shape_inference.infer_shapes(model).graph.output, strict=True
        ):
            if not known.type.tensor_type.HasField("shape"):
                known = helper.make_tensor_value_info(result.name, TensorProto.FLOAT, [1, 1])
            result.CopyFrom(known)
        return model

    def save(self, folder: Path, output: str, name: str = "small.int8.onnx") -> Path:
        path = folder / name
        onnx.save(self.model(output), path)
        return path


def run_onnxruntime(
    path: Path, graph: Graph, x: np.ndarray, *, optimise: bool = False
) -> np.ndarray:
    """int8 (N, H, W, C) results of int8 (N, H, W, C) inputs; as the file stands, or optimised."""
    target = graph.tensors[graph.outputs[0]]
    session = _session(onnx.load(path), optimise)
    real = np.concatenate([session.run(None, _feed(session, graph, one))[0] for one in x])
    values = np.rint(real.astype(np.float64) / target.scale) + target.zero_point
    return _channels_last(values.reshape(len(x), target.channels, target.height, target.width))


def onnxruntime_tensors(path: Path, graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every activation that the file stores, int8 (1, H, W, C), for one int8 (H, W, C) input."""
    model = onnx.load(path)
    known = {constant.name: constant for constant in model.graph.initializer}
    quantisers = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    names = [node.output[0] for node in quantisers]
    model.graph.output.extend(
        helper.make_tensor_value_info(node.output[0], known[node.input[2]].data_type, None)
        for node in quantisers
    )
    session = _session(model)
    found = session.run(names, _feed(session, graph, x))
    return {
        name: _channels_last(value.astype(np.int16) - (128 if value.dtype == np.uint8 else 0))
        for name, value in zip(names, found, strict=True)
    }


def _session(model: onnx.ModelProto, optimise: bool = False) -> onnxruntime.InferenceSession:
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _feed(
    session: onnxruntime.InferenceSession, graph: Graph, x: np.ndarray
) -> dict[str, np.ndarray]:
    source = graph.tensors[graph.inputs[0]]
    real = (x[None].astype(np.float32) - source.zero_point) * np.float32(source.scale)
    return {session.get_inputs()[0].name: np.ascontiguousarray(real.transpose(0, 3, 1, 2))}


def _channels_last(values: np.ndarray) -> np.ndarray:
    """int8 (N, H, W, C) of whole numbers (N, C) or (N, C, H, W)."""
    maps = values.reshape(*values.shape[:2], *(values.shape[2:] or (1, 1)))
    return maps.transpose(0, 2, 3, 1).astype(np.int8)
