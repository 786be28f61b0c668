"""Anything that embeds faces behind one call: a shipped name, a compiled file, an ONNX file.

Every embedder maps uint8 RGB crops (N, H, W, 3) to raw float32 embeddings (N, D).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from pocketvision.record import METADATA_KEY, Record
from pocketvision.runtime.shipped import resolve

Embed = Callable[[np.ndarray], np.ndarray]

DEFAULT_MEAN = DEFAULT_STD = (127.5, 127.5, 127.5)
"""Preprocessing of an ONNX file without a record: ``(pixel - 127.5) / 127.5``, RGB, NCHW."""


def load(model: str) -> OnnxEmbedder | CompiledEmbedder | TrainedEmbedder:
    """The embedder behind ``model``: a path ending in ``.onnx`` (float or int8) or, of a training
    run's weights with their record beside them, ``.safetensors``; any other path to a compiled file
    (without ``.TARGET.so``: the one of this processor), or a shipped model's name.

    Raises:
        FileNotFoundError: a path is given and no file is there.
        ValueError: the file is not what its name says.
    """
    if model.endswith(".safetensors"):
        return TrainedEmbedder(Path(model))
    path = Path(resolve(model)) if len(Path(model).parts) > 1 else Path(model)
    looks_like_file = path.suffix in (".onnx", ".so") or len(path.parts) > 1
    if looks_like_file and not path.is_file():
        raise FileNotFoundError(f"model {model!r}: no such file; give a path or a model's name")
    if path.suffix == ".onnx":
        return OnnxEmbedder(path)
    return CompiledEmbedder(path if looks_like_file else model)


class OnnxEmbedder:
    """An ONNX face embedder in onnxruntime, preprocessing from its record or as given.

    Args:
        path: one float32 input (batch, 3, H, W), one output (batch, D).
        mean, std: per channel; override the file's record.
        threads: of onnxruntime; 0 uses every core.
    """

    def __init__(
        self,
        path: Path,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        threads: int = 0,
    ):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self.session = onnxruntime.InferenceSession(
                _prelu_as_relus(path), options, ["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises a class of its own per error code
            raise ValueError(f"{path}: onnxruntime cannot load this file: {error}") from error
        source = self.session.get_inputs()[0]
        if len(source.shape) != 4 or source.shape[1] != 3 or source.type != "tensor(float)":
            raise ValueError(
                f"{path}: expected a float32 input (batch, 3, H, W), got {source.type} "
                f"{source.shape}; this is not a face embedder"
            )
        self.name = source.name
        self.fixed = isinstance(source.shape[0], int)
        self.batch = source.shape[0] if self.fixed else 32
        text = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        self.record = Record.from_json(text) if text else None
        self.swap = False
        if self.record is not None:
            prepare = self.record.preprocess
            mean = prepare["mean"] if mean is None else mean
            std = prepare["std"] if std is None else std
            self.swap = prepare["colour"] == "BGR"
        self.mean = np.asarray(DEFAULT_MEAN if mean is None else mean, np.float32)
        self.std = np.asarray(DEFAULT_STD if std is None else std, np.float32)

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """Raw float32 (N, D) of uint8 RGB (N, H, W, 3)."""
        if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] != 3:
            raise ValueError(f"crops: expected uint8 (N, H, W, 3), got {crops.dtype} {crops.shape}")
        rows = []
        for start in range(0, len(crops), self.batch):
            pixels = crops[start : start + self.batch]
            if self.swap:
                pixels = pixels[..., ::-1]
            x = (pixels.astype(np.float32) - self.mean) / self.std
            planes = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
            if self.fixed and len(planes) < self.batch:
                planes = np.pad(planes, ((0, self.batch - len(planes)), (0, 0), (0, 0), (0, 0)))
            rows.append(self.session.run(None, {self.name: planes})[0][: len(pixels)])
        return np.concatenate(rows)


class TrainedEmbedder:
    """What a training run left, in torch on the processor; prepared as its record says.

    Raises:
        FileNotFoundError, ValueError: as ``models.stored.checkpoint.of_run`` and ``load``.
    """

    def __init__(self, weights: Path):
        from ...models.stored import checkpoint

        entry, self.record = checkpoint.of_run(weights)
        self.network = checkpoint.load(entry, weights)
        prepare = self.record.preprocess
        self.mean, self.std = (np.array(prepare[key], np.float32) for key in ("mean", "std"))
        self.swap = prepare["colour"] == "BGR"

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """Raw float32 (N, D) of uint8 RGB (N, H, W, 3)."""
        import torch

        pixels = crops[..., ::-1] if self.swap else crops
        planes = ((pixels.astype(np.float32) - self.mean) / self.std).transpose(0, 3, 1, 2)
        with torch.no_grad():
            return np.asarray(self.network(torch.from_numpy(np.ascontiguousarray(planes))))


class CompiledEmbedder:
    """A compiled face embedder (shipped name or path of a ``.so``), its raw output dequantised.

    ``pocketvision.Embedder`` returns unit vectors; the protocols add raw ones of several views.
    """

    def __init__(self, model: str | Path):
        from pocketvision import Embedder
        from pocketvision._runtime import PixelTables

        embedder = Embedder(model)
        self.model, self.record = embedder.model, embedder.record
        prepare = self.record.preprocess
        self.tables = PixelTables(
            self.model.inputs[0], prepare["mean"], prepare["std"], prepare["colour"] == "BGR"
        )

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """Raw float32 (N, D) of uint8 RGB (N, H, W, 3)."""
        # The tables give stored bytes; the model's input says how to read them.
        kind = np.dtype(self.model.inputs[0].dtype)
        inputs = np.stack([self.tables.apply(crop).view(kind) for crop in crops])
        result = self.model.run(inputs, dequantise=True)
        assert isinstance(result, np.ndarray)  # an Embedder's model has one output
        return result.reshape(len(crops), -1)


def _prelu_as_relus(path: Path) -> bytes:
    """The file with PReLU as ``relu(x) - slope * relu(-x)``: the same function, several times as
    fast in onnxruntime, which fuses relus and not PReLU."""
    model = onnx.load(path)
    nodes = []
    for node in model.graph.node:
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        (x, slope), y = node.input, node.output[0]
        nodes += [
            onnx.helper.make_node("Relu", [x], [f"{y}.positive"]),
            onnx.helper.make_node("Neg", [x], [f"{y}.negated"]),
            onnx.helper.make_node("Relu", [f"{y}.negated"], [f"{y}.negative"]),
            onnx.helper.make_node("Mul", [f"{y}.negative", slope], [f"{y}.scaled"]),
            onnx.helper.make_node("Sub", [f"{y}.positive", f"{y}.scaled"], [y]),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    content: bytes = model.SerializeToString()
    return content
