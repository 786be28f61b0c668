"""The octuplet loss equals its formula written out, and pulls views of one person together."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402

from pocketvision.training.losses.octuplet import octuplet  # noqa: E402


def by_hand(sharp, small, labels, margin):
    """Triplet by triplet, as the paper writes them."""
    views = [F.normalize(view, dim=1) for view in (sharp, small)]
    total = 0.0
    for anchors in views:
        for others in views:
            terms = []
            for a, label in enumerate(labels):
                distances = [float((anchors[a] - other).norm()) for other in others]
                positive = [d for i, d in enumerate(distances) if labels[i] == label and i != a]
                negative = [d for i, d in enumerate(distances) if labels[i] != label]
                if positive and negative:
                    terms.append(max(0.0, max(positive) - min(negative) + margin))
            total += sum(terms) / max(1, len(terms))
    return total


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 2, 2], [0, 1, 2, 3, 4, 4]])
@pytest.mark.parametrize("margin", [0.2, 1.5])
def test_equals_the_formula(labels, margin):
    generator = torch.Generator().manual_seed(1)
    sharp, small = torch.randn(2, 6, 5, generator=generator) * 3
    found = octuplet(sharp, small, torch.tensor(labels), margin)
    assert float(found) == pytest.approx(by_hand(sharp, small, labels, margin), rel=1e-5)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 0, 0]])
def test_nothing_to_compare_is_nothing_lost(labels):
    sharp, small = torch.randn(2, 4, 5, requires_grad=True)
    found = octuplet(sharp, small, torch.tensor(labels))
    found.backward()
    assert float(found) == 0


def test_equal_embeddings_have_finite_gradients():
    rows = torch.ones(4, 3, requires_grad=True)
    found = octuplet(rows, rows, torch.tensor([0, 0, 1, 1]), 0.5)
    found.backward()
    assert float(found) == pytest.approx(2.0, abs=1e-3) and torch.isfinite(rows.grad).all()


def test_descent_brings_small_views_to_their_people():
    generator = torch.Generator().manual_seed(2)
    labels = torch.arange(8) // 2
    sharp = torch.randn(8, 16, generator=generator)
    small = torch.randn(8, 16, generator=generator).requires_grad_()
    optimiser = torch.optim.SGD([small], 1.0)
    before = float(octuplet(sharp, small, labels))
    for _ in range(100):
        optimiser.zero_grad()
        octuplet(sharp, small, labels).backward()
        optimiser.step()
    assert float(octuplet(sharp, small, labels)) < 0.7 * before
