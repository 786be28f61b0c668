"""OSAKD's soft labels by hand, by a naive count, and its queue."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.distill.osakd import Queue, divergence, soft_labels  # noqa: E402


def test_shares_by_hand() -> None:
    """On a line at 0, 1, 2, 10, 11 with labels 0 0 1 1 2; the two nearest of each without itself:
    0: {1, 2}; 1: {0, 2}; 2: {1, 0}; 10: {11, 2}; 11: {10, 2}."""
    outputs = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0]])
    labels = torch.tensor([0, 0, 1, 1, 2])
    expected = [[0.5, 0.5, 0], [0.5, 0.5, 0], [1, 0, 0], [0, 0.5, 0.5], [0, 1, 0]]
    assert soft_labels(outputs, labels, 3, 2).tolist() == expected
    own = soft_labels(outputs, labels, 3, 1, include_self=True)
    assert own.argmax(1).tolist() == labels.tolist()


@pytest.mark.parametrize("with_bank", [False, True])
def test_shares_against_a_naive_count(with_bank: bool) -> None:
    torch.manual_seed(2)
    outputs, labels = torch.randn(12, 5, requires_grad=True), torch.randint(0, 4, (12,))
    bank = (torch.randn(7, 5), torch.randint(0, 4, (7,))) if with_bank else None
    found = soft_labels(outputs, labels, 4, 3, bank)
    assert not found.requires_grad
    pool = torch.cat([outputs.detach(), bank[0]]) if bank else outputs.detach()
    kinds = torch.cat([labels, bank[1]]) if bank else labels
    for row in range(12):
        others = sorted(
            (float((outputs[row].detach() - pool[j]).square().sum()), j)
            for j in range(len(pool))
            if j != row
        )
        count = [sum(int(kinds[j]) == c for _, j in others[:3]) for c in range(4)]
        assert found[row].tolist() == pytest.approx([n / 3 for n in count])


def test_too_few_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="neighbours: 4"):
        soft_labels(torch.randn(4, 2), torch.zeros(4, dtype=torch.long), 2, 4)


def test_divergences_vanish_at_the_target_and_have_gradients() -> None:
    logits = torch.randn(6, 5, requires_grad=True)
    for kind in ("mse", "kl"):
        assert divergence(logits, logits.detach().softmax(1), kind).item() == pytest.approx(
            0, abs=1e-6
        )
        target = torch.eye(5)[[0, 1, 2, 3, 4, 0]]
        loss = divergence(logits, target, kind)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss > 0 and gradient.isfinite().all() and gradient.abs().sum() > 0
    expected = (logits.softmax(1) - target).square().sum(1).mean()
    assert divergence(logits, target).item() == pytest.approx(expected.item())


def test_the_queue_keeps_the_latest_rows() -> None:
    queue = Queue(5)
    assert queue.bank is None
    for start in (0, 3, 6):
        rows = torch.arange(start, start + 3.0).view(-1, 1).requires_grad_()
        queue.push(rows, torch.arange(start, start + 3))
    assert queue.bank is not None
    outputs, labels = queue.bank
    assert outputs.view(-1).tolist() == labels.tolist() == [4, 5, 6, 7, 8]
    assert not outputs.requires_grad
