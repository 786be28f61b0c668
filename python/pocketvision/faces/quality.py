"""Quality of a face: how far its embedding can be trusted, with the reasons where it cannot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    """What is known of one face's picture.

    ``score``: 0 to 100, more is better. ``reasons``: why answers that rest on it are not reliable,
    a short sentence each; none for a face that is good enough.
    """

    score: int
    reasons: tuple[str, ...] = ()

    @property
    def reliable(self) -> bool:
        """Whether nothing speaks against an answer that rests on this face."""
        return not self.reasons
