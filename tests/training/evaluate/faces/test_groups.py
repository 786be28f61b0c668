"""False match rates by group: labels of file names, rates against a plain count, intervals."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from pocketvision.training.data.aside import aside  # noqa: E402
from pocketvision.training.evaluate.faces import groups  # noqa: E402


@pytest.mark.parametrize(
    ("source", "origin", "expected"),
    [
        ("aaf", "10429A35.jpg", ["aaf", "aaf, 20 to 39 years"]),
        ("aaf", "00001A02.jpg", ["aaf", "aaf, 0 to 12 years"]),
        ("aaf", "without.jpg", ["aaf"]),
        (
            "utk",
            "61_1_3_2017.jpg.chip.jpg",
            ["utk", "utk, 60 years and more", "utk, women", "utk, Indian"],
        ),
        (
            "utk",
            "39_1_20170116174525125.jpg.chip.jpg",
            ["utk", "utk, 20 to 39 years", "utk, women"],
        ),
        ("utk", "", ["utk"]),
        ("gl", "0.png", []),
    ],
)
def test_groups_of_a_picture(source: str, origin: str, expected: list[str]) -> None:
    assert groups.names(source, origin) == expected


def faces(count: int, shared: float, seed: int = 1) -> np.ndarray:
    """Embeddings (count, 16) that have a direction in common."""
    random = np.random.default_rng(seed).standard_normal((count, 16))
    random[:, 0] += shared
    return random.astype(np.float32)


def test_rates_are_those_of_all_pairs() -> None:
    rows = faces(60, 1.5)
    group = groups.measure("g", rows, [(0.01, 0.3), (0.001, 0.6)], draws=200)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    plain = [float(unit[i] @ unit[j]) for i in range(60) for j in range(i)]
    assert group.people == 60 and group.pairs == len(plain) == 1770
    assert group.percentiles["50"] == pytest.approx(np.median(plain), abs=1e-6)
    for rate, threshold in zip(group.rates, (0.3, 0.6), strict=True):
        assert rate.rate == pytest.approx(np.mean(np.array(plain) >= threshold))
        assert 0 < rate.low < rate.rate < rate.high < 1


def test_the_interval_holds_the_rate_of_many_more_people() -> None:
    """Nineteen times of twenty; of forty groups, at least 33 (a probability of 0.9986)."""
    threshold = [(0.01, 0.5)]
    true = groups.measure("all", faces(3000, 1.5, seed=99), threshold, draws=2).rates[0].rate
    held = 0
    for seed in range(40):
        (rate,) = groups.measure("g", faces(80, 1.5, seed), threshold, draws=200).rates
        held += rate.low <= true <= rate.high
    assert held >= 33


def test_nobody_matched_is_no_rate_of_zero() -> None:
    (rate,) = groups.measure("g", faces(60, 0), [(0.001, 0.999)], draws=50).rates
    assert rate.rate == 0 and rate.high == pytest.approx(3 / 30)


def test_a_group_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="g: 29 people, expected at least 30"):
        groups.measure("g", faces(29, 0), [(0.01, 0.5)])


def test_only_pictures_kept_aside_are_taken(tmp_path: Path) -> None:
    rows, seen = [], []
    for index in range(500):
        name = f"{index}.png"
        Image.new("RGB", (4, 4), (index % 256, index // 256, 7)).save(tmp_path / name)
        rows.append([name, "utk", f"{30 if index % 2 else 5}_0_0_x.jpg"])
    with open(tmp_path / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path", "source", "origin"], *rows])

    def embed(crops: np.ndarray) -> np.ndarray:
        seen.extend(int(crop[0, 0, 0]) + 256 * int(crop[0, 0, 1]) for crop in crops)
        return np.random.default_rng(len(seen)).standard_normal((len(crops), 8)).astype(np.float32)

    found, small = groups.by_group(embed, [(tmp_path, tmp_path / "list.csv")], [(0.01, 0.9)])
    assert seen == [index for index in range(500) if aside(f"{index}.png")]
    assert {"utk", "utk, men"} <= {group.name for group in found}
    assert {group.name for group in found} | set(small) == {
        "utk", "utk, men", "utk, White", "utk, 0 to 12 years", "utk, 20 to 39 years",
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"list\.csv: column origin missing"):
        (tmp_path / "list.csv").write_text("path,source\n")
        groups.by_group(embed, [(tmp_path, tmp_path / "list.csv")], [(0.01, 0.9)])
