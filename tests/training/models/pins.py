"""Ten output values of every registered network, for weights and an input made of numbers alone.

    python -m tests.training.models.pins

run in the repository writes ``pins.json`` beside this file, in float64. Run it only where a network
is meant to give other values, or a new one is registered, and say why in the commit.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pocketvision.training import models
from pocketvision.training.models.registry import CLIPS, Entry

PINS = Path(__file__).with_name("pins.json")
COUNT = 10
PICTURE = 4096
"""Values from which on an output is a picture: ten are taken from all over it, as some are cut."""
SMALL = 64
"""Pixels of a clip's frames: 16 of their own size would take minutes, and any size passes."""


def shape(entry: Entry) -> tuple[int, ...]:
    """Of the input that a network is pinned with."""
    return (*entry.shape[:2], SMALL, SMALL) if entry.task == CLIPS else entry.shape


def seeded(network: nn.Module) -> nn.Module:
    """``network`` in inference mode, each tensor drawn by its name: no order, no initialiser.

    numpy's RandomState gives the same numbers in every version, and torch's generators do not.
    """
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    with torch.no_grad():
        for prefix, module in network.named_modules():
            own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            for name, value in own:
                if not value.is_floating_point():
                    continue
                low, high = -0.2, 0.2
                scales = isinstance(module, norms) and name in ("weight", "running_var")
                if scales or name == "gain":
                    low, high = 0.5, 1.5
                elif isinstance(module, nn.PReLU):
                    low, high = 0.0, 0.5
                elif value.ndim > 1:
                    high = (3 / value[0].numel()) ** 0.5
                    low = -high
                random = np.random.RandomState(zlib.crc32(f"{prefix}.{name}".encode()))
                drawn = random.uniform(low, high, value.shape)
                value.copy_(torch.from_numpy(drawn))
    return network.eval()


def values(
    network: nn.Module, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> np.ndarray:
    """Float64 (10): the first output values, the whole embedding scaled to a mean square of 1."""
    x = np.random.RandomState(0).uniform(-1, 1, (1, *shape))
    with torch.no_grad():
        found = seeded(network).to(dtype)(torch.from_numpy(x).to(dtype))
        # A detector has several outputs, of which every value may be pinned.
        parts = found if isinstance(found, tuple) else found[:1]
        whole = torch.cat([part.double().flatten() for part in parts]).numpy()
    if len(whole) > PICTURE:
        whole = whole[:: len(whole) // COUNT]
    return np.asarray((whole / np.sqrt(np.square(whole).mean()))[:COUNT])


def main() -> None:
    """Writes the file."""
    found = {}
    for name in models.names(None):
        entry = models.entry(name)
        pinned = values(entry.make(), shape(entry), torch.float64)
        found[name] = [round(float(value), 6) for value in pinned]
        print(name, found[name])
    PINS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
