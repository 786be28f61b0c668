"""Known answers: what each shipped model makes of a computed picture, on every processor.

python -m pocketvision.faces.known MODEL.so    prints the answer of one compiled file.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np
from numpy.typing import NDArray

from .._runtime import PixelTables
from ..record import Record
from ..runtime.model import Model
from .alignment import align
from .embedder import Embedder
from .template import ARCFACE_TEMPLATE

ANSWERS = {
    "face-lowres-125m.mobileface-v2-far.v2": (
        "2007d8ba6f90100ac8f2c49af90bd01c03616a387f1a34c2dcf25875d11e8f4a"
    ),
    "facechain-125m.mobileface-v2-distill.v4": (
        "16cccf8b5b956db0ef7ed1ad38405a3ca45bcba3d2665371abbacfda31f7529d"
    ),
    "facechain-25m.mobileface-v2-distill.v4": (
        "ac5680f9a6f7d538a87f67ecf371c4be59e7a9f2505d2e4d1aca865f9c736578"
    ),
    "pocketnet-s-128.mobileface-v2-distill.v4": (
        "29149b98e1a04060cc672057e3ef12cf39f7c5fd210eda639ed38b8e9c1d6aa8"
    ),
}
"""SHA-256 of :func:`answer` by the weights' full name. Thresholds are no part of an answer."""

DIGEST = "known_answer"
"""Key of a record's ``sha256`` that holds the answer where ``ANSWERS`` does not."""

SIDE = 160
LIKELY = 0.05
"""Score from which on a detector's answer counts a face: the computed picture has none for sure."""


def expected(record: Record) -> str | None:
    """The answer that the weights of a record are known to give; None where none is known."""
    return ANSWERS.get(record.full_name) or record.sha256.get(DIGEST)


def picture() -> NDArray[np.uint8]:
    """Uint8 (160, 160, 3), rings and slopes, in integers: the same everywhere."""
    y, x, channel = np.ogrid[:SIDE, :SIDE, :3]
    rings = ((x - 70) ** 2 + (y - 80) ** 2 * (channel + 2)) // 41 % 256
    slopes = (3 * x + (5 - channel) * y) // 4 % 256
    return np.asarray((np.abs(rings - 128) + np.abs(slopes - 128)) % 256, np.uint8)


def landmarks() -> NDArray[np.float64]:
    """Five points (5, 2) of a face in :func:`picture`, turned and larger than the template's."""
    x, y = np.asarray(ARCFACE_TEMPLATE).T
    return np.stack([1.25 * x - 0.125 * y + 20, 0.125 * x + 1.25 * y + 4], axis=1)


def answer(model: str) -> str:
    """SHA-256 of the aligned crop and of the model's stored output for it; of a detector, of its
    stored outputs and of the faces that it finds.

    ``model``: a shipped name or a compiled file. Raises what ``Embedder`` raises, and RuntimeError
    where ``embed`` has another direction than the stored output.
    """
    opened = Model(model)
    if opened.record is not None and opened.record.task == "face-detection":
        return _of_detector(opened)
    embedder = Embedder(model)
    recipe = embedder.record.preprocess
    height, width = recipe["size"]
    template = recipe.get("template") or ARCFACE_TEMPLATE
    (crop,) = align(picture(), landmarks(), size=(height, width), template=template)
    (source,) = embedder.model.inputs
    tables = PixelTables(source, recipe["mean"], recipe["std"], recipe["colour"] == "BGR")
    stored = embedder.model.run(tables.apply(crop).view(source.dtype))
    assert isinstance(stored, np.ndarray)  # an Embedder's model has one output
    (target,) = embedder.model.outputs
    real = (stored.reshape(-1).astype(np.float64) - target.zero_point) * target.scale
    (given,) = np.asarray(embedder.embed(crop), np.float64)
    cosine = float(given @ real / np.linalg.norm(real))
    if not cosine > 0.99999:
        raise RuntimeError(f"embed() and run() of one crop have cosine {cosine:.6f}, expected 1")
    return hashlib.sha256(crop.tobytes() + stored.tobytes()).hexdigest()


def _of_detector(model: Model) -> str:
    from .find.detector import Detector

    assert model.record is not None
    recipe = model.record.preprocess
    height, width = recipe["size"]
    pixels = np.ascontiguousarray(np.tile(picture(), (-(-height // SIDE), -(-width // SIDE), 1)))
    pixels = np.ascontiguousarray(pixels[:height, :width])
    (source,) = model.inputs
    tables = PixelTables(source, recipe["mean"], recipe["std"], recipe["colour"] == "BGR")
    stored = model.run(tables.apply(pixels).view(source.dtype))
    maps = stored.values() if isinstance(stored, dict) else [stored]
    found = Detector(model.path, score=LIKELY).find(picture())
    parts = [*maps, found.boxes, found.landmarks, found.scores]
    return hashlib.sha256(
        b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
    ).hexdigest()


if __name__ == "__main__":
    print(answer(sys.argv[1]))
