"""A detector's score on whole pictures, fitted into its input."""

from __future__ import annotations

from ...data.detect import Faces
from . import protocol
from .seen import Detector

SMALLEST = 10.0
"""Pixels of the input that a judged face has at least."""


def judge(detect: Detector, kept: Faces, height: int, width: int) -> protocol.Score:
    """Of faces of at least ``SMALLEST`` pixels in an input of ``height`` by ``width``."""
    matches = []
    for index, labels in enumerate(kept.labels):
        picture = kept.picture(index)
        scale = min(height / picture.shape[0], width / picture.shape[1])
        true = protocol.truth(labels, SMALLEST / scale)
        matches.append(protocol.match(detect(picture), true))
    return protocol.score(matches)
