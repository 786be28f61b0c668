"""The part of a record that only a classifier of clips has: its classes, and what a window is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import bad, is_int, sequence, text

MODALITIES = ("rgb", "difference", "flow")


@dataclass(frozen=True)
class Clips:
    """The task ``clips``.

    ``classes``: their names, in the order of the scores. ``frames``: of a window. ``stride``: of
    how many of the camera's frames it has one. ``modality``: what a stream sees, one of
    ``MODALITIES`` or two joined by a plus sign; ``difference`` is that of two frames after mean and
    deviation, ``flow`` stands after the colours.

    Raises ValueError that names the field when one is malformed.
    """

    classes: list[str]
    frames: int
    stride: int = 1
    modality: str = "rgb"

    def __post_init__(self) -> None:
        names = sequence("classes", self.classes)
        for index, name in enumerate(names):
            text(f"classes[{index}]", name)
        if len(names) < 2 or len(set(names)) < len(names):
            raise bad("classes", "two or more different names", names)
        object.__setattr__(self, "classes", names)
        for key in ("frames", "stride"):
            value = getattr(self, key)
            if not is_int(value) or value < 1:
                raise bad(key, "a positive integer", value)
        text("modality", self.modality)
        streams = self.modality.split("+")
        if set(streams) - set(MODALITIES) or len(set(streams)) < len(streams):
            raise bad("modality", f"{', '.join(MODALITIES)}, or two with a plus", self.modality)

    @staticmethod
    def check_preprocess(preprocess: Mapping[str, Any]) -> None:
        """ValueError where it has alignment points, which are a face's."""
        if preprocess.get("template") is not None:
            raise ValueError("record field 'preprocess': a clip has no 'template' to align to")
