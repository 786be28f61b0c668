"""The example identify.c of the smallest shipped model: its run on a board, and its answers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from pocketvision.compile.emit import sources

from .conftest import need

NAME = "facechain-25m"


def run(
    folder: Path, core: str, out: Path, *words: str, example: str = "identify"
) -> subprocess.CompletedProcess[str]:
    """``make run`` of the example in ``out``, at most three minutes."""
    need("make", "make")
    return subprocess.run(
        ["timeout", "180", "make", "-s", "-f", str(sources.firmware_directory() / "Makefile"),
         f"MODEL={folder}/{NAME}", f"TARGET={core}", f"EXAMPLE={example}", *words, "run"],
        cwd=out, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def answers(said: str) -> dict[str, tuple[str, float, float]]:
    """Per probe the name, ``?`` before one that is not accepted, with score and threshold."""
    pattern = (
        r"^(\S+)\.again: (unknown, most like )?(\S+), score (-?\d\.\d{3}) ([<>]=?) threshold "
        r"(\d\.\d{3}) \(false accepts: 1000 of 1000000 comparisons on LFW View 2\)"
        r"(?:; not reliable: .+)?$"
    )
    found = re.findall(pattern, said, re.MULTILINE)
    for _, unknown, _, score, sign, threshold in found:
        assert (sign == "<") == bool(unknown) == (float(score) < float(threshold))
    return {
        probe: ("?" * bool(unknown) + name, float(score), float(threshold))
        for probe, unknown, name, score, _, threshold in found
    }
