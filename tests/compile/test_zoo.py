"""The whole zoo, one test a model: forward, backward, counts, export, int8, machine code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.compile import pipeline  # noqa: E402
from pocketvision.compile.frontend.load import load  # noqa: E402
from pocketvision.training import models  # noqa: E402
from pocketvision.training.models.count import count  # noqa: E402

from .graphs import inputs  # noqa: E402
from .quantised import quantised  # noqa: E402
from .runners import Machines  # noqa: E402


@dataclass(frozen=True)
class Figures:
    """Parameters, million MACs, and MFLOPs in the conventions that have a published figure."""

    parameters: int
    macs: float
    pocketnet: float | None = None
    insightface: float | None = None
    large: bool = False


ZOO = {
    "dna_face_m4": Figures(203_168, 17.76, large=True),
    "dna_face_m7": Figures(266_016, 30.68, large=True),
    "face_lowres_125m": Figures(899_840, 124.69, large=True),
    "facechain_125m": Figures(899_840, 124.69, large=True),
    "facechain_25m": Figures(206_416, 23.81),
    "facechain_12m": Figures(76_048, 12.35),
    "iresnet18": Figures(24_025_600, 2609.95),
    "iresnet34": Figures(34_139_328, 4459.64, large=True),
    "iresnet50": Figures(43_590_848, 6309.33, large=True),
    "iresnet100": Figures(65_156_160, 12089.61, large=True),
    "iresnet100_128": Figures(55_521_216, 12079.97, large=True),
    "iresnet100_256": Figures(58_732_864, 12083.18, large=True),
    "mobilefacenet": Figures(1_003_136, 220.97, insightface=439.82),
    "mobilefacenet_512": Figures(2_059_520, 437.52, insightface=872.28, large=True),
    "pocketnet_s_128": Figures(925_632, 283.54, pocketnet=587.11),
    "pocketnet_s_128_cifar": Figures(885_184, 295.22, large=True),
    "pocketnet_s_256": Figures(991_424, 283.61, pocketnet=587.24, large=True),
    "pocketnet_m_128": Figures(1_686_656, 538.22, pocketnet=1099.02, large=True),
    "pocketnet_m_256": Figures(1_752_448, 538.28, pocketnet=1099.16, large=True),
    "vargfacenet": Figures(5_198_292, 512.59, insightface=1022.86),
    "vargfacenet_nose": Figures(4_957_512, 512.36, insightface=1022.39, large=True),
}


def test_no_model_is_left_out() -> None:
    assert sorted(ZOO) == models.names()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.full if figures.large else ())
        for name, figures in ZOO.items()
    ],
)
def test_from_network_to_machine_code(name: str, machines: Machines, tmp_path: Path) -> None:
    entry, figures = models.entry(name), ZOO[name]
    torch.manual_seed(1)
    network = entry.make().train()
    x = torch.randn(2, 3, entry.input_size, entry.input_size)
    embedding = network(x)
    assert embedding.shape == (2, entry.embedding)
    embedding.square().mean().backward()
    for parameter, value in network.named_parameters():
        if value.requires_grad:  # iResNet's last scale is fixed, as published
            assert value.grad is not None and torch.isfinite(value.grad).all(), parameter
    network.zero_grad()

    counted = count(network, entry.input_size)
    assert counted.parameters == figures.parameters
    assert round(counted.macs / 1e6, 2) == figures.macs
    if figures.pocketnet:
        assert round(counted.pocketnet_flops / 1e6, 2) == figures.pocketnet
    if figures.insightface:
        assert round(counted.insightface_flops / 1e6, 2) == figures.insightface

    file = quantised(network, tmp_path / f"{name}.int8.onnx", entry.input_size)
    graph = pipeline.optimise(load(file))
    picture = inputs(np.random.default_rng(2), 1, graph.tensors[graph.inputs[0]])
    machines.check(graph, machines.best(), picture)
