"""Learning rate and input size over a run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pocketvision.training.run import schedule  # noqa: E402
from pocketvision.training.run.schedule import Length  # noqa: E402
from pocketvision.training.train.faces import read  # noqa: E402
from pocketvision.training.train.faces.recipe import Optimiser  # noqa: E402

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"


def test_cosine_warms_up_and_ends_at_zero() -> None:
    options = Optimiser(0.4)
    assert schedule.learning_rate(options, 0.0, 0) == 0
    assert schedule.learning_rate(options, 0.01, 0) == pytest.approx(0.2, rel=1e-2)
    assert schedule.learning_rate(options, 0.5, 0) == pytest.approx(0.2)
    assert schedule.learning_rate(options, 1.0, 0) == pytest.approx(0)


def test_the_papers_schedule_decays_four_times() -> None:
    options = read(RECIPES / "paper" / "pocketnet_s_128_arcface.toml").optimiser
    rates = [schedule.learning_rate(options, epoch / 26, epoch) for epoch in range(26)]
    expected = [0.1] * 7 + [0.01] * 6 + [1e-3] * 6 + [1e-4] * 5 + [1e-5] * 2
    assert rates == pytest.approx(expected)


def test_phases_of_input_size() -> None:
    recipe = read(RECIPES / "pocketnet_s_128.toml")
    sizes = [schedule.input_size(recipe.phases, at, 112) for at in (0, 0.39, 0.41, 0.71, 0.999)]
    assert sizes == [64, 64, 80, 112, 112]
    assert schedule.input_size((), 0.3, 112) == 112


def test_by_steps() -> None:
    run = Length(8)
    assert [run.progress(step) for step in (0, 2, 8)] == [0.0, 0.25, 1.0]
    assert not run.over(7) and run.over(8) and run.last == 8


def test_by_the_clock(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now[0])
    run = Length(None, minutes=2, spent=30)
    assert run.progress(0) == 0.25 and run.seconds == 30
    now[0] += 60
    assert run.progress(5) == 0.75 and not run.over(5)
    now[0] += 31
    assert run.progress(9) == 1.0 and run.over(9)
    assert run.last > 10**9


@pytest.mark.parametrize("given", [(None, None), (5, 1.0)])
def test_it_is_one_of_the_two(given) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Length(*given)
