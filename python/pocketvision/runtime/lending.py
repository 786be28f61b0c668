"""What calls borrow while they run, one call each: sessions, and the threads of an embedder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from .. import _runtime
from ..errors import InputError, shown

T = TypeVar("T")


class Lending(Generic[T]):
    """Objects that one call at a time may use; ``make`` builds one when all are lent."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._idle: list[T] = []

    @contextmanager
    def borrow(self) -> Iterator[T]:
        """An object that no other call holds; it is kept for the next borrower."""
        # list.pop and list.append are atomic: a lock could be held by a thread that a fork left.
        try:
            item = self._idle.pop()
        except IndexError:
            item = self._make()
        try:
            yield item
        finally:
            self._idle.append(item)

    def clear(self) -> None:
        """Forget the objects that nobody holds."""
        self._idle.clear()


def check_threads(threads: object) -> int:
    """``threads`` when it is a possible number of threads; InputError for anything else."""
    most = _runtime.MAX_THREADS
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= most:
        raise InputError(
            f"threads: expected an integer from 1 to {most}, got {shown(threads)}. More than the "
            f"processors of this machine ({os.cpu_count()}) make nothing faster."
        )
    return threads
