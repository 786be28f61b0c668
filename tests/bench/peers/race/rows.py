"""One row of the benchmark's results, as JSON holds it."""

from __future__ import annotations

from typing import Any

from pocketvision.bench.machine import facts, version
from pocketvision.bench.measure import Timing
from pocketvision.bench.start import Start

from ..networks.network import Network
from .contest import Ready


def row(
    network: Network,
    entrant: Ready,
    timing: Timing,
    own: Timing,
    rounds: int,
    start: Start | None,
) -> dict[str, Any]:
    """What one entrant took: network, runtime, version, precision, variant, median, quartiles,
    ``fast_ms`` (a tenth of the rounds took less), ``steady`` (see ``Timing``).

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
        "fast_ms": timing.fast,
        "steady": timing.steady,
        "ratio_to_ours": timing.median / own.median,
        "cosine_to_float": entrant.cosine,
        "start_ms": start.timing.median if start else None,
        "start_iqr_ms": start.timing.spread if start else None,
        "resident_mb": start.resident if start else None,
        "installed_mb": start.installed if start else None,
    }
