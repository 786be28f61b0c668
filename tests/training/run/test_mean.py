"""The moving average of a run's weights, against a plain sum."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.run.mean import Mean  # noqa: E402


def test_it_is_the_average_of_the_steps() -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).double()
    mean = Mean(model, 0.7)
    wanted = {name: value.clone() for name, value in model.state_dict().items()}
    for step in range(1, 12):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        model(torch.randn(8, 3, dtype=torch.float64))
        mean.follow(model)
        kept = min(0.7, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                wanted[name] = kept * wanted[name] + (1 - kept) * value
            else:
                wanted[name] = value.clone()
    for name, value in mean.model.state_dict().items():
        torch.testing.assert_close(value, wanted[name])
    again = Mean(model, 0.7)
    again.load_state_dict(mean.state_dict())
    assert again.steps == 11
    assert not mean.model.training and model.training


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5])
def test_wrong_decays(decay: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Mean(nn.Linear(1, 1), decay)
