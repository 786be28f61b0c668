"""Damaged copies of a face: darker, blurred, mirrored, JPEG blocks and half the resolution."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from .faces import Face

DARKER = 0.45
BLUR_SHARE = 0.04
"""Standard deviation of the blur as a share of the distance between the eyes."""
JPEG_QUALITY = 12

# Mirroring turns the left eye into the right one, and likewise the corners of the mouth.
_MIRRORED = [1, 0, 2, 4, 3]


def darker(face: Face) -> Face:
    """45 % of the brightness."""
    return _with(face, ImageEnhance.Brightness(_image(face)).enhance(DARKER))


def blurred(face: Face) -> Face:
    """Gaussian blur of 4 % of the distance between the eyes."""
    eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    return _with(face, _image(face).filter(ImageFilter.GaussianBlur(BLUR_SHARE * eyes)))


def mirrored(face: Face) -> Face:
    """Left and right exchanged, landmarks too."""
    landmarks = face.landmarks[_MIRRORED].copy()
    landmarks[:, 0] = face.picture.shape[1] - 1 - landmarks[:, 0]
    return Face(face.name, np.ascontiguousarray(face.picture[:, ::-1]), landmarks)


def jpeg(face: Face) -> Face:
    """Through JPEG at quality 12."""
    buffer = io.BytesIO()
    _image(face).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return _with(face, Image.open(buffer))


def half_resolution(face: Face) -> Face:
    """Shrunk to half its width and height; landmarks too."""
    image = _image(face)
    small = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    return Face(face.name, np.asarray(small), (face.landmarks + 0.5) / 2 - 0.5)


COPIES: dict[str, Callable[[Face], Face]] = {
    "darker": darker,
    "blurred": blurred,
    "mirrored": mirrored,
    "JPEG 12": jpeg,
    "half size": half_resolution,
}


def _image(face: Face) -> Image.Image:
    return Image.fromarray(face.picture)


def _with(face: Face, image: Image.Image) -> Face:
    return Face(face.name, np.asarray(image), face.landmarks)
