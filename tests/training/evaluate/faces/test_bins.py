"""InsightFace's .bin files: read without mxnet, and without running what they ask for."""

import io
import os
import pickle

import numpy as np
import pytest
from PIL import Image

from pocketvision import cli
from pocketvision.training.evaluate.faces import bins


def encoded(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def embed(crops: np.ndarray) -> np.ndarray:
    """A direction for each grey level."""
    angle = crops[:, 0, 0, 0].astype(np.float32) * np.pi / 256
    return np.stack([np.cos(angle), np.sin(angle)], 1)


PICTURES = [encoded(value) for pair in range(10) for value in (10, 14, 10, 150 + pair)]
SAME = [True, False] * 10


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", [bytes, np.frombuffer])
def test_ten_folds(tmp_path, kind, protocol):
    pictures = [p if kind is bytes else np.frombuffer(p, np.uint8) for p in PICTURES]
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps((pictures, SAME), protocol))
    assert bins.read(path).pictures == PICTURES
    result = bins.evaluate(embed, path)
    assert result["accuracy"] == 1.0 and result["std"] == 0.0 and result["pairs"] == 20
    assert result["tar"] == {}, "10 impostor pairs support no FAR of 1e-2"


class Evil:
    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_no_code_runs(tmp_path):
    evil = Evil()
    evil.path = str(tmp_path / "ran")
    path = tmp_path / "evil.bin"
    path.write_bytes(pickle.dumps(([evil], [True])))
    with pytest.raises(ValueError, match=r"evil.bin: not a readable .* asks for posix.mkdir"):
        bins.read(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("same", [np.array(SAME), list(np.array(SAME)), tuple(SAME), [1, 0] * 10])
def test_forms_of_the_truth_values(tmp_path, same):
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps((PICTURES, same), 2))
    found = bins.read(path).same
    assert found.dtype == bool and found.tolist() == SAME


class Address:
    """The array over bytes of the file whose one element is an object at 0x4141414141414141."""

    def __reduce__(self):
        return np.ndarray, ((1,), np.dtype("O"), b"A" * 8)


def test_the_file_chooses_no_address(tmp_path):
    path = tmp_path / "evil.bin"
    path.write_bytes(pickle.dumps(([b"x", b"y"], Address()), 2))
    with pytest.raises(ValueError, match=r"evil.bin: .* at offset \d+: an array of 'O8'"):
        bins.read(path)


def test_longer_than_any_set(tmp_path, monkeypatch):
    monkeypatch.setattr(bins, "LARGEST", 100)
    path = tmp_path / "long.bin"
    path.write_bytes(b"N" * 101)
    with pytest.raises(ValueError, match=r"long.bin: offset 100: longer than any pair set"):
        bins.read(path)


def test_a_picture_of_another_size_is_named(tmp_path):
    path = tmp_path / "lfw.bin"
    odd = io.BytesIO()
    Image.new("RGB", (9, 8)).save(odd, "PNG")
    path.write_bytes(pickle.dumps(([*PICTURES[:-1], odd.getvalue()], SAME)))
    with pytest.raises(ValueError, match="lfw.bin: picture 39: has 9x8 pixels, .* 8x8"):
        bins.evaluate(embed, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps((PICTURES, SAME))[:-40], "not a readable InsightFace pair set"),
        (b"", "not a readable InsightFace pair set"),
        (pickle.dumps([1, 2, 3]), "expected \\(pictures, same\\)"),
        (pickle.dumps((PICTURES[:-1], SAME)), "two pictures a pair, got 39 for 20 pairs"),
        (pickle.dumps((b"pictures", SAME)), "a list of pictures, got bytes"),
        (pickle.dumps((PICTURES, b"same")), "a list of truth values, got bytes"),
        (pickle.dumps((PICTURES, 7)), "a list of truth values, got int"),
        (pickle.dumps((PICTURES, [2] * 20)), "pair 0: expected a truth value, got int"),
        (pickle.dumps((PICTURES, np.ones((20, 1), bool))), r"an array of bool \[20, 1\]"),
        (pickle.dumps(([*PICTURES[:-1], 5], SAME)), "picture 39: expected encoded bytes, got int"),
    ],
)
def test_broken_files(tmp_path, content, message):
    path = tmp_path / "broken.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        bins.read(path)


def test_a_broken_picture_is_named(tmp_path):
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps(([*PICTURES[:-1], b"no picture"], SAME)))
    with pytest.raises(ValueError, match="lfw.bin: picture 39: cannot be decoded"):
        bins.evaluate(embed, path)


def test_the_verb_says_that_pairs_are_few(tmp_path, capsys, monkeypatch):
    path = tmp_path / "lfw.bin"
    path.write_bytes(pickle.dumps((PICTURES, SAME), 2))
    monkeypatch.setattr(bins.embedders, "load", lambda model: embed)
    assert cli.main(["evaluate", "bin", "--model", "m", "--pairs", str(path)]) == 0
    said = capsys.readouterr()
    first, last = said.out.splitlines()
    assert first.startswith("accuracy 100.00 % +- 0.00 % over folds, at threshold ")
    assert last == "20 pairs, with mirror images"
    many, accuracy = said.err.splitlines()
    assert many.startswith("warning: 20 pairs are too few to say anything at FAR 1 %, which needs")
    assert accuracy.startswith("warning: 20 pairs are few: each one moves the accuracy by 5 points")
