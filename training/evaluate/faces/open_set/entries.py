"""What a record says of identification, and of rates that View 2 of LFW is too small for."""

from __future__ import annotations

import numpy as np

from pocketvision.faces.calibration import alarms, calibrate, pairs, rates
from pocketvision.record import Identification, Threshold

from . import strangers

MORE_FARS = (5e-2, 1e-4)
"""False accept rates that a record states of all pairs of LFW's people, besides those of View 2."""


def identification(
    rows: pairs.Rows, people: strangers.People, precision: str, *, draws: int = alarms.DRAWS
) -> list[Identification]:
    """A record's entries, of all ``people``."""
    count = len(np.unique(people.names))
    fpirs = [fpir for fpir in calibrate.FPIRS if alarms.carried(count, fpir)]
    sizes = [size for size in calibrate.SIZES if size < count]
    met = alarms.meet(rows, people.names, alarms.needed(sizes, fpirs), strangers.WORLDS)
    protocol = f"all galleries among {count} people, one view, {precision}"
    found = alarms.alarms(met, sizes, fpirs, draws=draws)
    return calibrate.entries(found, strangers.DATASET, protocol)


def more_thresholds(rows: pairs.Rows, people: strangers.People, precision: str) -> list[Threshold]:
    """A record's thresholds at those of ``MORE_FARS`` that all pairs of LFW's people carry."""
    own = people.of("lfw")
    _, number = np.unique(people.names[own], return_inverse=True)
    found = pairs.strangers(rows[own], number, rates.share_for(list(MORE_FARS)))
    every = [rates.rate(found, number, far) for far in MORE_FARS]
    return [
        {
            "far": rate.far,
            "threshold": pairs.rounded(rate.threshold, up=True),
            "interval": [pairs.rounded(rate.low, up=False), pairs.rounded(rate.high, up=True)],
            "dataset": "LFW",
            "protocol": f"all {rate.pairs} pairs of {rate.people} people, one view, {precision}",
        }
        for rate in every
        if rate.carried
    ]
