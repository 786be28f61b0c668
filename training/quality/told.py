"""What the quality's network is told of each sample: its trust, whether a face, and why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import spoil
from .samples import NAMES, Samples

REASONS = (
    *("blurred", "dark", "bright", "faint", "noisy", "covered", "misplaced"),
    "no face",
)
"""In the order of PV_QUALITY_BLURRED to PV_QUALITY_NO_FACE."""

_REASON_OF = {
    "background": "no face",
    "blurred": "blurred",
    "motion": "blurred",
    "few pixels": "blurred",
    "mosaic": "blurred",
    "glass": "blurred",
    "zoomed": "blurred",
    "median": "blurred",
    "dark": "dark",
    "gamma": "bright",
    "harsh": "bright",
    "vignette": "covered",
    "side light": "bright",
    "bright": "bright",
    "low contrast": "faint",
    "coloured light": "dark",
    "inverted": "no face",
    "few levels": "noisy",
    "solarised": "noisy",
    "sharpened": "noisy",
    "outlined": "noisy",
    "two tones": "noisy",
    "noise": "noisy",
    "coloured noise": "noisy",
    "salt and pepper": "noisy",
    "shot noise": "noisy",
    "jpeg": "noisy",
    "turned": "no face",
    "quarter turns": "no face",
    "shifted": "misplaced",
    "scaled": "misplaced",
    "squeezed": "misplaced",
    "sheared": "misplaced",
    "bent": "misplaced",
    "rectangle": "covered",
    "half": "covered",
    "patched": "covered",
    "stripes": "covered",
    "banded": "covered",
    "lines": "covered",
}

_NO_FACE_FROM = {"turned": 0.22, "shifted": 0.4, "quarter turns": 0.0}
"""Strength from which nobody would say that the crop shows an upright face."""

APART, TOGETHER = 0.02, 0.08
"""Shares of strangers, spoilt alike, that a face is confused with: up to the first it counts as
apart from them, from the second on as fallen together. Half way lie 5 %, which is what the gate
shall keep to; clean strangers at the same threshold have 1 %."""

FACE_LEFT = 0.3
"""Below this nobody knows whether a spoilt picture still looks like a face: it is not told."""

SPOILT = 0.6
"""Reasons are told of samples that are trusted less."""


@dataclass(frozen=True)
class Told:
    """``trust`` and ``face``, float32 (N) 0 to 1; ``face_known`` float32 (N), 1 where ``face``
    counts; ``reason`` int64 (N), index into ``REASONS`` or -1."""

    trust: NDArray[np.float32]
    face: NDArray[np.float32]
    face_known: NDArray[np.float32]
    reason: NDArray[np.int64]


def trust(samples: Samples) -> NDArray[np.float32]:
    """What is left of the embedding, times how far strangers stay apart: 0 to 1."""
    apart = np.clip((TOGETHER - samples.confused) / (TOGETHER - APART), 0, 1)
    found: NDArray[np.float32] = samples.left * apart
    return found


def told(samples: Samples) -> Told:
    names = np.array(NAMES)[samples.kinds]
    nothing = np.isin(names, [*spoil.NO_FACE, "background"])
    for kind, strength in _NO_FACE_FROM.items():
        nothing |= (names == kind) & (samples.strengths >= strength)
    known = nothing | (samples.left > FACE_LEFT)
    number = {name: REASONS.index(_REASON_OF.get(name, "no face")) for name in NAMES}
    reason = np.array([number[name] for name in names], np.int64)
    trusted = trust(samples)
    reason[trusted >= SPOILT] = -1
    # A name may stand for what the picture is not: turned by a little it is misplaced.
    reason[(names == "turned") & ~nothing & (reason >= 0)] = REASONS.index("misplaced")
    return Told(
        trusted,
        (~nothing).astype(np.float32),
        known.astype(np.float32),
        reason,
    )
