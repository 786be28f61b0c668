"""A compiled embedder as a teacher: a shipped model by name, or a file of the compiler's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pocketvision import Embedder


class CompiledTeacher:
    """An int8 model on the host, at the speed of the installed machine code.

    Takes RGB 0..255 and rounds it to whole pixels. Every wheel has such models, and none has their
    float weights but one: see ``models/stored/checkpoint.py``.

    Raises:
        pocketvision.InputError: no shipped model of that name.
    """

    def __init__(self, model: str):
        self.embedder = Embedder(model, threads=torch.get_num_threads())

    def __call__(self, planes: Tensor) -> Tensor:
        pixels = planes.detach().cpu().round().clamp(0, 255).to(torch.uint8)
        crops = np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())
        return torch.from_numpy(np.array(self.embedder.embed(crops), np.float32))
