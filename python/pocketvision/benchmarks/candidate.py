"""What is measured: one network in one configuration of one runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Example:
    """One face as each runtime takes it.

    ``crop``: uint8 (H, W, 3) RGB. ``tensor``: float32 (1, 3, H, W), normalised.
    """

    crop: NDArray[np.uint8]
    tensor: NDArray[np.float32]


Runner = Callable[[Example], NDArray[Any]]
"""Example to embedding (D,), ready to be timed."""


@dataclass(frozen=True)
class Candidate:
    """``load`` builds the runner: with one thread, on the processor it is called on."""

    runtime: str
    precision: str
    variant: str
    load: Callable[[], Runner]


@dataclass(frozen=True)
class Sources:
    """Files of one network that peers run; each list holds (variant, ONNX file).

    ``weights``: float weights for torch, or None when there are none.
    """

    name: str
    floats: list[tuple[str, Path]]
    int8s: list[tuple[str, Path]]
    weights: Path | None


class Absent(Exception):  # noqa: N818  (a reason to skip, not a failure)
    """A peer cannot run here; the text says why and what to install."""
