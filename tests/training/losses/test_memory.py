"""The memory of a teacher's embeddings: its order, and its two terms against plain loops."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from pocketvision.training.losses.memory import Memory, impostors, relation  # noqa: E402


def unit(*shape: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=-1)


@pytest.mark.parametrize("batches", [[3], [3, 3], [3, 3, 3], [5, 5], [20], [4, 17, 2]])
def test_the_last_rows_are_kept(batches: list[int]) -> None:
    memory, everything = Memory(8, 4), torch.zeros(0, 4)
    for number, count in enumerate(batches):
        rows = unit(count, 4, seed=number)
        memory.push(rows)
        everything = torch.cat([everything, rows])
    kept = {tuple(row) for row in memory.rows.tolist()}
    assert kept == {tuple(row) for row in everything[-8:].tolist()}
    again = Memory(8, 4)
    again.load_state_dict(memory.state_dict())
    assert torch.equal(again.rows, memory.rows)
    for one in (again, memory):
        one.push(unit(3, 4, seed=9))
    assert torch.equal(again.rows, memory.rows)


def test_terms_against_loops() -> None:
    student, teacher, memory = unit(5, 16) * 3, unit(5, 16, seed=1), unit(40, 16, seed=2)
    squares, worst = [], []
    for s, t in zip(student / 3, teacher, strict=True):
        pairs = sorted(((float(s @ m), float(t @ m)) for m in memory), reverse=True)
        squares += [(a - b) ** 2 for a, b in pairs]
        worst += [max(a - b, 0) ** 2 for a, b in pairs[:7]]
    assert relation(student, teacher, memory).item() == pytest.approx(sum(squares) / 200, rel=1e-5)
    found = impostors(student, teacher, memory, 7).item()
    assert found == pytest.approx(sum(worst) / 35, rel=1e-5)


def test_who_agrees_pays_nothing_and_who_is_too_far_no_impostor() -> None:
    teacher, memory = unit(5, 16), unit(40, 16, seed=2)
    assert relation(2 * teacher, teacher, memory) == pytest.approx(0, abs=1e-12)
    assert impostors(2 * teacher, teacher, memory, 8) == pytest.approx(0, abs=1e-12)
    assert impostors(-memory[:5], memory[:5], memory[:5], 1) >= 0
    # A row that turned away from all that its teacher knows has no excess.
    away = -memory[:1]
    assert impostors(away, memory[:1], memory[:1], 1).item() == 0
    assert relation(away, memory[:1], memory[:1]).item() == pytest.approx(4)


def test_a_gradient_pulls_a_stranger_down() -> None:
    memory = unit(64, 16, seed=2)
    teacher = unit(4, 16, seed=5)
    student = torch.nn.functional.normalize(memory[:4] + 0.1 * teacher, dim=1).requires_grad_()
    before = (student @ memory.T)[range(4), range(4)]
    (gradient,) = torch.autograd.grad(impostors(student, teacher, memory, 4), student)
    moved = torch.nn.functional.normalize(student - 5 * gradient, dim=1)
    assert ((moved @ memory.T)[range(4), range(4)] < before).all()


def test_an_empty_memory_and_wrong_shapes() -> None:
    student = unit(3, 8).requires_grad_()
    empty = Memory(4, 8).rows
    for term in (relation(student, unit(3, 8), empty), impostors(student, unit(3, 8), empty, 2)):
        assert term.item() == 0 and torch.autograd.grad(term, student)[0].abs().sum() == 0
    with pytest.raises(ValueError, match="project the teacher"):
        relation(student, unit(3, 4), unit(2, 8))
    with pytest.raises(ValueError, match="at least 1 row"):
        Memory(0, 8)
