"""The pieces of distillation: loss, projection of the teacher, small maps, fast PReLU."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from pocketvision.training.distill import teacher  # noqa: E402
from pocketvision.training.losses.embedding import embedding_regression  # noqa: E402
from pocketvision.training.models.layers import GlobalDepthwise  # noqa: E402


def unit(generator: np.random.Generator, *shape: int) -> np.ndarray:
    rows = generator.standard_normal(shape).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_loss_is_zero_for_the_teachers_direction_and_grows_with_the_angle() -> None:
    target = torch.from_numpy(unit(np.random.default_rng(0), 6, 16))
    assert embedding_regression(7 * target, target).item() == pytest.approx(0, abs=1e-5)
    other = torch.from_numpy(unit(np.random.default_rng(1), 6, 16))
    near, far = target + 0.3 * other, target + 2 * other
    assert 0 < embedding_regression(near, target) < embedding_regression(far, target)


def test_loss_against_its_formula_in_float64() -> None:
    random = np.random.default_rng(2)
    student, target = random.standard_normal((5, 8)), unit(random, 5, 8).astype(np.float64)
    s = student / np.linalg.norm(student, axis=1, keepdims=True)
    expected = (
        4 * (1 - (s * target).sum(1)).mean() + 10 * ((s @ s.T - target @ target.T) ** 2).mean()
    )
    found = embedding_regression(torch.tensor(student), torch.tensor(target, dtype=torch.float32))
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_loss_refuses_unequal_sizes() -> None:
    with pytest.raises(ValueError, match="differ"):
        embedding_regression(torch.zeros(2, 8), torch.zeros(2, 16))


def test_projection_keeps_inner_products_of_a_low_rank_space() -> None:
    random = np.random.default_rng(3)
    basis = np.linalg.qr(random.standard_normal((32, 8)))[0].T.astype(np.float32)
    targets = (unit(random, 2, 40, 8) @ basis).astype(np.float32)
    directions = teacher.basis(targets, 8)
    reduced = teacher.project(torch.from_numpy(targets), torch.from_numpy(directions)).numpy()
    assert reduced.shape == (2, 40, 8)
    before, after = (t.reshape(80, -1) @ t.reshape(80, -1).T for t in (targets, reduced))
    assert np.abs(before - after).max() < 1e-5
    with pytest.raises(ValueError, match="larger than the teacher"):
        teacher.basis(targets, 64)


def test_directions_have_the_same_sign_whatever_the_library_gives(monkeypatch) -> None:
    targets = unit(np.random.default_rng(4), 2, 40, 16)
    expected, eigh = teacher.basis(targets, 8), np.linalg.eigh

    def flipped(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = eigh(matrix)
        return values, vectors * np.where(np.arange(16) % 3, 1, -1)

    monkeypatch.setattr(np.linalg, "eigh", flipped)
    np.testing.assert_array_equal(teacher.basis(targets, 8), expected)


def test_directions_of_another_shape_are_named(tmp_path) -> None:
    path = tmp_path / "d.npy"
    with pytest.raises(FileNotFoundError, match=r"d\.npy: no such file; embedding\.directions"):
        teacher.directions(path, 32, 8)
    path.write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"d\.npy: not a \.npy file"):
        teacher.directions(path, 32, 8)
    found = np.eye(32, 8, dtype=np.float32)
    np.save(path, found)
    np.testing.assert_array_equal(teacher.directions(path, 32, 8), found)
    with pytest.raises(ValueError, match=r"expected \(32, 16\).* got \(32, 8\)"):
        teacher.directions(path, 32, 16)


def test_global_depthwise_with_a_flat_kernel_responds_alike_at_any_size() -> None:
    layer = GlobalDepthwise(4, 4, 7, groups=4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.rand(4, 1, 1, 1).expand(4, 1, 7, 7))
    full, small = (layer(torch.full((1, 4, side, side), 0.5)) for side in (7, 4))
    assert small.shape == full.shape == (1, 4, 1, 1)
    assert torch.allclose(full, small, atol=1e-5)


def test_global_depthwise_at_its_own_size_is_the_plain_convolution() -> None:
    layer = GlobalDepthwise(4, 4, 7, groups=4, bias=False)
    x = torch.randn(2, 4, 7, 7)
    assert torch.equal(layer(x), nn.functional.conv2d(x, layer.weight, groups=4))
