"""A function over many items in threads: results in order, errors in their place, few ahead."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("torch")

from pocketvision.training.run import parallel as module  # noqa: E402
from pocketvision.training.run.parallel import parallel  # noqa: E402


def test_results_come_in_order_and_from_threads() -> None:
    seen = set()

    def square(value: int) -> int:
        seen.add(threading.get_ident())
        return value * value

    assert list(parallel(square, range(1000))) == [value * value for value in range(1000)]
    assert threading.get_ident() not in seen


def test_no_more_than_a_few_items_are_taken_ahead(monkeypatch) -> None:
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda _: {0, 1})
    taken: list[int] = []
    source = (taken.append(value) or value for value in range(1000))
    results = parallel(lambda value: value, source)
    assert next(results) == 0 and len(taken) == 2 * module.AHEAD


def test_an_error_is_raised_where_its_result_would_come() -> None:
    results = parallel(lambda value: 1 // value, [1, 1, 0, 1])
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
