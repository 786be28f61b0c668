"""Made-up crops for measurements: time does not depend on what a picture shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..record import Record


def crops(record: Record, count: int) -> NDArray[np.uint8]:
    """uint8 (count, H, W, 3): different crops of the size that ``record``'s network takes."""
    height, width = record.preprocess["size"]
    return np.stack([smooth(height, width, seed) for seed in range(count)])


def smooth(height: int, width: int, seed: int = 7) -> NDArray[np.uint8]:
    """Sums of a few random waves, uint8 (height, width, 3): like a picture, unlike noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = np.zeros((height, width, 3))
    for _ in range(12):
        down, across = random.uniform(-5, 5, 2)
        wave = np.cos(2 * np.pi * (down * y + across * x + random.uniform()))
        waves += wave[..., np.newaxis] * random.uniform(0.2, 1, 3)
    waves -= waves.min()
    picture: NDArray[np.uint8] = (waves / waves.max() * 255).astype(np.uint8)
    return picture
