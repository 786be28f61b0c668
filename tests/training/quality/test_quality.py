"""The quality's network: samples, training, and the integers that C holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from pocketvision import _runtime
from pocketvision.training.data import spoil
from pocketvision.training.quality import measure, numbers, samples
from pocketvision.training.quality.head import FEATURES, STEP, Head, train
from pocketvision.training.quality.samples import NAMES, Samples
from pocketvision.training.quality.told import REASONS, told, trust

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def made() -> Samples:
    """Features of which one says what is left."""
    random = np.random.default_rng(0)
    features = random.normal(0, 30, (3000, FEATURES)).clip(-128, 127).astype(np.int8)
    left = 1 / (1 + np.exp(-features[:, 300] / 12.0))
    kinds = np.where(left > 0.8, 0, random.integers(2, len(NAMES), 3000))
    strengths = random.random(3000, np.float32)
    return Samples(features, left.astype(np.float32), np.zeros(3000, np.float32), kinds, strengths)


@pytest.fixture(scope="module")
def head(made: Samples) -> Head:
    return train(made.features, told(made), np.ones(3000, np.float32), epochs=20, batch=64)


def test_it_learns_and_its_integers_say_the_same(made: Samples, head: Head) -> None:
    with torch.no_grad():
        logits = head(torch.from_numpy(made.features).float()).double().numpy()
    assert np.corrcoef(logits[:, 0], made.left)[0, 1] > 0.85
    own = {name: values.astype(np.int64) for name, values in numbers.numbers(head).items()}
    now = made.features.astype(np.int64)
    for name, low in (("first", 0), ("second", 0), ("last", -128)):
        sums = now @ own[name].T + own[f"{name}_bias"]
        now = np.clip((sums * own[f"{name}_factor"] + (1 << 23)) >> 24, low, 127)
    held = np.clip(logits * STEP, -128, 127)
    # A value of a hidden layer that lies between two integers may go either way.
    assert np.abs(now - held).max() <= 6 and np.abs(now - held).mean() < 0.6


def test_the_c_file_is_that_of_the_numbers_beside_the_record() -> None:
    held = load_file(ROOT / "training" / "weights" / "quality" / "head.safetensors")
    text = (ROOT / "csrc" / "runtime" / "face" / "quality" / "weights.c").read_text()
    order = [*(f"{layer}{part}" for layer in ("first", "second", "last")
               for part in ("", "_bias", "_factor")), "logistic"]  # fmt: skip
    assert numbers.c_text({name: held[name] for name in order}) == text
    record = json.loads((ROOT / "training" / "weights" / "quality" / "head.json").read_text())
    assert record["shown"] == list(spoil.SHOWN) and record["held_out"] == list(spoil.HELD_OUT)
    assert record["bytes"] == sum(array.nbytes for array in held.values()) < 16_384
    network, hand = record["kept aside"]["network"], record["kept aside"]["logistic rule by hand"]
    for part in ("shown", "held_out"):
        assert network[part]["auc_bad_or_good"] > hand[part]["auc_bad_or_good"]


def test_samples_know_what_is_left(tmp_path: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(2)
    faces = []
    for index in range(6):
        picture = Image.fromarray(random.integers(0, 256, (14, 14, 3), np.uint8)).resize((112, 112))
        picture.save(tmp_path / f"{index}.png")
        faces.append(samples.Face(tmp_path / f"{index}.png", f"{index}.png"))

    def embed(crops: np.ndarray) -> np.ndarray:
        return crops.astype(np.float32).mean(axis=(1, 2)) - 128

    found = samples.make(
        faces, [samples.Teacher(embed, 0.99)], _runtime.quality_features, kinds=["flat", "jpeg"],
        each=3, empty=[np.zeros((112, 112, 3), np.uint8)],
    )  # fmt: skip
    names = np.array(NAMES)[found.kinds]
    assert len(names) == 6 * 4 + 1 and names[-1] == "background" and found.left[-1] == 0
    assert (found.left[names == "clean"] == 1).all() and (found.left[names == "flat"] == 0).all()
    assert found.left[names == "jpeg"].mean() > 0.5
    assert (found.confused[names == "flat"] == 1).all() and (found.confused[:6] == 0).all()
    samples.save(tmp_path / "held.npz", found)
    again = samples.load(tmp_path / "held.npz")
    assert all(np.array_equal(getattr(again, name), value) for name, value in vars(found).items())


def test_what_is_told(made: Samples) -> None:
    known = told(made)
    names = np.array(NAMES)[made.kinds]
    assert (known.face[names == "flat"] == 0).all() and (
        known.face_known[names == "flat"] == 1
    ).all()
    dark = (names == "dark") & (made.left < 0.6)
    assert (known.reason[dark] == REASONS.index("dark")).all()
    assert (known.reason[made.left >= 0.6] == -1).all()


def test_figures_of_a_perfect_and_of_a_random_score(made: Samples) -> None:
    random = np.random.default_rng(0).random(len(made.left))
    best, worst = (measure.figures(score, made) for score in (made.left, random))
    assert best["shown"]["auc_bad_or_good"] > 0.999 and best["shown"]["bad_that_pass"] == 0
    assert 0.4 < worst["held_out"]["auc_bad_or_good"] < 0.6


def test_lists_without_a_path_are_named(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name\n1\n")
    with pytest.raises(ValueError, match="list.csv: column path missing"):
        samples.faces(tmp_path, tmp_path / "list.csv")


def test_trust_is_what_is_left_where_nothing_is_confused() -> None:
    zero = np.zeros(4)
    found = Samples(
        np.zeros((4, FEATURES), np.int8), np.full(4, 0.8, np.float32),
        np.array([0, 0.02, 0.05, 0.3], np.float32), zero.astype(int), zero.astype(np.float32),
    )  # fmt: skip
    assert trust(found) == pytest.approx([0.8, 0.8, 0.4, 0])


def test_strangers_that_fall_together_are_confused() -> None:
    apart = np.eye(4, dtype=np.float32)
    assert samples._confused(apart, 0.5).tolist() == [0] * 4
    two = apart[[0, 0, 1, 2]]
    # Each of the two matches one of three others, and so does a sixth of all.
    assert samples._confused(two, 0.5) == pytest.approx([1 / 4, 1 / 4, 1 / 12, 1 / 12])
