"""Embedder: values against numpy, ways to give faces, refusals, threads."""

from __future__ import annotations

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pocketvision import Embedder, InputError, ModelFileError, align
from pocketvision.errors import RunError
from pocketvision.faces.template import ARCFACE_TEMPLATE
from pocketvision.runtime.model import Model

Array = np.ndarray[Any, Any]


def expected_embedding(crop: Array, embedder: Embedder) -> Array:
    """Preprocessing, the fixture model, dequantisation and normalisation in numpy."""
    recipe, tensor = embedder.record.preprocess, embedder.model.inputs[0]
    pixels = crop[..., ::-1] if recipe["colour"] == "BGR" else crop
    mean, std = np.float32(recipe["mean"]), np.float32(recipe["std"])
    real = (pixels.astype(np.float32) - mean) / std
    info = np.iinfo(tensor.dtype)
    stored = np.rint(real / np.float32(tensor.scale)) + tensor.zero_point
    stored = np.clip(stored, info.min, info.max).astype(np.int64)
    sums = np.trunc(stored.reshape(-1, 128).sum(axis=0) / 128)
    output = np.clip(sums, info.min, info.max) - tensor.zero_point
    return output / np.linalg.norm(output)


@pytest.mark.parametrize("colour", ["RGB", "BGR"])
@pytest.mark.parametrize(("dtype", "zero_point"), [(1, 0), (1, -7), (2, 128)])
def test_values(
    make_model: Any, record_values: Any, crops: Array, colour: str, dtype: int, zero_point: int
) -> None:
    record = copy.deepcopy(record_values)
    record["preprocess"].update(colour=colour, mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4])
    path = make_model(DTYPE=dtype, ZERO_POINT=zero_point, SCALE="0.019f", RECORD=record)
    embedder = Embedder(path)
    result = embedder.embed(crops)
    assert result.shape == (8, 128) and result.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1.0, atol=1e-6)
    wanted = [expected_embedding(crop, embedder) for crop in crops]
    np.testing.assert_allclose(result, wanted, atol=1e-6)


def test_ties_round_to_even(make_model: Any, record_values: Any) -> None:
    record = copy.deepcopy(record_values)
    record["preprocess"].update(mean=[0.0] * 3, std=[1.0] * 3)
    embedder = Embedder(make_model(SCALE="2.0f", RECORD=record))
    pixels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    stored = embedder._tables.apply(pixels).view(np.int8)[0, :, 0]
    np.testing.assert_array_equal(stored, np.minimum(np.rint(np.arange(256) / 2), 127))


def test_ways_to_give_crops(model_file: Path, crops: Array) -> None:
    embedder = Embedder(model_file)
    batch = embedder.embed(crops)
    np.testing.assert_array_equal(embedder.embed(list(crops)), batch)
    np.testing.assert_array_equal(embedder.embed(tuple(crops), batch_size=3), batch)
    np.testing.assert_array_equal(embedder.embed(crops[0]), batch[:1])
    np.testing.assert_array_equal(embedder.embed(crops[::2]), batch[::2])
    assert embedder.name == "fixture.sums.v1" and embedder.dimension == 128


def test_a_picture_with_landmarks(model_file: Path) -> None:
    embedder = Embedder(str(model_file))
    picture = np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    points = np.array(ARCFACE_TEMPLATE)
    turned = (points[:, ::-1] - 56) * (-1, 1) + 56
    landmarks = np.stack([points, points * 1.7 + 20, turned])
    wanted = embedder.embed(align(picture, landmarks))
    np.testing.assert_array_equal(embedder.embed(picture, landmarks), wanted)
    np.testing.assert_array_equal(embedder.embed(picture, landmarks[1].tolist()), wanted[1:2])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 112, 112, 3), np.float32), r"images\[0\]: expected uint8"),
        (np.zeros((2, 3, 112, 112), np.uint8), r"images\[0\]: expected shape"),
        (np.zeros((200, 112, 3), np.uint8), "112x112 pixels, got 200x112"),
        (np.zeros((112, 112), np.uint8), r"images: expected .* got shape \(112, 112\)"),
        (np.zeros((0, 112, 112, 3), np.uint8), "at least one face"),
        ([], "at least one face"),
        ([np.zeros((112, 112, 3), np.uint8), None], r"images\[1\]: expected a numpy array"),
        (None, "got NoneType"),
    ],
)
def test_refuses_images(model_file: Path, images: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Embedder(model_file).embed(images)


@pytest.mark.parametrize("threads", [1, 3])
def test_files_and_pictures_of_pillow(
    model_file: Path, crops: Array, tmp_path: Path, threads: int
) -> None:
    image = pytest.importorskip("PIL.Image")
    wanted = Embedder(model_file).embed(crops)
    paths = [tmp_path / f"{index}.png" for index in range(len(crops))]
    for path, crop in zip(paths, crops, strict=True):
        image.fromarray(crop).save(path)
    pillow, data = image.fromarray(crops[2]), paths[3].read_bytes()
    mixed = [str(paths[0]), paths[1], pillow, data, *crops[4:]]
    with Embedder(model_file, threads=threads) as embedder:
        np.testing.assert_array_equal(embedder.embed(mixed, batch_size=3), wanted)
        np.testing.assert_array_equal(embedder.embed(paths[0]), wanted[:1])
        np.testing.assert_array_equal(embedder.embed(pillow), wanted[2:3])
        np.testing.assert_array_equal(
            embedder.embed(paths[0], ARCFACE_TEMPLATE), embedder.embed(crops[0], ARCFACE_TEMPLATE)
        )


@pytest.mark.parametrize("threads", [1, 2])
def test_several_pictures_with_landmarks_each(model_file: Path, crops: Array, threads: int) -> None:
    points = np.array(ARCFACE_TEMPLATE)
    landmarks = [points, np.stack([points + 2, points - 3]), np.empty((0, 5, 2)), [], points * 0.9]
    with Embedder(model_file, threads=threads) as embedder:
        wanted = [
            embedder.embed(crop, found)
            for crop, found in zip(crops[:5], landmarks, strict=True)
            if len(found)
        ]
        for images in (list(crops[:5]), tuple(crops[:5]), crops[:5]):
            found = embedder.embed(images, landmarks, batch_size=2)
            np.testing.assert_array_equal(found, np.concatenate(wanted))
            assert found.shape == (4, 128) and found.identity == embedder.identity


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        ([ARCFACE_TEMPLATE], "each of 2 pictures, got 1"),
        ([ARCFACE_TEMPLATE, [[1, 2]]], r"landmarks\[1\]: expected five"),
        ([[], []], "at least one face, got none in any"),
        ([ARCFACE_TEMPLATE, np.array(ARCFACE_TEMPLATE) + 500], r"images\[1\].*outside the picture"),
        ("ab", "in a list as long as images"),
        (3, "in a list as long as images"),
    ],
)
def test_refuses_landmarks_of_several(
    model_file: Path, crops: Array, landmarks: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Embedder(model_file).embed(list(crops[:2]), landmarks)


def test_a_bad_file_is_named(model_file: Path, crops: Array, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    good, small = tmp_path / "good.png", tmp_path / "small.png"
    image.fromarray(crops[0]).save(good)
    image.fromarray(crops[0][:50]).save(small)
    embedder = Embedder(model_file)
    with pytest.raises(InputError, match=rf"images\[1\] \({small}\): .* got 50x112"):
        embedder.embed([good, small])
    with pytest.raises(FileNotFoundError, match="no such picture"):
        embedder.embed([good, tmp_path / "none.png"])
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(InputError, match=r"images\[0\]: .*text.png: not a picture"):
        embedder.embed([tmp_path / "text.png"])


def test_refuses_other_arguments(
    model_file: Path, make_model: Any, record_values: Any, crops: Array
) -> None:
    embedder = Embedder(model_file)
    with pytest.raises(InputError, match="batch_size"):
        embedder.embed(crops, batch_size=0)
    with pytest.raises(InputError, match="NaN"):
        embedder.embed(crops[0], np.full((1, 5, 2), np.nan))
    without = copy.deepcopy(record_values)
    without["preprocess"]["template"] = None
    with pytest.raises(InputError, match="no template"):
        Embedder(make_model(RECORD=without)).embed(crops[0], np.array(ARCFACE_TEMPLATE))


def test_refuses_a_record_that_does_not_fit(make_model: Any, record_values: Any) -> None:
    with pytest.raises(ModelFileError, match="record says size"):
        Embedder(make_model(HEIGHT=64))
    with pytest.raises(ModelFileError, match="record says 64 values"):
        Embedder(make_model(RECORD={**record_values, "embedding": 64}))


def test_an_embedding_of_zeros_is_an_error(make_model: Any, crops: Array) -> None:
    with pytest.raises(InputError, match="face 0 gives an embedding without length"):
        Embedder(make_model(RUN="run_zeros")).embed(crops)


def test_a_failure_names_the_face(make_model: Any, crops: Array) -> None:
    with pytest.raises(RunError, match="face 0: the model reported a failure"):
        Embedder(make_model(RESULT=1)).embed(crops)


def test_progress_goes_to_stderr(model_file: Path, crops: Array, capsys: Any) -> None:
    Embedder(model_file).embed(crops, batch_size=4, show_progress=True)
    captured = capsys.readouterr()
    assert captured.out == "" and "8/8 faces\n" in captured.err


def test_many_threads(model_file: Path, crops: Array) -> None:
    embedder = Embedder(model_file)
    wanted = embedder.embed(crops)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda i: embedder.embed(crops[i % 8]), range(160)))
    assert all(np.array_equal(row[0], wanted[i % 8]) for i, row in enumerate(results))


def test_copies_and_pickles(
    model_file: Path, crops: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model_file.parent)
    embedder = Embedder(Path(model_file.name), threads=2)
    wanted = embedder.embed(crops)
    stored = pickle.dumps(embedder)
    monkeypatch.chdir(tmp_path)
    for other in (copy.copy(embedder), copy.deepcopy([embedder])[0], pickle.loads(stored)):
        assert other is not embedder and other.threads == 2 and other.name == embedder.name
        np.testing.assert_array_equal(other.embed(crops), wanted)


def test_a_pickle_of_other_weights_is_refused(
    model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = pickle.dumps(Embedder(model_file))
    monkeypatch.setattr(Model, "source_sha256", "5" * 64)  # as of another file at the same place
    with pytest.raises(ModelFileError, match=f"{model_file}: is of other weights"):
        pickle.loads(stored)


def test_with_ends_the_threads(model_file: Path, crops: Array) -> None:
    def running() -> int:
        return len(list(Path("/proc/self/task").iterdir())) - threading.active_count()

    before = running()
    with Embedder(model_file, threads=3) as embedder:
        wanted = embedder.embed(crops)
        assert running() == before + 2
    assert running() == before
    np.testing.assert_array_equal(embedder.embed(crops), wanted)  # and it stays of use


@pytest.mark.parametrize("model", [None, 3, b"net.so", ["net"]])
def test_refuses_what_is_no_name(model: Any) -> None:
    with pytest.raises(InputError, match="model: expected the name .* or a path, got"):
        Embedder(model)
