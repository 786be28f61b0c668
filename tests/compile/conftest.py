"""Fixtures of the compiler's tests: the machines that compiled models run on."""

from __future__ import annotations

import platform

import pytest

from .machines import Machines


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """Where compiled models run."""
    return Machines(tmp_path_factory.mktemp("machines"), platform.machine().lower())
