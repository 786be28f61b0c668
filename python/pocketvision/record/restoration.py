"""The part of a record that only a network that restores faces has: how small they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .fields import bad, is_int


@dataclass(frozen=True)
class Restoration:
    """The task ``restoration``: a face of few pixels, enlarged to ``preprocess.size``, made sharp.

    The output has the input's shape and units: ``value * std + mean`` is a pixel.

    ``smallest``, ``largest``: pixels a side of the face crops that it was trained for, before they
    were enlarged.

    Raises ValueError that names the field when one is malformed.
    """

    smallest: int
    largest: int

    def __post_init__(self) -> None:
        for key in ("smallest", "largest"):
            value = getattr(self, key)
            if not is_int(value) or not 1 <= value <= 4096:
                raise bad(key, "pixels from 1 to 4096", value)
        if self.smallest > self.largest:
            raise bad("smallest", f"at most largest, {self.largest}", self.smallest)

    @staticmethod
    def check_preprocess(preprocess: Mapping[str, Any]) -> None:
        """ValueError unless it has alignment points, or None that is said outright."""
        if "template" not in preprocess:
            raise ValueError("record field 'preprocess': 'template' is missing")
