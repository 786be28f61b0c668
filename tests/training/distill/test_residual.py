"""Residual distillation by hand: errors, constants in them, taps on stages, the sum as a model."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from pocketvision.training import models  # noqa: E402
from pocketvision.training.distill import residual  # noqa: E402
from pocketvision.training.models.rim.residual import Residual, architecture  # noqa: E402


class Chain(nn.Module):
    """Maps of 16, 8 and 4 pixels from 32, then an embedding of 6."""

    def __init__(self, *widths: int):
        super().__init__()
        layers: list[nn.Module] = []
        for given, made in zip((3, *widths), widths, strict=False):
            layers += [nn.Conv2d(given, made, 3, 2, 1), nn.ReLU(inplace=True)]
        self.body, self.out = nn.Sequential(*layers), nn.LazyLinear(6)

    def forward(self, x):
        return self.out(self.body(x).flatten(1))


@pytest.fixture
def pair():
    torch.manual_seed(0)
    model = Residual(Chain(4, 6, 8), Chain(3, 5, 7))
    model(torch.zeros(1, 3, 32, 32))
    return model


def test_errors_are_those_of_the_formulas():
    generator = torch.Generator().manual_seed(1)
    student, assistant, teacher = torch.randn(3, 5, 6, generator=generator)
    student.requires_grad_()
    unit = F.normalize(teacher, dim=1)
    first, second = residual.final(student, assistant, unit)
    wanted = unit * np.sqrt(6)
    assert first.item() == pytest.approx((student - wanted).square().mean().item(), rel=1e-5)
    rest = (wanted - student - assistant).square().mean().item()
    assert second.item() == pytest.approx(rest, rel=1e-5)
    # The sum is right exactly where the assistant has all that the student misses.
    assert residual.final(student, wanted - student.detach(), unit)[1].item() < 1e-12
    assert not second.requires_grad  # the student is a constant in the assistant's error


def test_stages_weigh_alike_whatever_their_size():
    generator = torch.Generator().manual_seed(2)
    maps = [
        torch.randn(2, 3, 8, 8, generator=generator),
        torch.randn(2, 4, 4, 4, generator=generator),
    ]
    zeros = [torch.zeros_like(one) for one in maps]
    first, second = residual.stages(zeros, zeros, [1000 * maps[0], maps[1]])
    assert first.item() == pytest.approx(1.0, rel=1e-5) and second.item() == pytest.approx(1.0)
    assert residual.stages(maps, zeros, maps)[0].item() == 0
    assert residual.stages(maps, zeros, maps)[1].item() == 0
    assert residual.stages(zeros, maps, maps)[1].item() == 0
    # A teacher that sees more pixels is averaged down.
    large = [F.interpolate(one, scale_factor=2.0) for one in maps]
    assert residual.stages(maps, zeros, large)[0].item() < 1e-10


def test_a_tap_keeps_the_last_map_of_each_side_while_it_is_entered(pair):
    chain = pair.student
    tap = residual.Tap(chain, 32, copy=True)
    assert tap.channels == {16: 4, 8: 6, 4: 8} and tap.sides == [16, 8, 4]
    x = torch.randn(5, 3, 32, 32)
    chain(x)  # outside: nothing is kept
    with tap:
        parts = torch.cat([chain(x[:2]), chain(x[2:])])
    maps = tap.taken()
    assert [tuple(one.shape) for one in maps] == [(5, 4, 16, 16), (5, 6, 8, 8), (5, 8, 4, 4)]
    torch.testing.assert_close(maps[0], chain.body[:2](x))
    torch.testing.assert_close(chain.out(maps[2].flatten(1)), parts)
    with tap:
        chain(x[:1])
    assert len(tap.taken()[0]) == 1


def test_watched_gives_both_and_their_stages_in_the_teachers_channels(pair):
    teacher = Chain(9, 10, 11)
    teacher(torch.zeros(1, 3, 32, 32))
    tap = residual.Tap(teacher, 32)
    called = residual.Watched(pair, tap, 32)
    x = torch.randn(3, 3, 32, 32)
    found = called(x)
    torch.testing.assert_close(found.student + found.assistant, pair(x))
    for maps in found[2:]:
        assert [one.shape[1] for one in maps] == [9, 10, 11]
    with tap:
        teacher(x)
    first, second = residual.stages(found.student_maps, found.assistant_maps, tap.taken())
    assert first.item() == pytest.approx(1.0) and second.item() == pytest.approx(1.0)
    small = called(torch.randn(3, 3, 24, 24)[:, :, :24, :24].repeat(1, 1, 2, 2)[:, :, :32, :32])
    assert small.student.shape == (3, 6)
    assert len(residual.Watched(pair, None, 32)(x).student_maps) == 0
    other = nn.Sequential(nn.Conv2d(3, 4, 3, 3), nn.Flatten())
    with pytest.raises(ValueError, match=r"none in common"):
        residual.Watched(pair, residual.Tap(other, 32), 32)


def test_a_teacher_without_maps_is_named():
    with pytest.raises(ValueError, match="function gives its embedding alone.*set it to 0"):
        residual.network_of(lambda planes: planes)


def test_the_sum_of_any_two_registered_networks_is_one():
    entry = models.built("both", architecture("facechain-25m", "mobilefacenet"))
    assert entry.architecture == {
        "family": "residual", "student": "facechain_25m", "assistant": "mobilefacenet",
        "embedding": 128, "size": 112,
    }  # fmt: skip
    network = entry.make().eval()
    x = torch.randn(1, 3, 112, 112)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network.student(x) + network.assistant(x))
    with pytest.raises(ValueError, match="sums need two alike"):
        architecture("facechain_25m", "iresnet18")
    with pytest.raises(ValueError, match="no model named 'facechain_24m'"):
        architecture("facechain_24m", "facechain_25m")
