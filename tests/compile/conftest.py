"""Fixtures of the compiler's tests: the machines that compiled models run on."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import pytest

from .objects import _objects  # noqa: F401
from .runners import Machines


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """Where compiled models run."""
    return Machines(tmp_path_factory.mktemp("machines"), platform.machine().lower())


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tools that tests build on demand stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
