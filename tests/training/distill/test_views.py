"""Training views: what the draws do, and that they depend on the step only."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.distill import views  # noqa: E402

STILL = views.Reach(mirror=0.0, scale=0.0, shift=0.0, light=0.0)


@pytest.fixture
def faces() -> torch.Tensor:
    random = np.random.default_rng(1)
    coarse = random.integers(40, 216, (6, 7, 7, 3), dtype=np.uint8)
    return torch.from_numpy(coarse.repeat(16, 1).repeat(16, 2))


def real(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels.permute(0, 3, 1, 2).float() - 127.5) / 127.5


def test_no_reach_is_the_picture_itself(faces) -> None:
    found = views.make(faces, faces.flip(0), views.draw(6, 1, 0), STILL)
    assert torch.allclose(found, real(faces), atol=1e-5)


def test_mirrored_views_are_mirror_images(faces) -> None:
    draws = views.draw(6, 1, 0)
    reach = views.Reach(mirror=0.5, scale=0.0, shift=0.0, light=0.0)
    flags = views.mirrored(draws, reach)
    assert 0 < flags.sum() < 6
    found = views.make(faces, None, draws, reach)
    expected = torch.where(flags.view(-1, 1, 1, 1), real(faces).flip(3), real(faces))
    assert torch.allclose(found, expected, atol=1e-4)


def test_blends_lie_between_their_two_faces(faces) -> None:
    other = faces.roll(1, 0)
    reach = views.Reach(compose=1.0, mirror=0.0, scale=0.0, shift=0.0, light=0.0)
    found = views.make(faces, other, views.draw(6, 3, 5), reach)
    low, high = torch.minimum(real(faces), real(other)), torch.maximum(real(faces), real(other))
    assert (found >= low - 1e-4).all() and (found <= high + 1e-4).all()
    assert (found - real(faces)).abs().amax((1, 2, 3)).gt(0.05).sum() >= 4


def test_share_of_blends(faces) -> None:
    reach = views.Reach(compose=0.3, mirror=0.0, scale=0.0, shift=0.0, light=0.0)
    changed = 0
    for step in range(50):
        found = views.make(faces, faces.roll(1, 0), views.draw(6, 1, step), reach)
        changed += int((found - real(faces)).abs().amax((1, 2, 3)).gt(1e-3).sum())
    assert 0.2 < changed / 300 < 0.4


def test_views_depend_on_seed_and_step_only_and_stay_in_range(faces) -> None:
    reach = views.Reach(0.5, 0.5, 0.2, 0.1, 0.1, 0.1, 0.5, 0.2)
    first, again, later = (
        views.make(faces, faces.roll(2, 0), views.draw(6, 1, step), reach) for step in (4, 4, 5)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, later)
    assert first.abs().max() <= 1


def test_rows_of_a_rank_are_those_of_the_whole_batch(faces) -> None:
    draws = views.draw(6, 1, 9)
    reach = views.Reach(0.5, 0.5, 0.2, 0.1, 0.1, 0.1, 0.5, 0.2)
    whole = views.make(faces, faces.roll(2, 0), draws, reach)
    half = views.make(faces[3:], faces.roll(2, 0)[3:], draws[3:], reach)
    assert torch.allclose(whole[3:], half, atol=1e-6)


def test_masks_are_flat_or_edges() -> None:
    found = views.masks(views.Draws.of(views.draw(400, 1, 1)), 32)
    assert found.min() >= 0 and found.max() <= 1
    flat = found.amax((1, 2, 3)) - found.amin((1, 2, 3)) < 1e-6
    assert 0.4 < flat.float().mean() < 0.6


def test_smaller_views_average() -> None:
    x = torch.rand(2, 3, 112, 112)
    small = views.shrunk(x, 56)
    assert small.shape == (2, 3, 56, 56)
    assert torch.allclose(small.mean((2, 3)), x.mean((2, 3)), atol=0.01)
    assert views.shrunk(x, 112).shape == x.shape
