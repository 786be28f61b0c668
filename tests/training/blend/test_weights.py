"""Weights between two networks: the ends, the middle, and what is refused."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.blend.weights import between  # noqa: E402


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=0.3), nn.PReLU(4))
    made(torch.randn(8, 3, 6, 6) * 2 + seed)
    return made.eval()


def test_shares_go_from_parent_to_child() -> None:
    parent, child = network(1).state_dict(), network(2).state_dict()
    for share in (0.0, 0.25, 1.0):
        found = between(parent, child, share)
        assert found.keys() == parent.keys()
        for name, value in found.items():
            if value.is_floating_point():
                wanted = (1 - share) * parent[name] + share * child[name]
                torch.testing.assert_close(value, wanted)
    assert not torch.equal(parent["0.weight"], child["0.weight"])
    assert not torch.equal(parent["1.running_var"], child["1.running_var"])


def test_weights_of_two_networks_are_refused() -> None:
    one, other = network(1).state_dict(), nn.Sequential(nn.Conv2d(3, 5, 3)).state_dict()
    with pytest.raises(ValueError, match=r"8 tensors differ in name or shape, such as 0\.bias"):
        between(one, other, 0.5)
    with pytest.raises(ValueError, match=r"share: expected 0 to 1, got 1\.5"):
        between(one, one, 1.5)
