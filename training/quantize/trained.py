"""From a run's weights and the record beside them to the int8 file, the float file in between."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .. import models
from ..export import export, export_shape
from ..models.detector import OUTPUTS
from ..models.registry import CLIPS, DETECTION
from ..models.rim.generator import RESTORATION
from ..models.stored.checkpoint import of_run
from .run import Quantised, quantize_model


def quantize_weights(
    weights: Path, images: Path | np.ndarray, out: Path, **options: Any
) -> Quantised:
    """Writes the int8 form of ``weights`` (``.safetensors`` with ``.json`` beside it) to ``out``.

    Args:
        weights: what ``pocketvision train`` left; its record names the network.
        images: as of :func:`quantize_model`, which takes ``options`` too.

    Raises:
        FileNotFoundError: no such weights, or no record beside them.
        ValueError: the record names no network of the zoo, or the weights are another network's.
    """
    entry, record = of_run(weights)
    if entry.task == CLIPS:
        raise ValueError(
            f"{weights}: a network for clips, which is two files: write them by `python -m "
            "pocketvision.training.train.clips.export RUN --out DIR`, and quantise each"
        )
    model = models.load(entry, weights)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "float.onnx")
        if entry.task == DETECTION:
            floating = export_shape(model, entry.shape, file, ("input", *OUTPUTS))
        elif entry.task == RESTORATION:
            floating = export_shape(model, entry.shape, file, ("input", "picture"))
        else:
            floating = export(model, file, size=entry.input_size)
        return quantize_model(floating, images, out, record=record, **options)
