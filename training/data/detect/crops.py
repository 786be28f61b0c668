"""Aligned crops of further people, pasted into pictures without faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .faces import Labels

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]],
    np.float32,
)  # fmt: skip
"""Landmarks of a crop of 112 pixels (ArcFace, arXiv 1801.07698)."""
SIDE = 112


def usual_box(labels: list[Labels], kind: str) -> NDArray[np.float32]:
    """Where the box of ``kind`` is in a crop: the median over faces with landmarks, float32 (4).

    Raises:
        ValueError: there is none to learn it from.
    """
    found = []
    for own in labels:
        for box, points, its in zip(own.boxes, own.points, own.kinds, strict=True):
            if its == kind and np.isfinite(points).all():
                found.append(_into_crop(box, points))
    if not found:
        raise ValueError(f"crops: no face of kind {kind!r} with landmarks says where boxes are")
    return np.median(np.stack(found), axis=0).astype(np.float32)


def _into_crop(box: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float64]:
    """The box after the landmarks' least-squares scale and shift to the template."""
    centre, wanted = points.mean(axis=0), TEMPLATE.mean(axis=0)
    spread = np.sqrt(((points - centre) ** 2).sum())
    scale = np.sqrt(((TEMPLATE - wanted) ** 2).sum()) / max(float(spread), 1e-6)
    corners = (box.reshape(2, 2) - centre) * scale + wanted
    return np.asarray(corners.reshape(4), np.float64)


def pasted(
    background: NDArray[np.uint8], crop: NDArray[np.uint8], box: NDArray[np.float32],
    side: float, random: np.random.Generator,
) -> tuple[NDArray[np.uint8], Labels]:  # fmt: skip
    """A crop (112, 112, 3) blended by an ellipse into a picture, ``side`` pixels wide.

    Returns:
        Uint8 (H, W, 3), and its one face.
    """
    height, width = background.shape[:2]
    wide = max(16, min(round(side), height, width))
    left = int(random.integers(0, width - wide + 1))
    top = int(random.integers(0, height - wide + 1))
    small = Image.fromarray(crop).resize((wide, wide), Image.Resampling.BILINEAR, reducing_gap=2.0)
    # Soft at its edge, or the network would learn what a pasted square looks like.
    line = (np.arange(wide) + 0.5) / wide * 2 - 1
    centre = float((box[1] + box[3]) / SIDE - 1)
    radius = np.sqrt((line[None, :] / 0.92) ** 2 + ((line[:, None] - centre) / 0.98) ** 2)
    share = np.clip((1.02 - radius) / random.uniform(0.08, 0.3), 0, 1)[..., None]
    result = background.copy()
    there = result[top : top + wide, left : left + wide]
    there[:] = (share * np.asarray(small) + (1 - share) * there).astype(np.uint8)
    scale, offset = wide / SIDE, np.array([left, top], np.float32)
    return result, Labels(
        (box * scale + np.tile(offset, 2))[None].astype(np.float32),
        (TEMPLATE * scale + offset)[None].astype(np.float32),
        ("pasted",),
    )
