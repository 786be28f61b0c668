"""Layers: batch norms that keep their statistics through ``train()``, while weights learn."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.models.layers import keep_statistics  # noqa: E402


def test_statistics_stay_and_weights_learn() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4))
    model.train()(torch.randn(8, 3, 8, 8))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    keep_statistics(model)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        model.eval()
        model.train()  # as a validation in the middle of a run does
        assert model[0].training and not model[1].training
        optimiser.zero_grad()
        model(5 + torch.randn(8, 3, 8, 8)).square().mean().backward()
        optimiser.step()
    after = model.state_dict()
    assert list(after) == list(before)
    kept = {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    for name, value in before.items():
        assert torch.equal(value, after[name]) == (name in kept), name
