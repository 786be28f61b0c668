"""Comparison of embeddings: against numpy, and verdicts that cannot be misread."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketvision import Embedder, InputError, Verdict, similarity, top_k, verify


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 515), scale=st.floats(1e-6, 1e6))
def test_similarity_of_two_vectors(seed: int, size: int, scale: float) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, size)).astype(np.float32)
    wanted = float(unit(a.astype(np.float64)) @ unit(b.astype(np.float64)))
    result = similarity(a, b * np.float32(scale))
    assert isinstance(result, float) and -1 <= result <= 1
    assert result == pytest.approx(wanted, abs=1e-5)
    assert similarity(a, a) == pytest.approx(1.0, abs=1e-6)


def test_similarity_of_matrices() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 5, 16)).astype(np.float32)
    matrix = similarity(a, b[:3])
    assert isinstance(matrix, np.ndarray) and matrix.shape == (5, 3)
    np.testing.assert_allclose(matrix, unit(a) @ unit(b[:3]).T, atol=1e-6)
    assert np.shape(similarity(a[0], b)) == (1, 5)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 60), data=st.data())
def test_top_k(seed: int, rows: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, rows))
    random = np.random.default_rng(seed)
    # Few different rows, so that ties happen.
    gallery = random.normal(size=(7, 8))[random.integers(0, 7, rows)]
    query = random.normal(size=8)
    indices, scores = top_k(query, gallery, k)
    wanted = (unit(gallery) @ unit(query)).astype(np.float32)
    np.testing.assert_allclose(scores, np.sort(wanted)[::-1][:k], atol=1e-6)
    np.testing.assert_allclose(scores, wanted[indices], atol=1e-6)
    assert len(set(indices.tolist())) == k
    ties = np.diff(scores) == 0
    assert (np.diff(indices)[ties] > 0).all()


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones(4), np.ones(5), "expected 4 values as in a, got 5"),
        (np.ones(4), np.zeros(4), "zeros"),
        (np.ones(4), np.array([1, np.nan, 1, 1]), "b: contains NaN"),
        (np.ones((2, 4)), np.zeros((1, 4)), "row 0 is all zeros"),
        (np.ones(0), np.ones(0), "not empty"),
        (1.0, np.ones(4), r"shape \(\)"),
        ("abc", np.ones(3), "a: expected numbers"),
        (np.ones((1, 2, 4)), np.ones(4), r"\(1, 2, 4\)"),
    ],
)
def test_similarity_refuses(a: Any, b: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        similarity(a, b)


@pytest.mark.parametrize("k", [0, -1, 4, 1.5])
def test_top_k_refuses_k(k: Any) -> None:
    with pytest.raises(InputError, match="k: expected an integer from 1 to 3"):
        top_k(np.ones(4), np.ones((3, 4)), k)


def test_verdict(model_file: Path, crops: Any) -> None:
    embedder = Embedder(model_file)
    a, b = embedder.embed(crops[:2])
    same = verify(a, a, far=1e-3, model=embedder)
    assert same.same and same.score == pytest.approx(1.0) and same.threshold == 0.5
    assert (same.far, same.dataset, same.model) == (0.001, "noise", "fixture.sums.v1")
    other = verify(a, -a, model=str(model_file))
    assert not other.same and other.far == 0.01 and other.score == pytest.approx(-1.0)
    assert "different people: score -1.000 < threshold 0.250" in str(other)
    assert verify(a, b, model=embedder).score == similarity(a, b)


def test_a_verdict_is_no_boolean() -> None:
    verdict = Verdict(0.9, 0.3, 0.01, "LFW", "m", True)
    with pytest.raises(TypeError, match=r"verdict\.same"):
        bool(verdict)


def test_verify_refuses(model_file: Path) -> None:
    with pytest.raises(InputError, match=r"a: expected one embedding of fixture.*\(128,\)"):
        verify(np.ones(64), np.ones(128), model=str(model_file))
    with pytest.raises(InputError, match="far: .* calibrated: 0.01, 0.001"):
        verify(np.ones(128), np.ones(128), far=1e-6, model=str(model_file))


def test_verify_reads_the_file_that_is_there_now(
    make_model: Any, record_values: Any, tmp_path: Path
) -> None:
    a = np.ones(128, np.float32)
    for tag in ("sums.v1", "sums.v2"):
        path = tmp_path / tag / "net.so"
        path.parent.mkdir()
        shutil.copy(make_model(RECORD={**record_values, "tag": tag}), path)
    link = tmp_path / "net.so"
    for tag in ("sums.v1", "sums.v2"):
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / tag / "net.so")
        for model in (link, str(link)):
            assert verify(a, a, model=model).model == f"fixture.{tag}"
