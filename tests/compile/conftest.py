"""Fixtures of the compiler's tests: machines to run on, and when the long tests run."""

from __future__ import annotations

import platform

import pytest

from .machines import Machines

FULL = "full: long; runs only where -m names it (`make test-full`)"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", FULL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the long tests unless the marker expression names them."""
    if "full" in str(config.option.markexpr):
        return
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="long; run with -m full"))


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """Where compiled models run."""
    return Machines(tmp_path_factory.mktemp("machines"), platform.machine().lower())
