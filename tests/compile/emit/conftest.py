"""What is written is compiled anew in each of these tests: the same bytes twice are no copy."""

from __future__ import annotations

import pytest

from pocketvision.compile.emit import codegen

from ..objects import compiled_anew


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codegen, "object_code", compiled_anew)
