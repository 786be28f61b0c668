"""Fixtures of the training tests: networks with lively statistics, and their ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.export import export  # noqa: E402

torch.set_num_threads(1)


def enliven(network, inputs):
    """Random affine parameters and slopes, batch statistics of ``inputs``; returns eval mode."""
    generator = torch.Generator().manual_seed(7)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.momentum = None
            module.weight.data = torch.rand(module.num_features, generator=generator) + 0.5
            module.bias.data = torch.randn(module.num_features, generator=generator) * 0.2
        elif isinstance(module, torch.nn.PReLU):
            module.weight.data = torch.rand(module.num_parameters, generator=generator) * 0.5
    with torch.no_grad():
        network.train()(inputs)
    return network.eval()


@pytest.fixture(scope="session")
def crops() -> np.ndarray:
    """uint8 (48, 112, 112, 3): smooth random pictures, as photographs are smooth."""
    coarse = np.random.default_rng(3).integers(0, 256, (48, 7, 7, 3), dtype=np.uint8)
    resize = [Image.fromarray(c).resize((112, 112), Image.Resampling.BICUBIC) for c in coarse]
    return np.stack([np.asarray(image) for image in resize])


@pytest.fixture(scope="session")
def normalised(crops) -> np.ndarray:
    """float32 (48, 3, 112, 112) of ``crops``: ``(pixel - 127.5) / 127.5``."""
    return ((crops.astype(np.float32) - 127.5) / 127.5).transpose(0, 3, 1, 2).copy()


@pytest.fixture(scope="session")
def lively(normalised) -> Callable:
    """Builds a registered network (or takes a module) with random statistics, in eval mode."""

    def build(network, size: int = 112):
        torch.manual_seed(0)
        if isinstance(network, str):
            network = models.create(network)
        return enliven(network, torch.from_numpy(normalised[:8, :, :size, :size].copy()))

    return build


@pytest.fixture(scope="session")
def mobilefacenet(lively):
    """MobileFaceNet with random statistics, in eval mode."""
    return lively("mobilefacenet")


@pytest.fixture(scope="session")
def mobilefacenet_onnx(mobilefacenet, tmp_path_factory) -> Path:
    """The float ONNX file of ``mobilefacenet``, as exported."""
    return export(mobilefacenet, tmp_path_factory.mktemp("float") / "mobilefacenet.onnx")
