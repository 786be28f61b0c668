"""The check itself: shapes of files and of compiled models, and processes that die."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from . import isolate
from .check import check, fitted
from .isolate import isolated


def test_a_file_s_array_goes_channels_last() -> None:
    picture = np.arange(60).reshape(1, 3, 4, 5)
    assert np.array_equal(fitted(picture, (4, 5, 3)), picture[0].transpose(1, 2, 0))
    assert np.array_equal(fitted(picture, (1, 4, 5, 3)), picture.transpose(0, 2, 3, 1))
    assert np.array_equal(fitted(picture, (3, 4, 5)), picture[0])


def test_vectors_and_batches() -> None:
    assert fitted(np.ones((1, 6)), (1, 1, 6)).shape == (1, 1, 6)
    batch = np.arange(96).reshape(2, 3, 4, 4)
    assert np.array_equal(fitted(batch, (4, 4, 3)), batch.transpose(0, 2, 3, 1))
    with pytest.raises(ValueError, match="does not fit"):
        fitted(batch, (4, 4, 4))


def test_a_process_that_dies_is_an_outcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(isolate, "check", lambda *_: os.kill(os.getpid(), signal.SIGSEGV))
    assert isolated("kws", "u8s8", None, tmp_path, 60).verdict == "signal 11"


def test_a_process_that_does_not_end_is_one_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(isolate, "check", lambda *_: signal.pause())
    assert isolated("kws", "u8s8", None, tmp_path, 0.2).verdict == "time"


def test_what_is_not_a_compile_error_keeps_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError(path.name)

    monkeypatch.setattr("tests.networks.check.load", broken, raising=True)
    one = check("kws", "u8s8", None, tmp_path)
    assert (one.verdict, one.stage) == ("ZeroDivisionError", "import")
    assert one.where.startswith("test_check.py:")
