"""Template and angular distillation against their formulae in float64."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.distill.template import angular, template  # noqa: E402


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.square().sum(1, keepdim=True).sqrt()


def test_template_starts_at_200_over_d_for_orthogonal_embeddings() -> None:
    student, teacher = torch.zeros(3, 128), torch.zeros(3, 128)
    student[:, 0], teacher[:, 1] = 5.0, 0.1
    assert template(student, teacher).item() == pytest.approx(1.5625)
    assert template(teacher, 7 * teacher).item() == pytest.approx(0, abs=1e-9)


def test_both_against_float64() -> None:
    torch.manual_seed(1)
    student, teacher = (torch.randn(9, 16, dtype=torch.float64) for _ in range(2))
    gap = (unit(student) - unit(teacher)).square()
    assert template(student.float(), teacher.float()).item() == pytest.approx(
        100 * gap.mean().item(), rel=1e-5
    )
    assert angular(student.float(), teacher.float()).item() == pytest.approx(
        7 * gap.sum(1).mean().item(), rel=1e-5
    )


@pytest.mark.parametrize("loss", [template, angular])
def test_sizes_must_agree(loss) -> None:
    with pytest.raises(ValueError, match="project"):
        loss(torch.ones(2, 8), torch.ones(2, 16))
