"""One row of the benchmark's results, as JSON holds it."""

from __future__ import annotations

from typing import Any

from .contest import Ready
from .machine import facts, version
from .measure import Timing
from .network import Network
from .start import Start


def row(
    network: Network,
    entrant: Ready,
    timing: Timing,
    own: Timing,
    rounds: int,
    start: Start | None,
) -> dict[str, Any]:
    """What one entrant took: network, runtime, version, precision, variant, median, quartiles.

    ``cosine_to_float``: None when there is no float reference; ``start_ms``, ``resident_mb`` and
    ``installed_mb``: only where a cold start was measured. ``noise``: random weights. ``date``: for
    files that rows of several runs share.
    """
    candidate = entrant.candidate
    return {
        "network": network.name,
        "noise": network.noise,
        "date": facts()["date"],
        "runtime": candidate.runtime,
        "version": candidate.version or version(candidate.runtime),
        "precision": candidate.precision,
        "variant": candidate.variant,
        "threads": 1,
        "rounds": rounds,
        "median_ms": timing.median,
        "q1_ms": timing.lower,
        "q3_ms": timing.upper,
        "iqr_ms": timing.spread,
        "ratio_to_ours": timing.median / own.median,
        "cosine_to_float": entrant.cosine,
        "start_ms": start.timing.median if start else None,
        "start_iqr_ms": start.timing.spread if start else None,
        "resident_mb": start.resident if start else None,
        "installed_mb": start.installed if start else None,
    }
