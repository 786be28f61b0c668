"""Batches by step: permutations, resumes, ranks."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.data.degrade import Degrade  # noqa: E402
from pocketvision.training.run import ranks  # noqa: E402
from pocketvision.training.train.faces import batches  # noqa: E402


class Shades:
    """Picture i is all of shade i."""

    labels = np.arange(10) % 3
    weights = np.ones(10)
    classes = 3

    def image(self, index: int) -> np.ndarray:
        return np.full((4, 4, 3), index, np.uint8)


def test_every_epoch_is_a_new_permutation() -> None:
    order = batches.Order(np.ones(10), 1)
    rows = np.concatenate([order.rows(4, step) for step in range(5)])
    first, second = rows[:10], rows[10:20]
    assert sorted(first) == sorted(second) == list(range(10))
    assert not np.array_equal(first, second)
    other = batches.Order(np.ones(10), 2)
    assert not np.array_equal(first, np.concatenate([other.rows(5, step) for step in (0, 1)]))
    again = batches.Order(np.ones(10), 1)
    for step in (3, 0, 4, 1):
        np.testing.assert_array_equal(again.rows(4, step), rows[4 * step : 4 * step + 4])


def test_equal_weights_give_the_batches_of_before() -> None:
    """Resume points of runs that began before there were weights go on with the same pictures."""
    order = batches.Order(np.ones(10), 3)
    plain = np.concatenate([np.random.default_rng([3, e]).permutation(10) for e in (0, 1)])
    np.testing.assert_array_equal(np.concatenate([order.rows(5, s) for s in range(4)]), plain)
    drawn = np.random.default_rng([3, 7, 1]).integers(0, 10, 5)
    np.testing.assert_array_equal(order.partners(5, 7), drawn)


def test_weights_are_how_often_a_picture_comes() -> None:
    weights = np.repeat([2.0, 0.5, 1.25], [10, 40, 8])
    order = batches.Order(weights, 5)
    assert order.length == 20 + 20 + 10
    epochs = np.concatenate([order.rows(10, step) for step in range(5 * 40)]).reshape(40, 50)
    counts = np.array([np.bincount(epoch, minlength=58) for epoch in epochs])
    assert (counts[:, :10] == 2).all()
    assert (counts[:, 10:50].sum(axis=1) == 20).all() and counts[:, 10:50].max() == 1
    assert set(np.unique(counts[:, 50:])) == {1, 2}
    assert (counts[:, 10:50].sum(axis=0) > 5).all()  # the half is another one in every epoch
    partners = np.concatenate([order.partners(50, step) for step in range(60)])
    assert 0.35 < (partners < 10).mean() < 0.45


def test_a_later_start_gives_the_same_batches() -> None:
    def run(start: int, workers: int = 0) -> list[batches.Batch]:
        return list(batches.batches(Shades(), 4, 7, start, 6, pairs=True, workers=workers))

    whole = run(0)
    assert len(whole) == 6
    for rest in (run(4), run(4, workers=2)):
        for a, b in zip(whole[4:], rest, strict=True):
            assert torch.equal(a.indices, b.indices) and torch.equal(a.first, b.first)
            assert a.second is not None and b.second is not None
            assert torch.equal(a.second, b.second)


def test_pictures_labels_and_indices_belong_together() -> None:
    (batch,) = batches.batches(Shades(), 8, 7, 3, 4, pairs=False, workers=0)
    assert batch.second is None
    assert batch.first.shape == (8, 4, 4, 3)
    assert torch.equal(batch.first[:, 0, 0, 0].long(), batch.indices)
    assert torch.equal(batch.labels, batch.indices % 3)


def test_ranks_share_a_batch(monkeypatch) -> None:
    (whole,) = batches.batches(Shades(), 8, 7, 0, 1, pairs=False, workers=0)
    parts = []
    monkeypatch.setattr(ranks, "world", lambda: 2)
    for rank in (0, 1):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        parts += [b.indices for b in batches.batches(Shades(), 8, 7, 0, 1, pairs=False, workers=0)]
    assert torch.equal(torch.cat(parts), whole.indices)
    with pytest.raises(ValueError, match="not divisible by 2 ranks"):
        ranks.share(7)


class Resident(Shades):
    def crops(self) -> np.ndarray:
        return np.stack([self.image(index) for index in range(10)])


@pytest.mark.parametrize("pairs", [False, True])
def test_a_set_on_the_device_gives_the_same_batches(pairs: bool) -> None:
    cpu = torch.device("cpu")
    found = list(batches.resident(Resident(), 4, 7, 2, 6, pairs=pairs, device=cpu))
    wanted = list(batches.batches(Shades(), 4, 7, 2, 6, pairs=pairs, workers=0))
    assert len(found) == len(wanted) == 4
    for a, b in zip(found, wanted, strict=True):
        assert torch.equal(a.first, b.first) and torch.equal(a.labels, b.labels)
        assert torch.equal(a.indices, b.indices)
        assert (a.second is None) == (b.second is None) == (not pairs)
        assert not pairs or torch.equal(a.second, b.second)


def test_degraded_pictures_are_the_same_for_every_worker_and_rank(monkeypatch) -> None:
    options = Degrade(cut_out=0.5)

    def first(workers: int = 0) -> torch.Tensor:
        (batch,) = batches.batches(
            Shades(), 8, 7, 3, 4, pairs=True, workers=workers, options=options
        )
        return batch.first

    whole = first()
    assert not torch.equal(
        whole, next(batches.batches(Shades(), 8, 7, 3, 4, pairs=True, workers=0)).first
    )
    assert torch.equal(first(workers=2), whole)
    monkeypatch.setattr(batches.ranks, "share", lambda batch: slice(4, 8))
    assert torch.equal(first(), whole[4:])
