"""The training benchmark times two loops that compute the same."""

import copy

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training import models  # noqa: E402
from pocketvision.training.run import speed  # noqa: E402
from pocketvision.training.run.accelerate import accelerate  # noqa: E402


def test_both_loops_compute_one_gradient():
    torch.manual_seed(0)
    plain = models.create("mobilefacenet").train()
    fast = accelerate(copy.deepcopy(plain))
    x = torch.randn(4, 3, 64, 64)
    found = []
    for model in (plain, fast):
        model.zero_grad = lambda: None  # type: ignore[method-assign]
        speed.step(model, x, wide=False)()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    cosine = torch.nn.functional.cosine_similarity(*found, dim=0)
    assert cosine > 0.9999
    assert found[0].norm() > 0


def test_rows_are_relative_to_the_plain_loop():
    rows = speed.measure("facechain-25m", batch=4, size=80, rounds=2)
    assert [row["loop"].split(",")[0] for row in rows] == ["eager", "ours"]
    assert rows[0]["ratio"] == 1.0
    assert rows[1]["images_per_second"] == pytest.approx(
        rows[0]["images_per_second"] * rows[1]["ratio"]
    )
