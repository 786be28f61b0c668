"""The part of a record that only a face detector has: its cells, and when a cell is a face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import bad, is_int, number, sequence

MOST_STRIDES = 4


@dataclass(frozen=True)
class FaceDetection:
    """The task ``face-detection``: an output (1, height / s, width / s, 16) for each stride s.

    The channels of a cell: the logits of class and objectness divided by ``logit``; from its centre
    ``((column + 0.5) s, (row + 0.5) s)``, in units of s, the distances to a box's left, top, right
    and bottom edge, and x, y of image-left eye, image-right eye, nose, left and right mouth corner.

    ``strides``: fine to coarse, in the order of the outputs. ``score``: geometric mean of both
    probabilities from which on a cell is a face. ``overlap``: intersection over union above which
    of two boxes the less likely goes.

    Raises ValueError that names the field when one is malformed.
    """

    strides: list[int]
    score: float
    overlap: float
    logit: float = 1.0

    def __post_init__(self) -> None:
        strides = sequence("strides", self.strides)
        fine = all(is_int(stride) and 1 <= stride <= 256 for stride in strides)
        if not fine or not 1 <= len(strides) <= MOST_STRIDES or strides != sorted(set(strides)):
            raise bad("strides", f"1 to {MOST_STRIDES} rising integers from 1 to 256", strides)
        object.__setattr__(self, "strides", strides)
        for name in ("score", "overlap"):
            value = number(name, getattr(self, name))
            if not 0 < value < 1:
                raise bad(name, "a number between 0 and 1", value)
        if not 0 < number("logit", self.logit) <= 1000:
            raise bad("logit", "a number above 0, at most 1000", self.logit)

    def check_preprocess(self, preprocess: Mapping[str, Any]) -> None:
        """ValueError where it has alignment points, or a size that the strides do not divide."""
        if preprocess.get("template") is not None:
            raise ValueError("record field 'preprocess': a detector has no 'template' to align to")
        for side in preprocess["size"]:
            if side % self.strides[-1]:
                raise bad("preprocess.size", f"multiples of {self.strides[-1]}", side)
