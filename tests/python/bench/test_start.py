"""Cold starts: time until the first embedding, memory, size with requirements."""

from __future__ import annotations

import pytest

from pocketvision import Embedder
from pocketvision.bench import start
from pocketvision.bench.start import FirstFace
from pocketvision.runtime.shipped import DEFAULT_MODEL


def test_ours_starts_and_says_what_it_holds() -> None:
    (found,) = start.measure([start.ours(Embedder(DEFAULT_MODEL))], 2)
    assert 5 < found.timing.median < 60_000
    assert found.resident is None or 10 < found.resident < 200
    assert found.installed is not None and 1 < found.installed < 100


def test_what_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="first embedding failed"):
        start.measure([FirstFace("raise SystemExit(1)", ("none",))], 2)


def test_requirements_count_and_numpy_does_not() -> None:
    onnx = start.installed(FirstFace("", ("onnx",)))
    protobuf = start.installed(FirstFace("", ("protobuf",)))
    assert onnx is not None and protobuf is not None and onnx > protobuf > 0
    assert start.installed(FirstFace("", ("numpy",))) == 0
    assert start.installed(FirstFace("", ("no-such-package",))) is None
