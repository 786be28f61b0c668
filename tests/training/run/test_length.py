"""The length of a run: by steps, or by the clock, also over several calls."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from pocketvision.training.run import length  # noqa: E402
from pocketvision.training.run.length import Length  # noqa: E402


def test_by_steps() -> None:
    run = Length(8)
    assert [run.progress(step) for step in (0, 2, 8)] == [0.0, 0.25, 1.0]
    assert not run.over(7) and run.over(8) and run.last == 8


def test_by_the_clock(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr(length.time, "monotonic", lambda: now[0])
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
