"""An int8 file of a network with random weights, for tests that need the form and not the faces."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch

from pocketvision.training import models
from pocketvision.training.export import export
from pocketvision.training.quantize import calibrate, pixels, qdq
from pocketvision.training.quantize.factors import slopes
from pocketvision.training.quantize.feed import Input
from pocketvision.training.quantize.fold import fold

WEIGHTS = Path(__file__).resolve().parents[2] / "training/weights"


def whole(name: str, folder: Path) -> Path:
    """The int8 file of a network: the shipped one, or one of noise made in ``folder``."""
    shipped = WEIGHTS / f"{name}.int8.onnx"
    if shipped.is_file():
        return shipped
    torch.manual_seed(7)
    return quantised(models.create(name), folder / shipped.name, 112)


def quantised(network: torch.nn.Module, path: Path, size: int) -> Path:
    """Writes ``path``; batch norms and activations are measured on two noise pictures."""
    torch.set_num_threads(1)
    for module in network.modules():
        if isinstance(module, torch.nn.PReLU):
            module.weight.data.uniform_(-0.2, 0.8)
        elif isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.momentum = None
    noise = torch.randn(2, 3, size, size)
    with torch.no_grad():
        network.train()(noise)
    floating = path.with_suffix(".float.onnx")
    folded = fold(onnx.load(export(network, floating, size=size)))
    into = Input(folded.graph.input[0].name, (1, 3, size, size))
    centred = pixels.recentre(folded, into, [127.5] * 3, [127.5] * 3)
    assert centred is not None
    samples = [{into.name: row[None]} for row in noise.numpy()]
    ranges = calibrate.ranges(calibrate.histograms(centred.model, samples), "minmax")
    ranges[into.name] = centred.range
    shared = calibrate.share(centred.model, ranges)
    onnx.save(qdq.quantize(*slopes.exact(centred.model, shared)), path)
    return path
