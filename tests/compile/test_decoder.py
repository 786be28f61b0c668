"""A decoder of clips: exported, quantised, compiled; the reference's bytes on every target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pocketvision.compile.frontend import oracle
from pocketvision.compile.frontend.load import load
from pocketvision.compile.graph import Graph
from pocketvision.training.export import export_shape
from pocketvision.training.models.vtn.decoder import Decoder, Norm
from pocketvision.training.quantize.run import quantize_model

from .kernels.cases import on_every_target
from .runners import Machines

STEPS, WIDTH, HEADS, CLASSES = 8, 64, 4, 5
CLOSE = 0.99
"""Least cosine of the int8 logits to those of float32, over windows that did not calibrate."""


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, dict[str, float]]:
    """Two blocks of lively norms, on windows of noise."""
    folder = tmp_path_factory.mktemp("decoder")
    torch.manual_seed(0)
    decoder = Decoder(CLASSES, STEPS, WIDTH, 2, HEADS, 96)
    for module in decoder.modules():
        if isinstance(module, Norm):
            torch.nn.init.uniform_(module.gain, 0.5, 1.5)
            torch.nn.init.normal_(module.shift, 0, 0.2)
    path = export_shape(decoder, (STEPS, WIDTH), folder / "decoder.onnx", ("window", "logits"))
    windows = np.random.default_rng(1).normal(0, 1, (24, STEPS, WIDTH)).astype(np.float32)
    np.save(folder / "windows.npy", windows)
    done = quantize_model(path, folder / "windows.npy", folder / "decoder.int8.onnx")
    return load(done.file), done.cosines


def test_it_is_integers_and_close(quantised: tuple[Graph, dict[str, float]]) -> None:
    graph, cosines = quantised
    found = Counter(type(op).__name__ for op in graph.ops)
    wanted = {
        "Constant": 1, "Add": 5, "Conv": 11, "MatMul": 4, "Softmax": 2, "LayerNorm": 4, "Move": 2,
        "Pool": 1,
    }  # fmt: skip
    assert found == wanted
    assert not graph.notes
    assert cosines["logits"] > CLOSE


class Attention(torch.nn.Module):
    """A norm in front, one layer for queries, keys and values, torch's own product of them."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.last = torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, WIDTH)
        self.all = torch.nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x: Any) -> Any:
        n, steps, width = x.shape
        parts = self.all(self.norm(x)).reshape(n, steps, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        found = torch.nn.functional.scaled_dot_product_attention(*parts.unbind(0))
        return x + self.last(found.transpose(1, 2).reshape(n, steps, width))


class CrossCovariance(torch.nn.Module):
    """EdgeFace's: channels attend to channels, over their lengths, a temperature a head."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.all = torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, 3 * WIDTH)
        self.temperature = torch.nn.Parameter(torch.linspace(1, 2, HEADS).reshape(HEADS, 1, 1))

    def forward(self, x: Any) -> Any:
        n, steps, width = x.shape
        parts = self.all(self.norm(x)).reshape(n, steps, 3, HEADS, -1).permute(2, 0, 3, 4, 1)
        query, key, value = parts.unbind(0)
        query, key = (torch.nn.functional.normalize(part, dim=-1) for part in (query, key))
        shares = (query @ key.transpose(2, 3) * self.temperature).softmax(-1)
        return x + (shares @ value).permute(0, 3, 1, 2).reshape(n, steps, width)


def encoder() -> torch.nn.Module:
    layer = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, 96, activation="gelu", batch_first=True)
    return torch.nn.Sequential(layer)


@pytest.mark.parametrize("make", [encoder, Attention, CrossCovariance])
def test_layers_of_torch(make: Callable[[], torch.nn.Module], tmp_path: Path) -> None:
    """GELU in many nodes is a table; each operator is within a step of onnxruntime's."""
    torch.manual_seed(0)
    path = export_shape(make(), (STEPS, WIDTH), tmp_path / "layer.onnx", ("x", "y"))
    draws = np.random.default_rng(1).normal(0, 1, (16, STEPS, WIDTH)).astype(np.float32)
    np.save(tmp_path / "x.npy", draws)
    done = quantize_model(path, tmp_path / "x.npy", tmp_path / "layer.int8.onnx")
    assert done.cosines["y"] > CLOSE
    graph = load(done.file)
    oracle.check(done.file, graph)
    found = Counter(type(op).__name__ for op in graph.ops)
    assert found["MatMul"] == 2
    assert found["LayerNorm"] == {encoder: 2, Attention: 1, CrossCovariance: 3}[make]
    assert not any(graph.tensors[op.output].real for op in graph.ops)


@on_every_target
def test_bytes(machines: Machines, target: str, quantised: tuple[Graph, dict[str, float]]) -> None:
    graph, _ = quantised
    values = np.random.default_rng(2).integers(-128, 128, (3, 1, STEPS, WIDTH)).astype(np.int8)
    machines.check(graph, target, values)
