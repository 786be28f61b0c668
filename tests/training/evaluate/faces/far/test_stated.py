"""What the record of a network of far faces states: no threshold accepts more than its rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from pocketvision.faces.calibration import alarms, calibrate  # noqa: E402
from pocketvision.faces.calibration.pairs import unit_rows  # noqa: E402
from pocketvision.record import FaceEmbedding  # noqa: E402
from pocketvision.training.evaluate.faces import pairs  # noqa: E402
from pocketvision.training.evaluate.faces.far import forms, stated  # noqa: E402
from pocketvision.training.evaluate.faces.open_set import strangers  # noqa: E402

PEOPLE = 320


def rows(pictures: int) -> list[np.ndarray]:
    """People of ``pictures`` each, sharp and at each size; the smaller, the more alike are all."""
    random = np.random.default_rng(3)
    whole = np.repeat(random.standard_normal((PEOPLE, 16)), pictures, axis=0)
    found = []
    for drift in np.linspace(0, 1.2, 1 + len(forms.SIZES)):
        own = whole + 0.4 * random.standard_normal(whole.shape) + drift
        found.append(unit_rows(own))
    return found


def test_thresholds_hold_at_every_size() -> None:
    names = [f"P{i:03}/P{i:03}_000{j}.jpg" for i in range(PEOPLE) for j in (1, 2)]
    first, second, same = [], [], []
    for fold in range(2):
        chosen = range(160 * fold, 160 * fold + 150)
        first += [names[2 * i] for i in chosen] * 2
        second += [names[2 * i + 1] for i in chosen]
        second += [names[2 * ((i + 1) % PEOPLE) + 1] for i in chosen]
        same += [True] * 150 + [False] * 150
    listed = pairs.Pairs(first, second, same, 2)
    place = {name: index for index, name in enumerate(names)}
    every = [own[[place[name] for name in listed.images]] for own in rows(2)]
    (entry,), scores = stated.verification(every, listed, "int8")
    assert (
        entry["far"] == 0.01
        and "sharp or one of 28, 24, 20, 16, 14, 12 pixels" in (entry["protocol"])
    )
    at = {name: index for index, name in enumerate(listed.images)}
    one, two = (np.array([at[name] for name in side]) for side in (first, second))
    turned = forms.small_is_first(first, second)
    accepted = []
    for own in every:
        cosine = np.where(
            turned, (own[one] * every[0][two]).sum(1), (every[0][one] * own[two]).sum(1)
        )
        accepted.append(int((cosine[~np.array(same)] >= entry["threshold"]).sum()))
    assert max(accepted) == 3, "the highest threshold has the whole rate, and none has more"
    assert [score["dataset"] for score in scores] == [
        f"LFW View 2, one side of {size} pixels" for size in forms.SIZES
    ]
    assert scores[0]["accuracy"] > scores[-1]["accuracy"] > 0.5


def test_identification_holds_at_every_size() -> None:
    every = rows(1)
    names = np.array([f"p{i:04}" for i in range(PEOPLE)])
    people = strangers.People([], names, np.full(PEOPLE, "lfw"))
    found = stated.identification(every, people, "int8", draws=4)
    FaceEmbedding(16, identification=found)
    assert {(entry["size"], entry["fpir"]) for entry in found} == {
        (size, fpir)
        for size in calibrate.SIZES
        for fpir in calibrate.FPIRS
        if size < PEOPLE and alarms.carried(PEOPLE, fpir)
    }
    cosines = [own @ every[0].T for own in every]
    for entry in found:
        if entry["size"] != 10:
            continue
        rates = []
        for cosine in cosines:
            # A probe that m of N - 1 others reach meets none of them in so many galleries of 10.
            reach = cosine >= entry["threshold"]
            np.fill_diagonal(reach, False)
            m, others = reach.sum(axis=1), PEOPLE - 1
            missed = np.ones(PEOPLE)
            for drawn in range(10):
                missed *= np.maximum(others - m - drawn, 0) / (others - drawn)
            rates.append(float((1 - missed).mean()))
        assert max(rates) <= entry["fpir"] + 1e-9 and max(rates) > 0.5 * entry["fpir"]


def test_small_forms_are_those_of_the_evaluation(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    (tmp_path / "A").mkdir()
    Image.fromarray(picture).save(tmp_path / "A" / "A_0001.png")
    people = strangers.People([tmp_path / "A" / "A_0001.png"], np.array(["A"]), np.array(["lfw"]))
    seen: list[np.ndarray] = []

    def embed(crops: np.ndarray) -> np.ndarray:
        seen.append(crops)
        return crops.reshape(len(crops), -1)[:, :8].astype(np.float32) + 1

    found = stated.embedded(embed, people, tmp_path)
    assert len(found) == 1 + len(forms.SIZES) and all(own.shape == (1, 8) for own in found)
    np.testing.assert_array_equal(seen[0][0], picture)
    for crops, size in zip(seen[1:], forms.SIZES, strict=True):
        wanted = forms.made(picture[None], ["A/A_0001.png"], size)
        np.testing.assert_array_equal(crops, wanted)
