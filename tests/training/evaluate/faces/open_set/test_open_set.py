"""Identification on new people: who is taken, FPIR and FNIR against all galleries, the records."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from pocketvision.faces.calibration.pairs import unit_rows  # noqa: E402
from pocketvision.record import Record  # noqa: E402
from pocketvision.training.data.aside import aside  # noqa: E402
from pocketvision.training.evaluate.faces.open_set import (  # noqa: E402
    entries,
    strangers,
    trials,
)


def crowd(people: int, pictures: int, seed: int = 0) -> tuple[np.ndarray, strangers.People]:
    random = np.random.default_rng(seed)
    rows = np.repeat(random.standard_normal((people, 8)), pictures, axis=0)
    rows += 0.5 * random.standard_normal(rows.shape)
    names = np.repeat([f"p{i:04}" for i in range(people)], pictures)
    return unit_rows(rows), strangers.People([], names, np.full(len(rows), "lfw"))


def test_people_are_lfw_and_kept_adults(tmp_path: Path) -> None:
    for name in ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bo/Bo_0001.jpg", "loose.jpg"):
        (tmp_path / "lfw" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), len(name)).save(tmp_path / "lfw" / name)
    rows = []
    for index in range(300):
        years = (5, 17, 18, 70)[index % 4]
        origin = f"{years}_0_0_x.jpg" if index % 2 else f"1234A{years:02}.jpg"
        rows.append([f"{index}.png", "utk" if index % 2 else "aaf", origin])
    rows += [["g.png", "gen", "30_0.jpg"], ["n.png", "utk", "nobody.jpg"]]
    with open(tmp_path / "list.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path", "source", "origin"], *rows])
    found = strangers.read(tmp_path / "lfw", [(tmp_path, tmp_path / "list.csv")])
    assert found.names[:3].tolist() == ["Ann", "Ann", "Bo"] and len(found.of("lfw")) == 3
    kept = {
        f"{source}/{path}"
        for path, source, _ in rows[:300]
        if aside(path) and int(path[:-4]) % 4 > 1
    }
    assert set(found.names[3:].tolist()) == kept and len(kept) > 5

    def embed(crops: np.ndarray) -> np.ndarray:
        return crops.reshape(len(crops), -1).astype(np.float32)

    lfw = strangers.read(tmp_path / "lfw")
    assert strangers.embed(embed, lfw).shape == (3, 48)
    with pytest.raises(FileNotFoundError, match="holds no Name/Name_0001.jpg"):
        strangers.read(tmp_path / "none")


@pytest.mark.parametrize("size", [1, 2, 4, 6])
@pytest.mark.parametrize("threshold", [-1.0, 0.5, 0.9])
def test_fnir_is_that_of_all_galleries(size: int, threshold: float) -> None:
    rows, people = crowd(6, 1, 1)
    random = np.random.default_rng(2)
    # Three of six have a second picture, which is far from the first.
    second = unit_rows(rows[:3] + 0.9 * random.standard_normal((3, 8)))
    everything = np.concatenate([rows, second])
    names = np.concatenate([people.names, people.names[:3]])
    mates = trials.Mates(everything, names, seed=5)
    # Which of the two is enrolled is drawn; the plain count tries both and one of them must do.
    found = []
    for swapped in range(8):
        enrolled, probes = rows.copy(), second.copy()
        for person in range(3):
            if swapped >> person & 1:
                enrolled[person], probes[person] = probes[person].copy(), enrolled[person].copy()
        missed = total = 0
        for person in range(3):
            scores = enrolled @ probes[person]
            for others in combinations([p for p in range(6) if p != person], size - 1):
                best = max((scores[o] for o in others), default=-2.0)
                missed += not (scores[person] >= threshold and scores[person] > best)
                total += 1
        found.append(missed / total)
    assert any(mates.fnir(size, threshold) == pytest.approx(one) for one in found)


def test_splits_calibrate_on_some_and_measure_on_others() -> None:
    rows, people = crowd(500, 2)
    found = trials.trials(
        rows, people, splits=2, calibrating=300, sizes=(10, 150), fpirs=(0.05, 0.01), draws=30
    )
    assert {(t.split, t.size, t.fpir) for t in found} == {
        (split, size, fpir) for split in (0, 1) for size in (10, 150) for fpir in (0.05, 0.01)
    }
    assert sum(t.inside for t in found) >= 7
    for t in found:
        assert 0 <= t.low <= t.fpir <= t.high <= 1 and 0 < t.fnir < 1
    assert found[0].threshold != found[4].threshold  # other people calibrated it


def test_entries_of_records(record_values: dict) -> None:
    rows, people = crowd(400, 2)
    found = entries.identification(rows, people, "int8", draws=20)
    assert {(e["size"], e["fpir"]) for e in found} == {
        (size, fpir) for size in (10, 30, 100, 300) for fpir in (0.1, 0.01)
    }
    record = Record.from_dict({**record_values, "identification": found})
    assert record.identification == found
    assert all("among 400 people, one view, int8" in e["protocol"] for e in found)
    for e in found:
        assert e["interval"][0] <= e["fpir"] <= e["interval"][1]
    # The people that calibrated it show what was asked for; a rate of their own is none here.
    table = trials.one_source(rows, people, record)
    assert [row[:3] for row in table] == [("lfw", 10, 0.01), ("lfw", 100, 0.01)]
    assert all(measured == pytest.approx(0.01, rel=0.3) for *_, measured in table)


def test_more_rates_of_all_pairs() -> None:
    rows, people = crowd(400, 2)
    more = entries.more_thresholds(rows, people, "int8")
    assert [entry["far"] for entry in more] == [0.05, 1e-4]
    cosine = rows.astype(np.float64) @ rows.T
    strange = people.names[:, None] != people.names[None]
    for entry in more:
        assert entry["interval"][0] <= entry["threshold"] <= entry["interval"][1]
        assert (cosine[strange] >= entry["threshold"]).mean() <= entry["far"]
    few = crowd(60, 2)
    assert [entry["far"] for entry in entries.more_thresholds(*few, "int8")] == [0.05]
