"""Embeddings: rows that know their model keep it, and two models never meet."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pocketvision
from pocketvision import Embedder, Embeddings, InputError, Quality, similarity, top_k, verify
from pocketvision.faces.embeddings import embeddings, identity_of


@pytest.fixture
def embedder(model_file: Path) -> Embedder:
    return Embedder(model_file)


@pytest.fixture
def rows(embedder: Embedder, crops: Any) -> Embeddings:
    """Four rows with a quality each."""
    quality = np.empty(4, object)
    quality[:] = [Quality(90), Quality(80), Quality(10, ("blurred",)), Quality(70)]
    return embeddings(np.asarray(embedder.embed(crops[:4])), embedder.identity, quality)


@pytest.fixture
def other(make_model: Any, record_values: Any, crops: Any) -> Embeddings:
    """Rows of a model of the same name and other weights."""
    path = make_model(SHA=f'"{"f" * 64}"', RECORD=record_values)
    return Embedder(path).embed(crops[:4])


def test_rows_keep_model_and_quality(rows: Embeddings) -> None:
    first, *_ = rows
    assert first.identity == rows.identity and first.quality.score == 90
    assert [q.score for q in rows[1:3].quality] == [80, 10]
    assert [q.score for q in rows[[2, 0]].quality] == [10, 90]
    assert [q.score for q in rows[np.array([True, False, False, True])].quality] == [90, 70]
    assert rows[2, :5].quality is None and rows[0][:5].quality is None
    assert rows[np.asarray(rows) > 0].ndim == 1 and rows[..., 0].quality is None
    assert rows[0, 0].dtype == np.float32
    for same in (rows.copy(), copy.deepcopy(rows), pickle.loads(pickle.dumps(rows))):
        np.testing.assert_array_equal(same, rows)
        assert same.identity == rows.identity and [q.score for q in same.quality][2] == 10


def test_joining(rows: Embeddings, other: Embeddings) -> None:
    for joined in (np.stack([rows[2], rows[0]]), np.vstack([rows[2:3], rows[:1]]),
                   np.concatenate([rows[2:3], rows[:1]])):  # fmt: skip
        assert isinstance(joined, Embeddings) and joined.identity == rows.identity
        assert [q.score for q in joined.quality] == [10, 90]
        np.testing.assert_array_equal(joined, np.asarray(rows)[[2, 0]])
    assert np.concatenate([rows, embeddings(np.asarray(rows), rows.identity)]).quality is None
    assert np.stack([rows[0], np.asarray(rows[1])]).identity is None
    with pytest.raises(InputError, match="two models do not compare: .* from other int8 files"):
        np.stack([rows[0], other[0]])


def test_what_is_computed_is_bare(rows: Embeddings) -> None:
    for value in (rows + 1, rows.mean(axis=0), rows @ rows.T, rows == rows, np.asarray(rows)):
        assert type(value) is np.ndarray
    total = np.zeros(rows.shape, np.float32)
    np.add(rows, rows, out=total)
    np.testing.assert_array_equal(total, 2 * np.asarray(rows))


def test_two_models_never_meet(rows: Embeddings, other: Embeddings, embedder: Embedder) -> None:
    for call in (
        lambda: similarity(rows, other),
        lambda: top_k(rows[0], other, 1),
        lambda: verify(rows[0], other[0]),
        lambda: identity_of(rows[0], other[0]),
    ):
        with pytest.raises(InputError, match="two models do not compare"):
            call()
    with pytest.raises(InputError, match="b: is an embedding of .* say nothing of it"):
        verify(np.asarray(rows[0]), other[1], model=embedder)
    with pytest.raises(InputError, match="a: is an embedding of"):
        verify(other[0], other[1], model=embedder.model.path)


def test_a_verdict_needs_no_model_beside_them(rows: Embeddings, embedder: Embedder) -> None:
    assert verify(rows[0], rows[1]) == verify(rows[0], rows[1], model=embedder)
    assert verify(np.asarray(rows[0]), rows[1], model=embedder).score == pytest.approx(
        verify(rows[0], rows[1]).score
    )
    with pytest.raises(InputError, match="model: expected the embedder .* bare arrays do not say"):
        verify(np.asarray(rows[0]), rows[1])


def test_a_verdict_says_what_it_rests_on(rows: Embeddings) -> None:
    good, bad = verify(rows[0], rows[1]), verify(rows[0], rows[2])
    assert good.reliable is True and good.quality == Quality(80) and good.reasons == ()
    assert bad.reliable is False and bad.quality is not None and bad.quality.score == 10
    assert str(bad).endswith("; not reliable: second face: blurred")
    assert "not reliable" not in str(good)
    bare = embeddings(np.asarray(rows), rows.identity)
    unknown = verify(bare[0], bare[1])
    assert unknown.reliable is None and unknown.quality is None
    assert verify(bare[0], rows[2]).reliable is False  # one that is known to be bad suffices
    assert verify(bare[0], rows[1]).reliable is None


def test_a_match_within_the_margin_is_doubted(rows: Embeddings) -> None:
    """Whose face the margin is of does not matter, and of two the larger counts."""
    threshold = verify(rows[0], rows[1]).threshold
    for first, second, doubted in ((0.0, 0.0, 0), (0.4, 0.9, 1), (0.9, 0.1, 1), (None, 0.9, 1),
                                   (0.1, 0.2, 0), (None, 0.2, 0)):  # fmt: skip
        pair = [
            embeddings(
                np.asarray(rows[0]), rows.identity,
                None if margin is None else Quality(80, margin=margin),
            )
            for margin in (first, second)
        ]  # fmt: skip
        found = verify(*pair)  # one face twice: score 1
        assert found.same and found.score - threshold < 0.9
        assert len(found.reasons) == doubted
        if doubted:
            assert found.reliable is False
            assert "strangers in such pictures come as near" in found.reasons[0]
            assert "0.90 above the threshold" in str(found)
    apart = [embeddings(np.asarray(row), rows.identity, Quality(80, margin=0.9))
             for row in (rows[0], -rows[0])]  # fmt: skip
    assert not verify(*apart).same and verify(*apart).reliable


def test_the_interval_of_the_threshold(make_model: Any, record_values: Any, crops: Any) -> None:
    entry = {"far": 0.01, "threshold": 0.3, "dataset": "D", "protocol": "P"}
    for extra, shown in (({"interval": [0.25, 0.375]}, "0.300 [0.250, 0.375] ("), ({}, "0.300 (")):
        record = {**record_values, "thresholds": [{**entry, **extra}]}
        a, b = pocketvision.Embedder(make_model(RECORD=record)).embed(crops[:2])
        verdict = verify(a, b)
        assert verdict.interval == (tuple(extra["interval"]) if extra else None)
        assert f"threshold {shown}" in str(verdict)
