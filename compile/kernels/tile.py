"""What a template may choose beyond what the shape of its kernel says: sizes of a register tile."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """Each number is at least 1; None leaves the choice to the template's own rule.

    Args:
        pixels: outputs of a row that a tile holds.
        blocks: vectors of output channels that a tile holds; the weights are packed for it.
        rows: rows of outputs that a tile holds.
        unrolled: dot steps of a tile that are written out; more go into a loop.
    """

    pixels: int | None = None
    blocks: int | None = None
    rows: int | None = None
    unrolled: int | None = None

    def __str__(self) -> str:
        words = (f"{name} {value}" for name, value in vars(self).items() if value is not None)
        return ", ".join(words) or "default"


OWN = Tile()
"""Every choice as the template's own rule has it."""
