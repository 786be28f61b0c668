"""Open-set thresholds: the score that keeps false alarms at a rate, at the gallery's size."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..record import Record


@dataclass(frozen=True)
class OpenSet:
    """A threshold of identification among ``size`` enrolled templates.

    ``threshold``: cosine. ``fpir``: share of strangers' probes with any template at or above it
    (ISO/IEC 19795-1); ``interval``: its 95 % bounds. ``dataset``: what it was calibrated on.
    """

    threshold: float
    fpir: float
    interval: tuple[float, float]
    size: int
    dataset: str


def open_set(record: Record, fpir: float, size: int) -> OpenSet:
    """The threshold at ``fpir`` for ``size`` enrolled templates; InputError where none is known."""
    raise InputError(
        f"fpir: {record.full_name} is not calibrated for identification at {fpir:g} among {size}"
    )
