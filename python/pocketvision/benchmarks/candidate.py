"""What is measured: one network in one configuration of one runtime."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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
"""Example to embedding (D,), ready to be timed. A ``Child`` times itself."""


@dataclass(frozen=True)
class FirstFace:
    """A program for ``python -c`` that makes one embedding and ends; for the cold start.

    ``packages``: distributions whose installed size counts; ``python``: interpreter that has them.
    """

    program: str
    packages: tuple[str, ...]
    python: Path = Path(sys.executable)


class Configured(Protocol):
    """What says which face a configuration takes, and how near the float network it has to be."""

    @property
    def precision(self) -> str: ...
    @property
    def quantised_by_us(self) -> bool: ...


@dataclass(frozen=True)
class Candidate:
    """``load`` builds the runner: with one thread, on the processor it is called on.

    ``convert``: makes the file that ``load`` reads, on any processor; either may raise Absent.
    ``version``: where the runtime is not installed in this environment under its own name.
    ``quantised_by_us``: the int8 file that we compile too, whose input is normalised otherwise.
    """

    runtime: str
    precision: str
    variant: str
    load: Callable[[], Runner]
    first: FirstFace | None = None
    version: str | None = None
    quantised_by_us: bool = False
    convert: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Sources:
    """Files of one network that peers run; each list holds (variant, ONNX file).

    ``weights``: float weights for torch, or None when there are none. ``noise``: they are random.
    ``calibration``: float32 (N, 3, H, W) for quantisers of peers, as .npy. ``envs``: folder of the
    environments of peers that cannot share ours.
    """

    name: str
    floats: list[tuple[str, Path]]
    int8s: list[tuple[str, Path]]
    weights: Path | None
    noise: bool = False
    calibration: Path | None = None
    envs: Path | None = None


class Absent(Exception):  # noqa: N818  (a reason to skip, not a failure)
    """A peer cannot run here; the text says why and what to install."""
