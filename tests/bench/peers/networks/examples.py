"""Faces that the benchmark runs on: a real one if an installed package brings it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pocketvision.bench.pictures import smooth
from pocketvision.faces.alignment import align
from pocketvision.record import Record

from ..candidate import Example


def examples(record: Record) -> list[Example]:
    """Four crops for ``record``'s network: a face, mirrored, darker and shifted.

    The face is scikit-image's astronaut; without that package a smooth random picture.
    """
    height, width = record.preprocess["size"]
    try:
        from pocketvision.demo.faces import astronaut

        face = astronaut()
        template = record.preprocess["template"]
        options = {} if template is None else {"template": template}
        crop = align(face.picture, face.landmarks, size=(height, width), **options)[0]
    except ImportError:
        crop = smooth(height, width)
    darker = (crop * 0.6).astype(np.uint8)
    crops = [crop, crop[:, ::-1], darker, np.roll(crop, 4, axis=1)]
    return [_example(np.ascontiguousarray(one), record) for one in crops]


def calibration(record: Record, count: int = 32) -> NDArray[np.float32]:
    """float32 (count, 3, H, W), normalised: what quantisers of peers measure activations on.

    Smooth pictures, and the faces of ``examples`` with a shift and a brightness of each their own.
    """
    random = np.random.default_rng(11)
    height, width = record.preprocess["size"]
    faces, tensors = examples(record), []
    for index in range(count):
        if index % 2:
            crop = smooth(height, width, index)
        else:
            shifted = np.roll(faces[index % len(faces)].crop, random.integers(-6, 7, 2), (0, 1))
            crop = (shifted * random.uniform(0.5, 1)).astype(np.uint8)
        tensors.append(_example(crop, record).tensor)
    return np.concatenate(tensors)


def _example(crop: NDArray[np.uint8], record: Record) -> Example:
    recipe = record.preprocess
    pixels = crop[..., ::-1] if recipe["colour"] == "BGR" else crop
    mean, std = (np.array(recipe[key], np.float32) for key in ("mean", "std"))
    tensor = ((pixels.astype(np.float32) - mean) / std).transpose(2, 0, 1)[np.newaxis]
    return Example(crop, np.ascontiguousarray(tensor))
