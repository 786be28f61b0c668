"""Distillation of class scores: its formula, and that several teachers are their mean."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.distill import logits  # noqa: E402


def test_the_divergence_by_hand() -> None:
    student, teacher = torch.tensor([[0.0, 8.0]]), torch.tensor([[8.0, 0.0]])
    t, s = 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))
    kl = t * math.log(t / s) + (1 - t) * math.log((1 - t) / (1 - s))
    target = logits.softened([teacher], [1.0], 8.0)
    assert logits.divergence(student, target).item() == pytest.approx(64 * kl, rel=1e-5)
    assert logits.divergence(teacher, target).item() == pytest.approx(0, abs=1e-5)
    two = logits.divergence(student.expand(2, 2), target.expand(2, 2))
    assert two.item() == pytest.approx(64 * kl, rel=1e-5)  # the mean over the batch


def test_the_mean_of_teachers_pulls_as_each_of_them_would() -> None:
    torch.manual_seed(1)
    teachers, weights = [3 * torch.randn(4, 5) for _ in range(3)], [0.5, 1.0, 2.5]
    student = torch.randn(4, 5, requires_grad=True)
    whole = logits.divergence(student, logits.softened(teachers, weights, 3.0), 3.0)
    each = [
        w / 4 * logits.divergence(student, logits.softened([x], [1.0], 3.0), 3.0)
        for w, x in zip(weights, teachers, strict=True)
    ]
    one, other = (torch.autograd.grad(loss, student)[0] for loss in (whole, sum(each)))
    torch.testing.assert_close(one, other)
    assert sum(each).item() > whole.item()  # the teachers' own disagreement
