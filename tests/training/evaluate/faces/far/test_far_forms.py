"""The small forms are fixed, figures are those of the pairs, and the mixed list is balanced."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.evaluate.faces import embedders, pairs  # noqa: E402
from pocketvision.training.evaluate.faces.far import figures, forms, mixed, run  # noqa: E402
from pocketvision.training.evaluate.faces.far.__main__ import fewer  # noqa: E402
from pocketvision.training.models.stored.describe import describe  # noqa: E402
from pocketvision.training.run import state  # noqa: E402

FOLDS, PEOPLE, PICTURES = 3, 8, 3


def faces(random, person_seed):
    """A face's coarse colours, with detail of its own at 112 pixels."""
    base = np.random.default_rng(person_seed).integers(40, 216, (9, 9, 3))
    coarse = np.clip(base + random.normal(0, 8, base.shape), 0, 255).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((112, 112), Image.Resampling.BICUBIC))
    return np.clip(smooth + random.normal(0, 10, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def lfw(tmp_path_factory):
    """(images, pairs.txt): three folds of eight people of their own, three pictures each."""
    root, random = tmp_path_factory.mktemp("far"), np.random.default_rng(0)
    lines = [f"{FOLDS}\t{PEOPLE * 3}"]
    for fold in range(FOLDS):
        own = [f"F{fold}P{person}" for person in range(PEOPLE)]
        for person, name in enumerate(own):
            (root / name).mkdir()
            for index in range(1, PICTURES + 1):
                face = faces(random, 100 * fold + person)
                Image.fromarray(face).save(root / name / f"{name}_{index:04d}.jpg", quality=97)
        lines += [f"{name}\t{i}\t{j}" for name in own for i, j in ((1, 2), (1, 3), (2, 3))]
        lines += [
            f"{own[i]}\t{1 + k}\t{own[(i + 1 + k) % PEOPLE]}\t{1 + k}"
            for i in range(PEOPLE) for k in range(3)
        ]  # fmt: skip
    (root / "pairs.txt").write_text("\n".join(lines) + "\n")
    return root, root / "pairs.txt"


def means(crops):
    """An embedder by hand: mean colours of 7x7 places, which small faces keep."""
    n = len(crops)
    return (crops.reshape(n, 7, 16, 7, 16, 3).mean(axis=(2, 4)).reshape(n, -1) - 127.5).astype(
        np.float32
    )


def sharpness(crops):
    """An embedder that tells sharp pictures, (1, 0), from small ones, (0, 1), and nobody else."""
    change = np.abs(np.diff(crops.astype(np.float32), axis=1)).mean(axis=(1, 2, 3))
    return np.stack([change > 7, change <= 7], 1).astype(np.float32)


def test_forms_are_the_same_bytes_for_everybody(crops):
    names = ["A/A_0001.jpg", "B/B_0001.jpg"]
    whole = b"".join(
        forms.made(crops[:2], names, size, form).tobytes()
        for size in forms.SIZES for form in forms.FORMS
    )  # fmt: skip
    assert whole == b"".join(
        forms.made(crops[index : index + 1], names[index : index + 1], size, form).tobytes()
        for size in forms.SIZES for form in forms.FORMS for index in (0, 1)
    )  # fmt: skip
    plain = forms.made(crops[:1], names[:1], 16)
    small = crops[0].reshape(16, 7, 16, 7, 3).mean(axis=(1, 3))
    assert np.abs(plain[0, 3::7, 3::7].astype(float) - small).mean() < 4
    one, other = (forms.shot(name, 16, "camera") for name in names)
    assert one != other and one == forms.shot(names[0], 16, "camera")
    with pytest.raises(ValueError, match="form: expected one of plain, camera, got 'worst'"):
        forms.shot("a", 16, "worst")


def test_either_side_is_the_small_one_in_about_half_of_the_pairs():
    first, second = ([f"{side}{i}" for i in range(2000)] for side in "ab")
    found = forms.small_is_first(first, second)
    assert 0.46 < found.mean() < 0.54
    np.testing.assert_array_equal(forms.small_is_first(first[5:9], second[5:9]), found[5:9])


def test_one_side_and_both_sides_small(lfw):
    images, listed = lfw[0], pairs.read(lfw[1])
    found = run.one_model(means, images, listed, sizes=(28, 12))
    assert list(found) == [
        "sharp", "28, one side", "28, both sides", "12, one side", "12, both sides",
    ]  # fmt: skip
    assert all(one.accuracy > 0.95 and one.auc > 0.99 for one in found.values())
    assert found["sharp"].sharp_tar is None  # 72 impostors tell nothing of FAR 1 %
    camera = run.one_model(means, images, listed, sizes=(12,), form="camera")
    assert 0.7 < camera["12, both sides"].auc <= found["12, both sides"].auc


def test_which_sides_are_small(lfw, monkeypatch):
    seen = []
    known = run.figures

    def spy(cosine, *rest):
        seen.append(cosine)
        return known(cosine, *rest)

    monkeypatch.setattr(run, "figures", spy)
    run.one_model(sharpness, lfw[0], pairs.read(lfw[1]), sizes=(14,))
    for found, cosine in zip(seen, (1, 0, 1), strict=True):
        np.testing.assert_allclose(found, cosine, atol=1e-9)


def test_figures_of_cosines_by_hand():
    random = np.random.default_rng(1)
    same = np.tile(np.repeat([True, False], 400), 2)
    cosine = np.where(same, 0.5, 0.0) + random.normal(0, 0.15, len(same))
    names = [f"P{i}/a" for i in range(len(same))]
    other = [n if s else f"Q{i}/a" for i, (n, s) in enumerate(zip(names, same, strict=True))]
    listed = pairs.Pairs(names, other, list(same), 2)
    found = figures.figures(cosine, listed, 0.3)
    limit = np.sort(cosine[~same])[-9]  # 8 of 800 impostors may pass
    assert found.strict_at == 0.01 and found.strict == pytest.approx((cosine[same] > limit).mean())
    assert found.sharp_far == (cosine[~same] >= 0.3).mean()
    assert found.sharp_tar == (cosine[same] >= 0.3).mean()
    assert found.tar is not None and found.tar == pytest.approx(found.strict, abs=0.05)
    assert found.tar_std is not None and 0 < found.tar_std < 0.1
    halves = [slice(0, 800), slice(800, 1600)]
    for one, rest in (halves, halves[::-1]):
        limit = np.sort(cosine[rest][~same[rest]])[-5]
        expected = (cosine[one][same[one]] > limit).mean()
        assert expected in figures.over_folds(cosine, same, 2)


def test_held_pixels_are_those_that_a_picture_was_made_of(crops):
    from pocketvision.training.data.far import picture

    random = np.random.default_rng(5)
    assert mixed.held(random.integers(0, 256, (112, 112, 3)).astype(np.uint8)) == 112
    real = np.full((112, 112, 3), 128.0)
    for side, reach in ((7, 40), (14, 25), (28, 16), (56, 10), (112, 7)):  # detail as faces have it
        grid = (128 + random.normal(0, reach, (side, side, 3))).clip(0, 255).astype(np.uint8)
        real += (
            np.asarray(Image.fromarray(grid).resize((112, 112), Image.Resampling.BICUBIC)) - 128.0
        )
    face = real.clip(0, 255).astype(np.uint8)
    found = [mixed.held(picture.seen(face, forms.shot("", size))) for size in (12, 20, 28, 40)]
    assert mixed.held(face) > 56 and sorted(found) == found
    assert all(
        0.6 * size <= held <= 1.7 * size for held, size in zip(found, (12, 20, 28, 40), strict=True)
    )
    assert mixed.held(np.full((112, 112, 3), 90, np.uint8)) == min(mixed.LADDER)


def test_the_mixed_list_is_balanced_and_repeats(lfw, tmp_path):
    listed = pairs.read(lfw[1])
    text = mixed.generate(lfw[0], listed)
    assert text == mixed.generate(lfw[0], listed)
    rows = list(csv.DictReader(io.StringIO(text)))
    ratio = np.array([
        abs(np.log(int(row["first_pixels"]) / int(row["second_pixels"]))) for row in rows
    ])  # fmt: skip
    same = np.array([row["same"] == "1" for row in rows])
    assert same.mean() == 0.5 and len(rows) >= FOLDS * 2 * 8
    for row, genuine in zip(rows, same, strict=True):
        people = {row[key].split("_")[0] for key in ("first", "second")}
        folds = {row[key][:2] for key in ("first", "second")}
        assert (len(people) == 1) == genuine and folds == {f"F{row['fold']}"}
    assert abs(ratio[same].mean() - ratio[~same].mean()) < 0.1
    every = [mixed.size_of(name) or 112 for name in listed.images]
    plain = np.abs(np.log([every[0] / size for size in every]))
    assert ratio[same].mean() > 0.5 and len(plain) == len(listed.images)
    path = tmp_path / "mixed.csv"
    path.write_text(text)
    read = mixed.read(path)
    assert read.folds == FOLDS and read.same == list(same)
    found = run.one_model(means, lfw[0], listed, sizes=(), mixed_list=path)
    assert found["mixed"].auc > 0.9
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="expected the columns fold, same"):
        mixed.read(path)


def test_fewer_pairs_of_each_fold(lfw):
    listed = pairs.read(lfw[1])
    found = fewer(listed, 2)
    assert found.same == [True, True, False, False] * FOLDS and found.folds == FOLDS
    assert found.first[4] == listed.first[2 * PEOPLE * 3]
    with pytest.raises(ValueError, match="--quick: expected 1 to 24"):
        fewer(listed, 25)


def test_a_runs_weights_are_an_embedder(lfw, tmp_path, crops):
    torch.manual_seed(0)
    entry = models.entry("facechain_25m")
    network = entry.make().eval()
    weights = tmp_path / "model.safetensors"
    state.save_weights(weights, network)
    with pytest.raises(FileNotFoundError, match="keep the two together"):
        embedders.load(str(weights))
    record = describe(entry, weights, tag="run.seed-1", teacher=None, data="", licence="")
    weights.with_suffix(".json").write_text(record.to_json())
    found = embedders.load(str(weights))(crops[:2])
    planes = (torch.from_numpy(crops[:2]).permute(0, 3, 1, 2).float() - 127.5) / 127.5
    with torch.no_grad():
        np.testing.assert_allclose(found, network(planes).numpy(), atol=1e-4)
    out = tmp_path / "found.json"
    command = [
        *(sys.executable, "-m", "pocketvision.training.evaluate.faces.far", "--no-flip"),
        *("--models", str(weights), "--lfw", str(lfw[0]), "--pairs", str(lfw[1])),
        *("--quick", "2", "--sizes", "14", "--json", str(out)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "14, both sides" in done.stdout and "too few pairs" in done.stdout
    data = json.loads(out.read_text())
    assert data["pairs"] == 12 and set(data["models"][str(weights)]) == {
        "sharp", "14, one side", "14, both sides",
    }  # fmt: skip


def test_the_lists_command_prints_its_digest(lfw, tmp_path):
    out = tmp_path / "mixed.csv"
    command = [
        *(sys.executable, "-m", "pocketvision.training.evaluate.faces.far.mixed"),
        *("--lfw", str(lfw[0]), "--pairs", str(lfw[1]), "--out", str(out)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert hashlib.sha256(out.read_bytes()).hexdigest() in done.stdout
