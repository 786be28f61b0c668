"""A function over many items on all processor cores, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")

AHEAD = 8
"""Items a thread that may be under way or wait to be taken: all results at once fill the memory."""


def parallel(function: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """``function`` of each of ``items`` in threads, which serve what releases Python's lock.

    Image decoders do. An error of ``function`` is raised where its result would have come.
    """
    threads = len(os.sched_getaffinity(0))
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
