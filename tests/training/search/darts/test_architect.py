"""The bilevel gradient against the exact one, which autograd gives on a network small enough."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.search.darts.architect import (  # noqa: E402
    first_order,
    next_step,
    second_order,
)

RATE = 0.3


class Toy(nn.Module):
    """Smooth in both: y = v . (a0 tanh(W x) + a1 sin(W x))."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        draw = lambda *shape: nn.Parameter(  # noqa: E731
            0.7 * torch.randn(*shape, generator=generator, dtype=torch.float64)
        )
        self.w, self.v, self.alpha = draw(5, 4), draw(5), draw(2)

    def loss(self, x, y, w=None, v=None):
        w, v = self.w if w is None else w, self.v if v is None else v
        mixed = self.alpha.softmax(0)
        hidden = mixed[0] * torch.tanh(x @ w.T) + mixed[1] * torch.sin(x @ w.T)
        return ((hidden @ v - y) ** 2).mean()


@pytest.fixture
def setting():
    generator = torch.Generator().manual_seed(4)
    x, xv = (torch.randn(30, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    y, yv = (torch.randn(30, generator=generator, dtype=torch.float64) for _ in range(2))
    return Toy(), (x, y), (xv, yv)


def exact(toy, train, val, momentum, decay, buffers):
    """Through the step itself."""
    gradients = torch.autograd.grad(toy.loss(*train), [toy.w, toy.v], create_graph=True)
    ahead = [
        p - RATE * (g + decay * p.detach() + momentum * b)
        for p, g, b in zip([toy.w, toy.v], gradients, buffers, strict=True)
    ]
    return torch.autograd.grad(toy.loss(*val, *ahead), toy.alpha)[0]


@pytest.mark.parametrize(("momentum", "decay", "steps"), [(0.0, 0.0, 0), (0.9, 3e-3, 4)])
def test_second_order_is_the_gradient_through_a_step(setting, momentum, decay, steps) -> None:
    toy, train, val = setting
    weights = [toy.w, toy.v]
    optimiser = torch.optim.SGD(weights, lr=RATE, momentum=momentum, weight_decay=decay)
    for _ in range(steps):
        optimiser.zero_grad()
        toy.loss(*train).backward()
        optimiser.step()
    before = [value.detach().clone() for value in (*weights, toy.alpha)]
    buffers = [optimiser.state[p].get("momentum_buffer", torch.zeros_like(p)) for p in weights]
    wanted = exact(toy, train, val, momentum, decay, buffers)
    step = next_step(optimiser, lambda: toy.loss(*train))
    (found,) = second_order(
        [toy.alpha], weights, lambda: toy.loss(*train), lambda: toy.loss(*val), step, RATE
    )
    (plain,) = first_order([toy.alpha], lambda: toy.loss(*val))
    assert (found - wanted).norm() < 1e-4 * wanted.norm()
    # Were both the same here, the test would not tell one from the other.
    assert (plain - wanted).norm() > 0.05 * wanted.norm()
    for now, then in zip((*weights, toy.alpha), before, strict=True):
        assert torch.equal(now, then)


def test_the_step_is_the_optimisers(setting) -> None:
    toy, train, _ = setting
    optimiser = torch.optim.SGD([toy.w, toy.v], lr=RATE, momentum=0.9, weight_decay=0.01)
    for _ in range(3):
        step = next_step(optimiser, lambda: toy.loss(*train))
        before = [value.detach().clone() for value in (toy.w, toy.v)]
        optimiser.zero_grad()
        toy.loss(*train).backward()
        optimiser.step()
        for now, then, way in zip((toy.w, toy.v), before, step, strict=True):
            torch.testing.assert_close(now.detach(), then - RATE * way)


def test_weights_return_where_a_loss_fails(setting) -> None:
    toy, train, _ = setting
    before = toy.w.detach().clone()

    def fail():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        second_order([toy.alpha], [toy.w], lambda: toy.loss(*train), fail, [torch.ones(5, 4)], RATE)
    assert torch.equal(toy.w, before)


def test_a_validation_loss_that_weights_do_not_move_leaves_the_first_term(setting) -> None:
    toy, train, _ = setting
    (found,) = second_order(
        [toy.alpha], [toy.w], lambda: toy.loss(*train),
        lambda: (toy.alpha**2).sum() + 0 * toy.w.sum(), [torch.zeros(5, 4)], RATE,
    )  # fmt: skip
    torch.testing.assert_close(found, 2 * toy.alpha.detach())
