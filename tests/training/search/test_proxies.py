"""Proxies against what they mean on networks whose answer is known, and the ranks combined."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.models.count import count  # noqa: E402
from pocketvision.training.models.inverted import Inverted  # noqa: E402
from pocketvision.training.search import proxies  # noqa: E402


def net(layers: str = "8 k3e3, 12 k3e3 k5e3, 16 k3e3") -> Inverted:
    torch.manual_seed(0)
    return Inverted(layers, 8, 16, size=48, embedding=8)


def test_scores_are_the_same_again_and_leave_the_network() -> None:
    made = net().eval()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    first, second = (proxies.scores(made, 48, seed=3) for _ in range(2))
    assert first.expressivity == second.expressivity and not made.training
    counted = count(made, 48)
    assert (first.macs, first.parameters) == (counted.macs, counted.parameters)
    parameters = {name for name, _ in made.named_parameters()}
    after = made.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in parameters)
    assert proxies.scores(made, 48, seed=4).trainability != first.trainability
    assert set(first.named()) == {
        "expressivity", "progressivity", "trainability", "macs", "parameters"
    }  # fmt: skip


def test_entropy_is_that_of_the_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    even = torch.randn(64, 6, 8, 8, generator=generator)
    assert proxies._entropy(even) == pytest.approx(math.log(6), abs=1e-2)
    one = even[:, :1].expand(-1, 6, -1, -1) + 3.0
    assert proxies._entropy(one) == pytest.approx(0.0, abs=1e-6)
    two = torch.cat([even[:, :2], torch.zeros(64, 4, 8, 8)], dim=1)
    assert proxies._entropy(two) == pytest.approx(math.log(2), abs=1e-2)


def test_the_norm_is_that_of_a_linear_block() -> None:
    """Of a 1x1 convolution the Jacobian is its matrix at every place."""
    generator = torch.Generator().manual_seed(1)
    block = nn.Conv2d(6, 9, 1, bias=False)
    before = torch.randn(64, 6, 12, 12, generator=generator, requires_grad=True)
    found = proxies._norm(before, block(before), generator)
    wanted = float(torch.linalg.matrix_norm(block.weight[:, :, 0, 0].detach(), ord=2))
    assert found == pytest.approx(wanted, rel=0.05)


def test_a_block_that_halves_the_map_keeps_the_four_places_apart() -> None:
    """Each place has a weight of its own: the norm is theirs together, not of their mean."""
    generator = torch.Generator().manual_seed(1)
    block = nn.Conv2d(1, 1, 2, stride=2, bias=False)
    block.weight.data = torch.tensor([[[[1.0, -1.0], [2.0, -2.0]]]])
    before = torch.randn(16, 1, 16, 16, generator=generator, requires_grad=True)
    found = proxies._norm(before, block(before), generator)
    assert found == pytest.approx(math.sqrt(10), rel=1e-5)


def test_a_block_that_keeps_lengths_trains_best() -> None:
    norms = [0.3, 1.0, 4.0]
    values = [2 - s - 1 / s for s in norms]
    assert max(values) == values[1] == 0.0


def test_ranks_combined() -> None:
    table = [{"a": 1.0, "b": 5.0}, {"a": 2.0, "b": 5.0}, {"a": 9.0, "b": 1.0}]
    found = proxies.combined(table, ("a", "b"))
    assert found == pytest.approx(
        [math.log(1 / 3) + math.log(2.5 / 3), math.log(2 / 3) + math.log(2.5 / 3), math.log(1 / 3)]
    )
    assert np.argmax(found) == 1  # good in both beats best in one and last in the other
    assert proxies.combined([table[0]], ("a", "b")).tolist() == [0.0]


def test_more_layers_express_more_and_cost_more() -> None:
    few, many = (
        proxies.scores(net(text), 48) for text in ("8 k3e3, 12 k3e3", "8 k3e3, 12 k3e3 k3e3")
    )
    assert many.expressivity > few.expressivity and many.macs > few.macs
