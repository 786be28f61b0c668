"""Networks with weights of noise: what has no shipped weights is timed and compared all the same.

Time does not depend on the values of weights. Closeness does: a deep random network is chaotic, it
amplifies a rounding of int8 from layer to layer until the embedding has little of the float one,
which trained networks of the same form do not do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pocketvision.bench.pictures import smooth

from ..candidate import Absent
from .once import once

MEASURING, JUDGING = 12, 32
"""Smooth pictures for our quantiser: those that measure activations, and those it holds out."""


def make(name: str, folder: Path) -> None:
    """Writes ``NAME.safetensors``, ``NAME.json`` and ``NAME.int8.onnx`` below ``folder``, once.

    ``name``: a registered network. Raises Absent for others and where training is not installed.
    """
    try:
        from pocketvision.training import models
    except ImportError as error:
        raise Absent(f"no network: {error}; pip install 'pocketvision[training]'") from error
    try:
        entry = models.entry(name)
    except KeyError as error:
        raise Absent(error.args[0]) from error
    files = [folder / f"{name}.{ending}" for ending in ("safetensors", "json", "int8.onnx")]
    once(files, lambda: _write(entry, folder, *files))


def lively(network: Any, pictures: Any) -> Any:
    """``network`` with slopes drawn anew and batch norms measured on ``pictures``; returns it.

    Fresh weights let a signal fade over the layers; with its norms measured each layer has outputs
    of size 1, as trained ones have. ``pictures``: float32 tensor (N, 3, H, W).
    """
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.PReLU):
            module.weight.data.uniform_(-0.2, 0.8)
        elif isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.momentum = None
    with torch.no_grad():
        network.train()(pictures)
    return network.eval()


def _write(entry: Any, folder: Path, weights: Path, record: Path, int8: Path) -> None:
    import torch
    from safetensors.torch import save

    from pocketvision.files import write_text, write_whole
    from pocketvision.training.export import export
    from pocketvision.training.models.stored.describe import describe
    from pocketvision.training.quantize import quantize_model

    folder.mkdir(parents=True, exist_ok=True)
    size = entry.input_size
    crops = np.stack([smooth(size, size, seed) for seed in range(MEASURING + JUDGING)])
    tensors = torch.from_numpy((crops[:8].transpose(0, 3, 1, 2) - np.float32(127.5)) / 127.5)
    torch.manual_seed(5)
    network = lively(entry.make(), tensors)
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    write_whole(weights, lambda file: file.write(save(state)))
    about = describe(
        entry, weights, tag="noise", teacher=None, data="none: weights of noise", licence="none"
    )
    write_text(record, about.to_json() + "\n")
    floating = export(network, folder / f"{entry.name}.noise.onnx", size=size)
    quantize_model(floating, crops, int8, count=MEASURING, record=about)
