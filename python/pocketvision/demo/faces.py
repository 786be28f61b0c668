"""Real faces that an installed package brings: scikit-image's astronaut and its LFW patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ASTRONAUT_LANDMARKS = (
    (203.3, 101.5),
    (247.2, 103.0),
    (224.1, 127.2),
    (204.2, 141.8),
    (242.8, 142.8),
)
"""Image-left pupil, image-right pupil, nose tip, mouth corners: pixels read off the picture."""

PATCH_LANDMARKS = ((5.75, 8.0), (15.0, 7.9), (10.4, 13.5), (6.6, 17.1), (14.3, 17.0))
"""The same five points of the mean of the 100 LFW patches, in pixels of a 25x25 patch.

Each patch is cut out alike but has no landmarks of its own, so its face is aligned only roughly.
"""

PATCH_FACES = 100
"""The first so many of scikit-image's 200 LFW patches are faces; the others are background."""


@dataclass(frozen=True)
class Face:
    """``picture``: uint8 RGB (H, W, 3); ``landmarks``: float64 (5, 2), pixels as (x, y)."""

    name: str
    picture: NDArray[np.uint8]
    landmarks: NDArray[np.float64]


def astronaut() -> Face:
    """Eileen Collins, NASA portrait of 512x512 pixels, public domain. Needs scikit-image."""
    from skimage import data

    return Face("astronaut", data.astronaut(), np.array(ASTRONAUT_LANDMARKS))


def patches(count: int) -> list[Face]:
    """The first ``count`` faces of scikit-image's LFW subset: 25x25 grey pixels.

    The similarity warp enlarges them, so a copy of half the size keeps only 12x12 pixels.

    Raises ValueError for a count outside 1 to 100.
    """
    from skimage import data

    if not 1 <= count <= PATCH_FACES:
        raise ValueError(f"count: expected 1 to {PATCH_FACES} LFW patches, got {count}")
    faces = []
    for index, patch in enumerate(data.lfw_subset()[:count]):
        grey = np.rint(patch * 255).astype(np.uint8)
        picture = np.repeat(grey[..., np.newaxis], 3, axis=2)
        faces.append(Face(f"LFW patch {index}", picture, np.array(PATCH_LANDMARKS)))
    return faces
