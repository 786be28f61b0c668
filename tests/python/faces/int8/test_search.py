"""Int8Gallery: the answers of a slow reference, in arrays and mapped files; what it refuses."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketvision import Embedder, InputError, Int8Gallery
from pocketvision.faces.embeddings import Identity, embeddings
from pocketvision.faces.gallery.firmware import HEADER_BYTES, FirmwareGallery
from pocketvision.faces.int8.templates import templates
from pocketvision.runtime.shipped import DEFAULT_MODEL

SHA256 = "0f" * 32
ONE = 32768


def draws(seed: int, count: int, dimension: int, most: int = 127) -> Any:
    """Int8 rows, none of zeros; of few values, so that scores are equal."""
    rows = np.random.default_rng(seed).integers(-most, most + 1, (count, dimension), np.int8)
    rows[:, 0] = most
    return rows


def reference(rows: Any, probe: Any, k: int) -> list[tuple[int, int]]:
    """Row and score of the nearest: whole numbers and one exact root each."""
    wanted, scores = probe.astype(object), []
    for row in rows.astype(object):
        dot, square = int(row @ wanted), int(row @ row) * int(wanted @ wanted)
        size = math.isqrt((4 * dot * dot * ONE * ONE) // square) + 1 >> 1
        scores.append(int(math.copysign(size, dot)))
    order = sorted(range(len(scores)), key=lambda row: -scores[row])
    return [(row, scores[row]) for row in order[:k]]


@given(st.integers(0, 10**6), st.integers(1, 90), st.integers(1, 140), st.sampled_from((1, 3, 127)))
def test_equals_the_reference(seed: int, count: int, dimension: int, most: int) -> None:
    rows, probes = draws(seed, count, dimension, most), draws(seed + 1, 3, dimension, most)
    k = 1 + seed % count
    found, cosines = Int8Gallery(rows).search(probes, k)
    assert found.shape == cosines.shape == (3, k) and cosines.dtype == np.float32
    for probe, places, values in zip(probes, found.tolist(), cosines, strict=True):
        got = list(zip(places, (values * ONE).astype(int).tolist(), strict=True))
        assert got == reference(rows, probe, k)


def test_rows_may_lie_apart_or_in_another_order() -> None:
    wide = draws(5, 40, 100)
    whole, probe = wide[:, 30:94], draws(6, 1, 64)[0]
    wanted = Int8Gallery(np.ascontiguousarray(whole)).search(probe, 40)
    for other in (whole, np.asfortranarray(whole), whole[::-1][::-1], np.flipud(whole)[::-1]):
        found = Int8Gallery(other).search(probe, 40)
        assert all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
    backwards = Int8Gallery(whole[::-1]).search(probe)
    assert backwards[0][0] == 39 - wanted[0][0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    names = [f"Person {row}" for row in range(300)]
    path = tmp_path / "people.pvg"
    path.write_bytes(FirmwareGallery(names, draws(8, 300, 64), SHA256).to_bytes())
    return path


def test_a_mapped_file(file: Path) -> None:
    gallery = Int8Gallery.open(file)
    assert (len(gallery), gallery.dimension, gallery.source_sha256) == (300, 64, SHA256)
    rows = draws(8, 300, 64)
    found, cosines = gallery.search(rows[[7, 250]], 2)
    assert found[:, 0].tolist() == [7, 250] and cosines[:, 0].tolist() == [1.0, 1.0]
    assert [gallery.name(row) for row in found[:, 0]] == ["Person 7", "Person 250"]
    assert np.array_equal(found, Int8Gallery(rows).search(rows[[7, 250]], 2)[0])
    file.unlink()  # what is mapped stays
    assert gallery.search(rows[9])[0].tolist() == [9]


def test_floats_are_rounded_as_firmware_rounds_them() -> None:
    rows = np.random.default_rng(2).standard_normal((50, 128)).astype(np.float32)
    gallery = Int8Gallery(templates(rows))
    one, many = gallery.search(3 * rows[4], 3), gallery.search(rows[4:5], 3)
    assert one[0].tolist() == many[0][0].tolist() and one[0][0] == 4
    assert np.array_equal(one[1], gallery.search(templates(rows[4]), 3)[1])


def damaged(data: bytes, case: str) -> bytes:
    if case == "truncated":
        return data[:-1]
    if case == "header":
        return data[:20]
    if case == "empty":
        return b""
    if case == "other":
        return b"%PDF" + data[4:]
    if case == "name":
        return data[:HEADER_BYTES] + b"X" + data[HEADER_BYTES + 1 :]
    return data[:16] + struct.pack("<I", 2**32 - 1) + data[20:]


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("truncated", "truncated or damaged"), ("header", "less than a header"),
        ("empty", "0 bytes are less"), ("other", "expected b'PVGALLRY'"),
        ("name", "checksum"), ("count", "truncated or damaged"),
    ],
)  # fmt: skip
def test_a_file_that_is_damaged(file: Path, case: str, says: str) -> None:
    file.write_bytes(damaged(file.read_bytes(), case))
    with pytest.raises(InputError, match=f"people.pvg: gallery: .*{says}"):
        Int8Gallery.open(file)


def test_a_file_without_entries_or_of_another_model(tmp_path: Path, file: Path) -> None:
    with pytest.raises(InputError, match=r"another model .*0f0f0f0f0f0f.* do not compare"):
        Int8Gallery.open(file, model=DEFAULT_MODEL)
    none = tmp_path / "none.pvg"
    none.write_bytes(FirmwareGallery([], np.empty((0, 64), np.int8), SHA256).to_bytes())
    with pytest.raises(InputError, match="no entry"):
        Int8Gallery.open(none)
    with pytest.raises(FileNotFoundError):
        Int8Gallery.open(tmp_path / "absent.pvg")


def test_embeddings_of_another_model() -> None:
    embedder = Embedder(DEFAULT_MODEL)
    rows = templates(np.random.default_rng(3).standard_normal((9, embedder.dimension)))
    vector = np.random.default_rng(4).standard_normal((1, embedder.dimension)).astype(np.float32)
    probe = embeddings(vector, Identity(embedder.model.source_sha256, embedder.record))
    assert Int8Gallery(rows).search(probe)[0].shape == (1, 1)
    assert Int8Gallery(rows, None, embedder.model.source_sha256).search(probe)[0].shape == (1, 1)
    with pytest.raises(InputError, match="do not compare"):
        Int8Gallery(rows, None, SHA256).search(probe)


@pytest.mark.parametrize(
    ("probe", "k", "says"),
    [
        (np.ones(5, np.int8), 1, r"int8 \(8,\) or \(Q, 8\)"),
        (np.ones((2, 9), np.float32), 1, "expected 8 values"),
        (np.ones(8, np.int8), 0, "k: expected an integer from 1 to 4"),
        (np.ones(8, np.int8), 5, "k: expected an integer from 1 to 4"),
        (np.ones(8, np.int8), 1.5, "k: expected an integer"),
        (np.zeros(8, np.int8), 1, "probes: row 0"),
        (np.zeros(8, np.float32), 1, "all zeros"),
        (np.full(8, np.nan), 1, "NaN"),
        (np.empty((0, 8), np.int8), 1, "expected int8"),
        (np.empty((0, 8), np.float32), 1, "at least one"),
    ],
)
def test_bad_probes(probe: Any, k: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Int8Gallery(draws(1, 4, 8)).search(probe, k)


@pytest.mark.parametrize(
    ("rows", "names", "digest", "says"),
    [
        (np.ones((3, 8), np.float32), None, None, "templates: expected an int8 array"),
        (np.ones(8, np.int8), None, None, "templates: expected 1 to 1,000,000 rows"),
        (np.empty((0, 8), np.int8), None, None, "templates: expected 1 to"),
        (np.ones((3, 0), np.int8), None, None, "1 to 4096 values"),
        (np.ones((3, 4097), np.int8), None, None, "1 to 4096 values"),
        (np.zeros((3, 8), np.int8), None, None, "row 0.*zeros"),
        (np.ones((3, 8), np.int8), ["a"], None, "names: expected 3"),
        (np.ones((3, 8), np.int8), None, "abc", "source_sha256: expected 64 digits"),
    ],
)
def test_bad_templates(rows: Any, names: Any, digest: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Int8Gallery(rows, names, digest)


def test_names_that_nobody_gave() -> None:
    with pytest.raises(InputError, match="without names"):
        Int8Gallery(draws(1, 4, 8)).name(0)
    named = Int8Gallery(draws(1, 2, 8), ["Ada", "Grace"])
    assert named.name(1) == "Grace"
    with pytest.raises(InputError, match="row: expected an integer from 0 to 1"):
        named.name(2)
