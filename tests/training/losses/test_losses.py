"""Margin softmax and its sharded form against formulae written naively in float64."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.losses.margin import Margin, MarginHead  # noqa: E402
from pocketvision.training.losses.partial_fc import PartialFC  # noqa: E402

MARGINS = {
    "arcface": Margin.arcface(),
    "cosface": Margin.cosface(),
    "softmax": Margin.softmax(),
    "combined": Margin(1.0, 0.3, 0.2),
    "multiplied": Margin(1.35, 0.1, 0.05),
}


@pytest.mark.parametrize("kind", MARGINS)
def test_target_is_the_formula_within_its_range(kind: str) -> None:
    margin = MARGINS[kind]
    theta = torch.linspace(0.01, (math.pi - margin.m2) / margin.m1 - 0.01, 500, dtype=torch.float64)
    expected = torch.cos(margin.m1 * theta + margin.m2) - margin.m3
    assert (margin.target(theta.cos()) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("kind", MARGINS)
def test_target_falls_with_the_angle_and_has_finite_gradients(kind: str) -> None:
    cosine = torch.linspace(1, -1, 2001, requires_grad=True)
    target = MARGINS[kind].target(cosine)
    assert (target.diff() < 1e-4).all()
    (gradient,) = torch.autograd.grad(target.sum(), cosine)
    assert gradient.isfinite().all()
    assert (target <= cosine.detach() + 1e-6).all()


def naive_loss(head: MarginHead, x: torch.Tensor, labels: torch.Tensor) -> float:
    margin, total = head.margin, 0.0
    for row, label in zip(x.double(), labels.tolist(), strict=True):
        logits = []
        for index, centre in enumerate(head.weight.detach().double()):
            theta = math.acos(float(row @ centre / row.norm() / centre.norm()))
            own = math.cos(margin.m1 * theta + margin.m2) - margin.m3
            if margin.m1 * theta + margin.m2 >= math.pi:
                own = math.cos(theta) - margin.m2 * math.sin(margin.m2) - margin.m3
            logits.append(margin.scale * (own if index == label else math.cos(theta)))
        top = max(logits)
        total += top + math.log(sum(math.exp(v - top) for v in logits)) - logits[label]
    return total / len(x)


@pytest.mark.parametrize("kind", ["arcface", "cosface", "softmax", "combined"])
@pytest.mark.parametrize("make", [MarginHead, PartialFC])
def test_loss_against_float64(kind: str, make) -> None:
    torch.manual_seed(1)
    head, x = make(16, 9, MARGINS[kind]), torch.randn(7, 16)
    labels = torch.randint(0, 9, (7,))
    assert head(x, labels).item() == pytest.approx(naive_loss(head, x, labels), rel=1e-4)


def test_the_sharded_head_on_one_rank_has_the_same_gradients() -> None:
    results = []
    for make in (MarginHead, PartialFC):
        torch.manual_seed(2)
        head = make(8, 5, Margin.arcface())
        x = torch.randn(6, 8, generator=torch.Generator().manual_seed(3), requires_grad=True)
        loss = head(x, torch.tensor([0, 1, 2, 3, 4, 0]))
        results.append((loss, *torch.autograd.grad(loss, [x, head.weight])))
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)


def test_rows_without_a_class_here_are_left_alone() -> None:
    cosine = torch.rand(3, 4) * 2 - 1
    found = Margin.arcface().logits(cosine, torch.tensor([1, -1, 2]))
    assert torch.allclose(found[1], 64 * cosine[1])
    changed = (found - 64 * cosine).abs() > 1e-4
    assert changed.nonzero().tolist() == [[0, 1], [2, 2]]


def test_margins_are_computed_in_float32_under_autocast() -> None:
    head = MarginHead(8, 5, Margin.arcface())
    with torch.autocast("cpu", torch.bfloat16):
        loss = head(torch.randn(4, 8).bfloat16(), torch.arange(4))
    assert loss.dtype == torch.float32


def test_sampling_keeps_the_batches_classes() -> None:
    torch.manual_seed(4)
    head = PartialFC(8, 50, Margin.arcface(), sampling=0.1)
    labels = torch.tensor([3, 17, 49, 3])
    weight, local = head._sampled(labels)
    assert len(weight) == 5
    assert torch.equal(weight[local], head.weight[labels])


def test_labels_and_sizes_outside_are_named() -> None:
    for head in (MarginHead(8, 5, Margin.arcface()), PartialFC(8, 5, Margin.arcface())):
        with pytest.raises(ValueError, match="labels: expected 0 to 4, got 0 to 5"):
            head(torch.randn(2, 8), torch.tensor([0, 5]))
        with pytest.raises(ValueError, match=r"expected \(B, 8\)"):
            head(torch.randn(2, 9), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="sampling"):
        PartialFC(8, 5, Margin.arcface(), sampling=0.0)


def test_a_linear_map_learns_a_tiny_set_from_random_centres() -> None:
    torch.manual_seed(5)
    centres = torch.nn.functional.normalize(torch.randn(8, 24))
    labels = torch.arange(8).repeat(16)
    x = centres[labels] + 0.1 * torch.randn(128, 24)
    net, head = torch.nn.Linear(24, 16), MarginHead(16, 8, Margin.arcface(scale=16))
    optimiser = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1, momentum=0.9)
    for _ in range(150):
        loss = head(net(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (head.logits(net(x)).argmax(1) == labels).all()
