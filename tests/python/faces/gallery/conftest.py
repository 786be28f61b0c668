"""Fixtures of galleries: a calibrated model, embeddings of people, a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pocketvision import Gallery
from pocketvision.faces.gallery import enrolling, search
from pocketvision.faces.open_set import OpenSet

KEY = bytes(range(32))
WIDE = 128


def judge(record: object, fpir: float, size: int, people: int) -> OpenSet:
    """A threshold of 0.5 at any rate and size, as if it had been calibrated."""
    return OpenSet(0.5, fpir, (fpir / 2, fpir * 2), size, people, "noise")


@pytest.fixture(autouse=True)
def calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixture's model has a threshold of 0.5."""
    monkeypatch.setattr(search, "open_set", judge)
    monkeypatch.setattr(enrolling, "open_set", judge)


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> bytes | None:
    if request.param is not None:
        pytest.importorskip("cryptography")
    return request.param


@pytest.fixture
def faces() -> Callable[..., np.ndarray]:
    """``faces(seed)``: an embedding of a person; ``faces(seed, 3)``: three of one person."""

    def make(seed: int, count: int | None = None, spread: float = 0.3) -> np.ndarray:
        middle = np.random.default_rng(seed).normal(size=WIDE)
        if count is None:
            return middle.astype(np.float32)
        random = np.random.default_rng((seed, 1))
        return (middle + random.normal(size=(count, WIDE), scale=spread)).astype(np.float32)

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.pvdb"


@pytest.fixture
def gallery(path: Path, model_file: Path, key: bytes | None) -> Gallery:
    """An empty gallery, plain and encrypted."""
    return Gallery.open(path, model=model_file, key=key)
