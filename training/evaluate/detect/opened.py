"""A detector in any of its forms: float weights of a run, an int8 file, machine code."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from ... import models
from ...models.detector import FaceFinder, cells, decoded, flat
from ...models.registry import DETECTION
from ...models.stored.checkpoint import of_run
from . import seen
from .boxes import Found, suppressed

HALF = 0.5
"""A pixel's centre from its edge: machine code counts from centres, boxes here from edges."""


def opened(
    path: Path, size: tuple[int, int] | None = None
) -> tuple[seen.Detector, tuple[int, int]]:
    """The detector, and height and width of its input.

    Args:
        size: another input than the model's own; only float weights take one.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no detector, or it has one size.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such model")
    if path.suffix == ".safetensors":
        entry, _ = of_run(path)
        if entry.task != DETECTION:
            raise ValueError(f"{path}: expected a detector, got a network for {entry.task}")
        network = cast(FaceFinder, models.load(entry, path)).eval()
        own = size or (entry.shape[1], entry.shape[2])
        return seen.detector(network, *own), own
    if size is not None:
        raise ValueError(f"{path}: has one size of input; leave --size out")
    return _machine_code(path) if path.suffix == ".so" else _int8(path)


def _int8(path: Path) -> tuple[seen.Detector, tuple[int, int]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    last = source.shape[-1] == 3
    height, width = source.shape[1:3] if last else source.shape[2:4]
    record = _record(session)
    mean, std = (np.array(record["preprocess"][key], np.float32) for key in ("mean", "std"))
    where = cells(height, width)

    def detect(picture: NDArray[np.uint8]) -> Found:
        pixels, scale = seen.fit(picture, height, width)
        x = ((pixels - mean) / std)[None].astype(np.float32)
        values = session.run(None, {source.name: x if last else x.transpose(0, 3, 1, 2)})
        parts = decoded(flat([torch.from_numpy(value) for value in values]), where)
        found = Found(*(part[0].numpy() for part in parts))
        likely = found.chosen(found.scores >= seen.SCORE)
        return seen.back(suppressed(likely, seen.OVERLAP), scale)

    return detect, (height, width)


def _record(session: onnxruntime.InferenceSession) -> dict[str, dict[str, list[float]]]:
    from pocketvision.record import METADATA_KEY, Record

    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ValueError("the int8 file has no record; quantise a run's weights")
    return Record.from_json(text).to_dict()


def _machine_code(path: Path) -> tuple[seen.Detector, tuple[int, int]]:
    from pocketvision.faces.find.detector import Detector

    finder = Detector(path, score=seen.SCORE)

    def detect(picture: NDArray[np.uint8]) -> Found:
        # Fitted as for the others, so that only networks and decoding differ.
        pixels, scale = seen.fit(picture, *finder.size)
        found = finder.find(pixels)
        shifted = Found(
            found.scores.astype(np.float32),
            (found.boxes + HALF).astype(np.float32),
            (found.landmarks + HALF).astype(np.float32),
        )
        return seen.back(shifted, scale)

    return detect, finder.size
