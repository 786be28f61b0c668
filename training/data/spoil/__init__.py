"""Ways to spoil a face's picture until nothing can be known from it, each with a strength.

A kind is a function of (uint8 RGB (H, W, 3), strength 0 to 1, generator) that returns such a
picture. ``SHOWN`` are those that the quality's network learns from, ``HELD_OUT`` those that it
never sees: how well it does there says what it will do with what nobody thought of.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import cover, lens, light, nothing, place, sensor

Spoil = Callable[[NDArray[np.uint8], float, np.random.Generator], NDArray[np.uint8]]

SHOWN: dict[str, Spoil] = {
    "blurred": lens.blurred,
    "motion": lens.motion,
    "few pixels": lens.few_pixels,
    "mosaic": lens.mosaic,
    "glass": lens.glass,
    "zoomed": lens.zoomed,
    "dark": light.dark,
    "bright": light.bright,
    "low contrast": light.low_contrast,
    "side light": light.side_light,
    "gamma": light.gamma,
    "harsh": light.harsh,
    "vignette": light.vignette,
    "coloured light": light.coloured,
    "hues": light.hues,
    "grey": light.grey,
    "few levels": light.few_levels,
    "solarised": light.solarised,
    "inverted": light.inverted,
    "noise": sensor.noise,
    "shot noise": sensor.shot_noise,
    "coloured noise": sensor.coloured_noise,
    "salt and pepper": sensor.salt_and_pepper,
    "jpeg": sensor.jpeg,
    "sharpened": sensor.sharpened,
    "outlined": sensor.outlined,
    "two tones": sensor.two_tones,
    "median": sensor.median,
    "turned": place.turned,
    "quarter turns": place.quarter_turns,
    "shifted": place.shifted,
    "scaled": place.scaled,
    "squeezed": place.squeezed,
    "sheared": place.sheared,
    "bent": place.bent,
    "rectangle": cover.rectangle,
    "half": cover.half,
    "patched": cover.patched,
    "stripes": cover.stripes,
    "banded": cover.banded,
    "lines": cover.lines,
    "noise alone": nothing.noise_alone,
    "flat": nothing.flat,
    "waves": nothing.waves,
    "clouds": nothing.clouds,
}
HELD_OUT: dict[str, Spoil] = {
    "defocused": lens.defocused,
    "fog": light.fog,
    "lost rows": sensor.lost_rows,
    "swirled": place.swirled,
    "discs": cover.discs,
    "shuffled tiles": nothing.shuffled_tiles,
    "checkerboard": nothing.checkerboard,
    "scribble": nothing.scribble,
}
KINDS = {**SHOWN, **HELD_OUT}
NO_FACE = frozenset(
    {"noise alone", "flat", "waves", "clouds", "shuffled tiles", "checkerboard", "scribble"}
)
"""Kinds of which nothing of the face is left, at any strength."""
