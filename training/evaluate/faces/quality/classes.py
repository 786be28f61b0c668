"""Classes of spoilt pictures, and what the gate leaves of each among pairs of different people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from ....data import spoil

Picture = NDArray[np.uint8]
Spoiler = Callable[[Picture, np.random.Generator], Picture]

STRENGTHS = (0.3, 0.6, 1.0)
LEAST_PAIRS = 100
"""Pairs below which a rate of 5 % cannot be told from a few times as much."""


def _blur(picture: Picture, random: np.random.Generator) -> Picture:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(4)))


def _sixteen(picture: Picture, random: np.random.Generator) -> Picture:
    small = Image.fromarray(picture).resize((16, 16), Image.Resampling.BOX)
    return np.asarray(small.resize(picture.shape[1::-1], Image.Resampling.BILINEAR))


def _dark(picture: Picture, random: np.random.Generator) -> Picture:
    return (picture * 0.03).astype(np.uint8)


def _noise(picture: Picture, random: np.random.Generator) -> Picture:
    return random.integers(0, 256, picture.shape, np.uint8)


def _turned(picture: Picture, random: np.random.Generator) -> Picture:
    return np.ascontiguousarray(np.rot90(picture))


def coloured(picture: Picture, random: np.random.Generator) -> Picture:
    """A strong cast: of the three colours one at full, the others at 0.35 to 0.8."""
    gain = random.uniform(0.35, 0.8, 3)
    gain[int(random.integers(3))] = 1
    return np.rint(picture * gain).astype(np.uint8)


NAMED: dict[str, Spoiler] = {
    "blur, radius 4": _blur,
    "16 pixels": _sixteen,
    "a thirtieth of the light": _dark,
    "white noise": _noise,
    "turned by 90 degrees": _turned,
}


def classes() -> dict[str, tuple[Spoiler, bool]]:
    """By name: how it is spoilt, and whether the network was shown such pictures."""
    found = {name: (spoiler, True) for name, spoiler in NAMED.items()}
    for kind, function in spoil.KINDS.items():
        for strength in (1.0,) if kind in spoil.NO_FACE else STRENGTHS:
            name = kind if kind in spoil.NO_FACE else f"{kind} {strength:g}"
            found[name] = (partial(_at, function, strength), kind in spoil.SHOWN)
    return found


def _at(
    function: spoil.Spoil, strength: float, picture: Picture, random: np.random.Generator
) -> Picture:
    return function(picture, strength, random)


@dataclass(frozen=True)
class Gate:
    """One class and one model: of ``people`` faces, the share that passes; false matches among all
    pairs of different people and among those of which both pass, NaN where those are too few;
    ``fmr_relied``: of the latter those matches alone that lie beyond the larger margin."""

    name: str
    shown: bool
    people: int
    passed: float
    fmr_before: float
    fmr: float
    fmr_relied: float
    pairs: int


def gate(
    name: str,
    shown: bool,
    embeddings: NDArray[np.float32],
    reliable: NDArray[np.bool_],
    margins: NDArray[np.floating],
    threshold: float,
) -> Gate:
    """``embeddings`` unit (N, D), a face of another person each; ``reliable``, ``margins`` (N)."""
    cosine = embeddings @ embeddings.T
    upper = np.triu_indices(len(cosine), 1)
    both = (reliable[:, None] & reliable[None, :])[upper]
    match = cosine[upper] >= threshold
    margin = np.maximum(margins[:, None], margins[None, :])[upper]
    relied = cosine[upper] >= threshold + margin
    pairs = int(both.sum())

    def among(hits: NDArray[np.bool_]) -> float:
        return float(hits[both].mean()) if pairs >= LEAST_PAIRS else float("nan")

    passed, before = float(reliable.mean()), float(match.mean())
    return Gate(name, shown, len(cosine), passed, before, among(match), among(relied), pairs)


def spoilt(crops: Picture, spoiler: Spoiler, seed: int) -> Picture:
    random = np.random.default_rng(seed)
    return np.stack([spoiler(crop, random) for crop in crops])
