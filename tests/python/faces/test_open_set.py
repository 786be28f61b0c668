"""Thresholds by the gallery's size: what is calibrated, between, below, above, and refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pocketvision.errors import InputError
from pocketvision.faces.open_set import open_set
from pocketvision.record import Record


def entry(size: int, fpir: float, threshold: float, low: float, high: float) -> dict[str, Any]:
    return {
        "size": size, "fpir": fpir, "threshold": threshold, "interval": [low, high],
        "dataset": "made", "protocol": "none",
    }  # fmt: skip


@pytest.fixture
def record(record_values: dict[str, Any]) -> Record:
    """Sizes 10 and 1,000 at three rates, in no order."""
    entries = [
        entry(1000, 0.01, 0.5, 0.006, 0.02), entry(10, 0.01, 0.3, 0.008, 0.012),
        entry(10, 0.001, 0.4, 0.0005, 0.002), entry(1000, 0.001, 0.6, 0.0, 0.003),
        entry(1000, 0.1, 0.4, 0.08, 0.13), entry(10, 0.1, 0.2, 0.09, 0.11),
    ]  # fmt: skip
    return Record.from_dict({**record_values, "identification": entries})


def test_calibrated_sizes(record: Record) -> None:
    found = open_set(record, 0.01, np.int64(1000))  # type: ignore[arg-type]
    assert (found.threshold, found.fpir, found.interval) == (0.5, 0.01, (0.006, 0.02))
    assert found.size == 1000 and found.dataset == "made" and not found.extrapolated


def test_between_the_threshold_follows_the_logarithm_of_the_size(record: Record) -> None:
    found = open_set(record, 0.01, 100)
    assert found.threshold == pytest.approx(0.4)
    assert found.interval == (0.006, 0.02) and not found.extrapolated
    thresholds = [open_set(record, 0.01, size).threshold for size in range(1, 10_000, 37)]
    assert thresholds == sorted(thresholds)


def test_below_the_smallest_it_can_only_raise_fewer_alarms(record: Record) -> None:
    found = open_set(record, 0.01, 1)
    assert found.threshold == 0.3 and found.interval == (0.0, 0.012)


def test_above_the_largest_as_if_galleries_failed_apart(record: Record) -> None:
    found = open_set(record, 0.1, 5000)
    each = 1 - (1 - 0.1) ** (1 / 5)
    part = math.log(each / 0.01) / math.log(10)
    assert found.threshold == pytest.approx(0.5 - 0.1 * part)
    assert found.extrapolated and found.dataset == "made, extrapolated from 1000 templates"
    assert found.interval[0] < 0.1 < found.interval[1] < 1
    # Where the rate asked of each is calibrated, the threshold is that of it.
    most = math.floor(math.log1p(-0.1) / math.log1p(-0.001) * 1000 + 1e-9)
    assert open_set(record, 0.1, most).threshold == pytest.approx(0.6, abs=1e-4)
    with pytest.raises(InputError, match=f"among {most + 1} templates: .* up to {most} at this"):
        open_set(record, 0.1, most + 1)
    with pytest.raises(InputError, match="up to 1000 at this rate"):
        open_set(record, 0.001, 1001)


@pytest.fixture
def several(record: Record) -> Record:
    """The same, and up to 100 people of three and of five templates each."""
    more = [
        entry(size, 0.1, threshold, 0.05, 0.2) | {"templates": each}
        for each, size, threshold in [(3, 10, 0.3), (3, 100, 0.5), (5, 10, 0.35), (5, 100, 0.6)]
    ]
    return record.with_(identification=[*record.identification, *more])


@pytest.mark.parametrize(
    ("size", "people", "each", "held"),
    [
        (100, 100, 1, 100),  # one each
        (110, 100, 1, 110),  # nearly so
        (300, 100, 3, 100),  # three each
        (201, 67, 3, 67),  # the same of fewer
        (90, 10, 5, 18),  # nine each count as two people of five
        (500, 100, 5, 100),  # three of five count as more people than are calibrated
        (400, 100, 1, 400),  # one of one takes fewer than one of five
    ],
)
def test_the_calibration_that_takes_the_fewest_templates(
    several: Record, size: int, people: int, each: int, held: int
) -> None:
    found = open_set(several, 0.1, size, people)
    own = [e for e in several.identification if e.get("templates", 1) == each]
    alone = several.with_(identification=[{**e, "templates": 1} for e in own])
    assert found.threshold == open_set(alone, 0.1, held).threshold
    assert (found.size, found.people, found.extrapolated) == (size, people, False)
    filled = size == each * people
    assert found.interval == (
        open_set(alone, 0.1, held).interval[0] if filled else 0,
        found.interval[1],
    )


def test_more_templates_than_any_calibration_carries(several: Record) -> None:
    alone = several.with_(identification=[e for e in several.identification if "templates" in e])
    with pytest.raises(
        InputError, match="600 templates of 101 people: .* up to 100 people of 5 temp"
    ):
        open_set(alone, 0.1, 600, 101)
    # The other rate is that of one template each, which still carries it by a lower rate.
    assert open_set(several, 0.1, 9000, 4000).extrapolated
    with pytest.raises(InputError, match="calibrated: 0.1, 0.01, 0.001"):
        open_set(several, 0.5, 10)
    for people in (0, 11, 2.5, True):
        with pytest.raises(InputError, match="^people: expected whose the 10 templates are"):
            open_set(several, 0.1, 10, people)  # type: ignore[arg-type]


@pytest.mark.parametrize("fpir", [0.02, 0, 1, -1, 10**400, float("nan"), True, "0.01", None])
def test_other_rates_are_refused(record: Record, fpir: Any) -> None:
    with pytest.raises(InputError, match="^fpir: "):
        open_set(record, fpir, 10)


@pytest.mark.parametrize("size", [0, -3, 2.5, True, "10", None])
def test_sizes_that_are_none(record: Record, size: Any) -> None:
    with pytest.raises(InputError, match="^size: expected the number of enrolled templates"):
        open_set(record, 0.01, size)


def test_a_model_without_calibration_says_what_to_type(record_values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="not calibrated .*pocketvision calibrate FOLDER"):
        open_set(Record.from_dict(record_values), 0.01, 10)
