"""What is measured: one network in one configuration of one runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pocketvision.bench.start import FirstFace


@dataclass(frozen=True)
class Example:
    """One face as each runtime takes it.

    ``crop``: uint8 (H, W, 3) RGB. ``tensor``: float32 (1, 3, H, W), normalised.
    """

    crop: NDArray[np.uint8]
    tensor: NDArray[np.float32]


class Bound(NamedTuple):
    """A runtime whose input memory holds a face already: no copy falls into the time.

    ``run``: one embedding; it alone is timed. ``read``: the embedding (D,) of the last ``run``.
    """

    run: Callable[[], object]
    read: Callable[[], NDArray[Any]]


Runner = Callable[[Example], Bound]
"""A loaded network: puts an example where the runtime takes it. A ``Child`` times itself."""


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
