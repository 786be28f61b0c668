"""Pictures as a detector sees them: scaled to fit its input, the rest grey; and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ...models.detector import FaceFinder, cells, decoded, flat
from .boxes import Found, suppressed

GREY = 127
SCORE = 0.02
"""Lowest score that is looked at; thresholds are chosen above it."""
OVERLAP = 0.45

Detector = Callable[[NDArray[np.uint8]], Found]
"""Faces of a picture, uint8 RGB (H, W, 3), in its pixels."""


class Fitted(NamedTuple):
    """Uint8 (height, width, 3), and how many of its pixels are one of the picture."""

    pixels: NDArray[np.uint8]
    scale: float


def fit(picture: NDArray[np.uint8], height: int, width: int) -> Fitted:
    """The picture, as large as it fits, in the left upper corner of an input."""
    scale = min(height / picture.shape[0], width / picture.shape[1])
    high, wide = (max(1, round(side * scale)) for side in picture.shape[:2])
    small = Image.fromarray(picture).resize((wide, high), Image.Resampling.BILINEAR)
    canvas = np.full((height, width, 3), GREY, np.uint8)
    canvas[:high, :wide] = np.asarray(small)
    return Fitted(canvas, scale)


def back(found: Found, scale: float) -> Found:
    """Found faces in pixels of the picture."""
    return Found(found.scores, found.boxes / scale, found.points / scale)


def detector(network: FaceFinder, height: int, width: int) -> Detector:
    """The float network as it is, in evaluation mode, on the device of its weights."""
    device = next(network.parameters()).device
    where = cells(height, width).to(device)

    @torch.no_grad()
    def detect(picture: NDArray[np.uint8]) -> Found:
        pixels, scale = fit(picture, height, width)
        x = torch.from_numpy(pixels).to(device).permute(2, 0, 1)[None].float()
        scores, boxes, points = (
            part[0].cpu().numpy() for part in decoded(flat(network(x.sub(127.5).div(127.5))), where)
        )
        likely = Found(scores, boxes, points).chosen(scores >= SCORE)
        return back(suppressed(likely, OVERLAP), scale)

    return detect
