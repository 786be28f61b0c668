"""The margin's network: who is a rival, what it learns, and the integers that C holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from pocketvision import _runtime
from pocketvision.training.data import spoil
from pocketvision.training.quality import margin, numbers, rivals, samples
from pocketvision.training.quality.rivals import GROUP, Rivals

ROOT = Path(__file__).resolve().parents[3]
HELD = ROOT / "training" / "weights" / "quality"


def test_rivals_are_strangers_and_pairs_name_their_rows() -> None:
    unit = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    near = rivals.near([(unit, 0.25), (unit * 7, 0.75)], np.array(["a", "a", "b"]))
    assert near.shape == (3, GROUP) and np.isnan(near[:, 3:]).all()
    assert np.isnan(near[0, :2]).all()  # oneself, and the same person
    assert near[0, 2] == near[2, 1] == -0.5
    both = Rivals(
        np.zeros((6, 1), np.int8), np.repeat([4, 9], 3), np.concatenate([near, near + 1]),
        np.zeros(6, np.int64),
    )  # fmt: skip
    one, other, cosines = both.pairs()
    assert list(zip(one, other, cosines, strict=True)) == [
        *((0, 2, -0.5), (1, 2, -0.5), (2, 0, -0.5), (2, 1, -0.5)),
        *((3, 5, 0.5), (4, 5, 0.5), (5, 3, 0.5), (5, 4, 0.5)),
    ]
    found = rivals.matches(both, np.array([0, 0, 0, 0.6, 0, 0]))
    # Each row as often: of rows 3, 4 and 5 all pairs match; beyond the margin of row 3 none.
    assert found == pytest.approx([1 / 2, (1 + 1 / 2) / 6])


def test_small_groups_are_drawn_as_often_as_large_ones() -> None:
    near = np.full((7, GROUP), np.nan, np.float16)
    near[:2, :2], near[2:, :5] = 0, 0
    found = Rivals(np.zeros((7, 1), np.int8), np.repeat([0, 1], [2, 5]), near, np.zeros(7, int))
    share = found.shares()
    assert len(share) == len(found.pairs()[0]) == 2 * 2 + 5 * 5
    assert share.sum() == pytest.approx(2)
    assert share[:4].sum() == pytest.approx(2 / 7 + 1 / 2)


def test_made_groups_hold_what_passes(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    faces = []
    for index in range(2 * GROUP + 3):
        small = Image.fromarray(random.integers(0, 256, (14, 14, 3), np.uint8))
        small.resize((112, 112)).save(tmp_path / f"{index}.png")
        faces.append(samples.Face(tmp_path / f"{index}.png", f"all/{index}.png"))
    who = rivals.people(faces, frozenset({"all"}))
    assert len(set(who)) == len(faces) and len(set(rivals.people(faces, frozenset()))) == 1

    def embed(crops: np.ndarray) -> np.ndarray:
        return crops.astype(np.float32).mean(axis=(1, 2)) - 128

    made = rivals.make(
        faces, who, [samples.Teacher(embed, 0.5)], _runtime.quality_features,
        lambda crops: np.arange(len(crops)), kinds=["grey", "flat"],
    )  # fmt: skip
    names = np.array(samples.NAMES)[made.kinds]
    least = rivals.LEAST_SCORE
    assert (names == "grey").sum() == 2 * (GROUP - least) and (names == "clean").sum() == GROUP
    assert made.features.shape == (len(names), 357) and len(np.unique(made.group)) == 3
    path = tmp_path / "rivals.npz"
    rivals.save(path, made)
    again = rivals.load(path)
    assert all(
        np.array_equal(getattr(again, name), value, equal_nan=name == "near")
        for name, value in vars(made).items()
    )


def test_it_learns_the_quantile_and_its_integers_say_the_same() -> None:
    """Rows of which one input says whether strangers come to 0.3 beyond the threshold."""
    random = np.random.default_rng(1)
    count = 40 * GROUP
    group = np.repeat(np.arange(40), GROUP)
    inputs = random.integers(-60, 60, (count, margin.INPUTS)).astype(np.int8)
    alike = group % 2 == 1
    inputs[:, 3] = np.where(alike, 90, -90)
    level = np.where(alike, 0.3, -0.3)[:, None]
    near = (level + random.normal(0, 0.02, (count, GROUP))).astype(np.float16)
    near[np.arange(count), np.arange(count) % GROUP] = np.nan
    kinds = np.where(alike, samples.NAMES.index("blurred"), 0)
    made = Rivals(np.zeros((count, 1), np.int8), group, near, kinds)
    net = margin.train(made, inputs, steps=400, batch=512)
    said = margin.answers(net, inputs)
    assert abs(np.median(said[alike]) - 0.34) < 0.04 and said[~alike].max() < 0
    found = numbers.margins(numbers.margin_numbers(net), inputs)
    assert np.abs(found - np.maximum(said, 0)).max() < 3 / numbers.MARGIN_ONE
    before, beyond = rivals.matches(made.of(alike), found[alike])
    assert before == 1 and beyond < 0.1


def test_the_c_file_is_that_of_the_numbers_beside_the_record() -> None:
    held = load_file(HELD / "margin.safetensors")
    text = (ROOT / "csrc" / "runtime" / "face" / "quality" / "margin.c").read_text()
    order = [f"{layer}{part}" for layer in ("first", "second", "last")
             for part in ("", "_bias", "_factor")]  # fmt: skip
    assert numbers.c_text({name: held[name] for name in order}, numbers.MARGIN_TEXT) == text
    record = json.loads((HELD / "margin.json").read_text())
    assert record["shown"] == list(spoil.SHOWN) and record["held_out"] == list(spoil.HELD_OUT)
    assert record["bytes"] == sum(array.nbytes for array in held.values()) < 2048
    shares = record["strangers that match, and beyond the margin"]
    assert shares["shown"][1] < 0.2 * shares["shown"][0]
    assert shares["held_out"][1] < 0.5 * shares["held_out"][0]


def test_what_it_reads_are_the_last_layers_of_the_score() -> None:
    own = load_file(HELD / "head.safetensors")
    crops = np.random.default_rng(3).integers(0, 256, (5, 112, 112, 3), np.uint8)
    inputs = numbers.hidden(own, _runtime.quality_features(crops))
    assert inputs.shape == (5, margin.INPUTS) and inputs.dtype == np.int8
    template = np.zeros((5, 2))
    found = _runtime.qualities(crops, None, template, 0, 0)
    assert np.array_equal(own["logistic"][inputs[:, 16].astype(int) + 128], found["score"])
    wanted = numbers.margins(load_file(HELD / "margin.safetensors"), inputs)
    assert np.array_equal(wanted, found["margin"] / numbers.MARGIN_ONE)
