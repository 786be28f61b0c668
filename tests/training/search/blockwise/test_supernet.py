"""The supernet's paths and their rating, against each candidate by itself."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.search.blockwise import alone, supernet  # noqa: E402
from pocketvision.training.search.blockwise.rate import deviation, rating_of, ratings  # noqa: E402
from pocketvision.training.search.space import Block, Cell, Space  # noqa: E402

SPACE = Space(
    (Block((6,), (1, 3), kernels=(3, 5), expansions=(1, 3)),), stem=4, head=8, embedding=4, size=32
)


def net(depth: int = 3) -> supernet.Supernet:
    torch.manual_seed(1)
    return supernet.Supernet(SPACE, Cell(0, 6, depth), 4, 5)


def test_channels_are_the_cells_and_fitted_to_the_teachers() -> None:
    made = net()
    widths = [[block.net[-1][0].out_channels for block in layer] for layer in made.layers]
    assert widths == [[6] * 4] * 3
    assert made.fit.weight.shape == (5, 6, 1, 1)
    out = made(torch.randn(2, 4, 16, 16), (0, 3, 2))
    assert out.shape == (2, 5, 8, 8)
    assert net(1)(torch.randn(2, 4, 16, 16), (3,)).shape == (2, 5, 8, 8)


def test_a_step_moves_the_path_alone() -> None:
    made = net()
    made(torch.randn(2, 4, 16, 16), (0, 3, 2)).square().mean().backward()
    for layer, choice in zip(made.layers, (0, 3, 2), strict=True):
        for index, block in enumerate(layer):
            moved = any(p.grad is not None for p in block.parameters())
            assert moved == (index == choice)


def test_paths_are_drawn_evenly_and_again() -> None:
    drawn = [tuple(supernet.draw(4, 2, 7, step)) for step in range(1600)]
    assert drawn == [tuple(supernet.draw(4, 2, 7, step)) for step in range(1600)]
    for path in itertools.product(range(4), repeat=2):
        assert 60 < drawn.count(path) < 140


def test_the_tree_rates_as_each_candidate_by_itself() -> None:
    made = net()
    generator = torch.Generator().manual_seed(2)
    seen = torch.randn(12, 4, 16, 16, generator=generator)
    held = [torch.randn(n, 4, 16, 16, generator=generator) for n in (5, 3)]
    targets = [torch.randn(n, 5, 8, 8, generator=generator) for n in (5, 3)]
    for norm in (m for m in made.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    found = {}
    for choice in range(4):
        found |= dict(ratings(made, seen, held, targets, choice, False))
    assert list(found) == list(itertools.product(range(4), repeat=3))
    assert len(set(found.values())) == len(found)
    whole = torch.cat(targets)
    for path in [(0, 0, 0), (3, 1, 2), (2, 3, 3)]:
        one = nn.Sequential(*(made.layer(i, c) for i, c in enumerate(path)), made.fit)
        for norm in (m for m in one.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.reset_running_stats()
            norm.momentum = None
        with torch.no_grad():
            one.train()(seen)
            far = (one.eval()(torch.cat(held)) - whole).abs().mean() / whole.std()
        assert found[path] == pytest.approx(float(far), rel=1e-5)
        assert rating_of(made, path, seen, held, targets, False) == pytest.approx(found[path])
        for norm in (m for m in one.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.momentum = 0.1


def test_ratings_leave_momentum_and_mode() -> None:
    made = net()
    targets = [torch.randn(2, 5, 8, 8)]
    list(ratings(made, torch.randn(4, 4, 16, 16), [torch.randn(2, 4, 16, 16)], targets, 0, False))
    norms = [m for m in made.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.training and norm.momentum == 0.1 for norm in norms)


def test_a_path_trains_alone_and_leaves_the_supernet() -> None:
    made = net()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    generator = torch.Generator().manual_seed(3)
    given = torch.randn(16, 4, 16, 16, generator=generator)
    wanted = given.mean(dim=1, keepdim=True)[..., ::2, ::2].expand(-1, 5, -1, -1)
    asked = []

    def batch(step: int):
        asked.append(step)
        return given, wanted

    path = (3, 1, 2)
    own = alone.train(made, path, batch, lambda step: 0.01, 40, 0.0, False)
    assert asked == list(range(40))
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())
    moved = {
        name for name, value in own.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved and all(
        name.startswith(("layers.0.3.", "layers.1.1.", "layers.2.2.", "fit.")) for name in moved
    )
    rated = [rating_of(one, path, given, [given], [wanted], False) for one in (made, own)]
    assert rated[1] < 0.8 * rated[0]
    with pytest.raises(FloatingPointError, match="alone: loss is nan at step 0"):
        alone.train(
            made, path, lambda step: (given * torch.nan, wanted), lambda step: 0.1, 2, 0, False
        )


def test_a_teacher_that_says_nothing() -> None:
    with pytest.raises(ValueError, match="one value for all pictures"):
        deviation([torch.ones(2, 3, 4, 4)])
